#include "bench/common/suite.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "bench/common/cycles.h"
#include "bench/common/machine.h"

namespace aether::bench {

namespace {

constexpr int kWrongResult = 4;
constexpr std::string_view kBoundMark = "/bound:";

// The console, and afterwards every row beside its bounds.
class Reporter : public benchmark::ConsoleReporter {
 public:
  explicit Reporter(bool tabular) : ConsoleReporter(tabular ? OO_Tabular : OO_None) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    // Of the same moment as the row: on a shared machine the clock's rate is not constant.
    const double cycles_per_ns = MeasureCyclesPerNs();
    for (const Run& run : runs) {
      if (run.error_occurred) {
        ++errors_;
        continue;
      }
      if (run.report_big_o || run.report_rms) continue;
      const double ns = run.GetAdjustedCPUTime() / benchmark::GetTimeUnitMultiplier(run.time_unit) *
                        benchmark::GetTimeUnitMultiplier(benchmark::kNanosecond);
      const std::string& name = run.run_name.function_name;
      if (run.run_type == Run::RT_Iteration) {
        Remember(name).samples.push_back(ns);
        if (const auto bytes = run.counters.find(std::string(kBytesEach));
            bytes != run.counters.end())
          rows_[name].bytes_each = bytes->second.value;
        rows_[name].cycles_per_ns.push_back(cycles_per_ns);
      } else if (run.aggregate_name == "median") {
        Remember(name).median_ns = ns;
      }
    }
  }

  size_t errors() const { return errors_; }
  size_t rows() const { return rows_.size(); }

  // A figure without its bound is not a result.
  void PrintRatios() {
    std::printf("\n%-58s %12s %10s   %s\n", "row (CPU time of one operation, median)", "ns",
                "cycles", "bound: ns, row / bound, bound / row");
    for (const std::string& name : order_) {
      if (name.find(kBoundMark) != name.npos) continue;
      if (rows_[name].bytes_each) {
        std::printf("%-58s %12.2f bytes\n", name.c_str(), *rows_[name].bytes_each);
        continue;
      }
      const double ns = MedianOf(name);
      std::printf("%-58s %12.2f %10.1f", name.c_str(), ns,
                  ns * MedianOf(rows_[name].cycles_per_ns));
      for (const std::string& bound : order_) {
        const size_t mark = bound.find(kBoundMark);
        if (mark == bound.npos || !BelongsTo(name, bound.substr(0, mark))) continue;
        const double bound_ns = MedianOf(bound);
        std::printf("   %s: %.2f, %.2f, %.2f", bound.c_str() + mark + kBoundMark.size(), bound_ns,
                    ns / bound_ns, bound_ns / ns);
      }
      std::printf("\n");
    }
  }

 private:
  struct Row {
    std::vector<double> samples;  // ns
    std::vector<double> cycles_per_ns;
    double median_ns = 0;
    std::optional<double> bytes_each;
  };

  Row& Remember(const std::string& name) {
    if (!rows_.contains(name)) order_.push_back(name);
    return rows_[name];
  }
  double MedianOf(const std::string& name) {
    Row& row = rows_[name];
    return row.samples.empty() ? row.median_ns : MedianOf(row.samples);
  }
  static double MedianOf(std::vector<double>& values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  static bool BelongsTo(const std::string& name, const std::string& prefix) {
    return name == prefix || (name.starts_with(prefix) && name[prefix.size()] == '/');
  }

  std::map<std::string, Row> rows_;
  std::vector<std::string> order_;
  size_t errors_ = 0;
};

bool TakeFlag(std::vector<char*>& arguments, std::string_view flag) {
  const auto at = std::find_if(arguments.begin() + 1, arguments.end(),
                               [&](const char* argument) { return argument == flag; });
  if (at == arguments.end()) return false;
  arguments.erase(at);
  return true;
}

// The number behind `prefix`; 0 when it is not there, -1 when it is none.
int64_t TakeCount(std::vector<char*>& arguments, std::string_view prefix) {
  for (auto at = arguments.begin() + 1; at != arguments.end(); ++at) {
    const std::string_view argument(*at);
    if (!argument.starts_with(prefix)) continue;
    int64_t count = 0;
    const char* const end = argument.data() + argument.size();
    const auto [last, error] = std::from_chars(argument.data() + prefix.size(), end, count);
    arguments.erase(at);
    return error == std::errc() && last == end && count > 0 ? count : -1;
  }
  return 0;
}

bool HasFlag(const std::vector<char*>& arguments, std::string_view prefix) {
  return std::any_of(arguments.begin() + 1, arguments.end(), [&](const char* argument) {
    return std::string_view(argument).starts_with(prefix);
  });
}

}  // namespace

benchmark::internal::Benchmark* Suite::Add(const std::string& row, Check check, Timed timed) {
  checks_.emplace_back(row, std::move(check));
  rows_.push_back(benchmark::RegisterBenchmark(row.c_str(), std::move(timed)));
  return rows_.back();
}

void Suite::AddBound(const std::string& row, const std::string& what, Timed timed) {
  rows_.push_back(benchmark::RegisterBenchmark((row + std::string(kBoundMark) + what).c_str(),
                                               std::move(timed)));
}

void Suite::FixIterations(int64_t iterations) {
  for (benchmark::internal::Benchmark* row : rows_) row->Iterations(iterations);
}

void Suite::AddCheck(const std::string& name, Check check) {
  checks_.emplace_back(name, std::move(check));
}

size_t Suite::RunChecks() const {
  size_t wrong = 0;
  for (const auto& [name, check] : checks_) {
    const std::string what = check();
    if (what.empty()) continue;
    ++wrong;
    std::fprintf(stderr, "WRONG RESULT: %s: %s\n", name.c_str(), what.c_str());
  }
  return wrong;
}

int SuiteMain(int argc, char** argv, void (*fill)(Suite&)) {
  std::vector<char*> arguments(argv, argv + argc);
  const bool quick = TakeFlag(arguments, "--quick");
  // Checks only: under a debugger, or in a build that nothing is timed in.
  const bool check_only = TakeFlag(arguments, "--check");
  // For whoever runs the same binary many times and has had its results checked.
  const bool unchecked = TakeFlag(arguments, "--unchecked");
  const int64_t iterations = TakeCount(arguments, "--iterations=");
  if (iterations < 0) {
    std::fprintf(stderr, "%s: --iterations takes a number from 1 on\n", argv[0]);
    return 1;
  }
  static char quick_time[] = "--benchmark_min_time=0.0001";
  if (quick && !HasFlag(arguments, "--benchmark_min_time")) arguments.push_back(quick_time);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (count > 1) {
    std::fprintf(stderr,
                 "%s: unknown argument %s; known are --quick, --check, --unchecked, --iterations=N "
                 "and --benchmark_*\n",
                 argv[0], arguments[1]);
    return 1;
  }

  Suite suite(quick);
  fill(suite);
  if (iterations > 0) suite.FixIterations(iterations);
  if (const size_t wrong = unchecked ? 0 : suite.RunChecks(); wrong != 0) {
    std::fprintf(stderr, "%zu of %zu checks failed; nothing is timed\n", wrong,
                 suite.check_count());
    return kWrongResult;
  }
  if (!unchecked) std::printf("%zu checks passed\n", suite.check_count());
  if (check_only) return 0;

  for (const auto& [key, value] : DescribeMachine()) benchmark::AddCustomContext(key, value);
  benchmark::AddCustomContext("cycles_per_ns", std::to_string(MeasureCyclesPerNs()));
  benchmark::AddCustomContext("quick", quick ? "yes, no figure means anything" : "no");
  std::fflush(stdout);

  Reporter reporter(false);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  if (reporter.errors() != 0) {
    std::fprintf(stderr, "%zu rows failed\n", reporter.errors());
    return kWrongResult;
  }
  if (reporter.rows() == 0) {
    std::fprintf(stderr, "no row was run\n");
    return 1;
  }
  reporter.PrintRatios();
  return 0;
}

}  // namespace aether::bench
