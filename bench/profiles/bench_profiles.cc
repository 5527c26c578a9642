// What each mechanism of TCP costs, from the original's shortcuts to everything: a profile beside
// the one that it differs from in one mechanism, chunk by chunk in turn. bench/prices makes a table
// of it.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/median.h"
#include "bench/common/suite.h"
#include "bench/common/thread_clock.h"
#include "bench/profiles/variant.h"
#include "bench/profiles/workload.h"
#include "bench/stack/operations.h"
#include "bench/stack/resident.h"
#include "bench/stack/stack_cases.h"

namespace aether::bench {
namespace {

// Per operation.
double MeasureNs(Workload& workload) {
  workload.Prepare();
  const double begin = ThreadNs();
  workload.Run();
  return (ThreadNs() - begin) / workload.operations();
}

struct Pairs {
  std::vector<double> ns;
  std::vector<double> base_ns;
  std::vector<double> differences_ns;
  std::vector<double> ratios;
  std::string wrong;
};

void SetCounters(benchmark::State& state, const Pairs& pairs) {
  const auto set = [&](const std::string& name, const Median& median) {
    state.counters[name] = median.value;
    state.counters[name + "_low"] = median.low;
    state.counters[name + "_high"] = median.high;
  };
  set("ns", MedianOf(pairs.ns));
  set("base_ns", MedianOf(pairs.base_ns));
  set("difference_ns", MedianOf(pairs.differences_ns));
  set("ratio", MedianOf(pairs.ratios));
  state.counters["pairs"] = static_cast<double>(pairs.ns.size());
}

// Pairs of chunks in a random order. Where the two lie in memory makes a difference, too, so that
// they are made anew after some pairs, again in a random order.
void MeasurePairs(const std::string& workload, const Variant& variant, size_t count, Pairs& pairs) {
  constexpr size_t kPairsOfOnePlace = 6;
  const tcp::Profile base_profile = VariantOfName(variant.base)->profile;
  Generator coin(1);
  std::unique_ptr<Workload> measured;
  std::unique_ptr<Workload> base;
  while (pairs.ns.size() < count) {
    if (pairs.ns.size() % kPairsOfOnePlace == 0) {
      measured.reset();
      base.reset();
      const bool base_first = coin.Below(2) == 0;
      if (base_first) base = MakeWorkload(workload, base_profile, /*check=*/false);
      measured = MakeWorkload(workload, variant.profile, /*check=*/false);
      if (!base_first) base = MakeWorkload(workload, base_profile, /*check=*/false);
    }
    const bool base_first = coin.Below(2) == 0;
    double base_ns = 0;
    if (base_first) base_ns = MeasureNs(*base);
    const double ns = MeasureNs(*measured);
    if (!base_first) base_ns = MeasureNs(*base);
    pairs.ns.push_back(ns);
    pairs.base_ns.push_back(base_ns);
    pairs.differences_ns.push_back(ns - base_ns);
    pairs.ratios.push_back(ns / base_ns);
    for (const Workload* const each : {measured.get(), base.get()}) {
      if (pairs.wrong.empty()) pairs.wrong = each->Wrong();
    }
  }
}

void Time(benchmark::State& state, const std::string& workload, const Variant& variant,
          size_t pairs_min) {
  const auto measured = MakeWorkload(workload, variant.profile, /*check=*/false);
  measured->Prepare();
  while (state.KeepRunningBatch(measured->operations())) {
    measured->Run();
    state.PauseTiming();
    measured->Prepare();
    state.ResumeTiming();
  }
  measured->Run();
  // Once for each row, however often Google Benchmark asks for it to find out how long it takes.
  static std::map<std::string, Pairs> all_pairs;
  Pairs& pairs = all_pairs[workload + '/' + variant.name];
  MeasurePairs(workload, variant, pairs_min, pairs);
  const std::string wrong = measured->Wrong().empty() ? pairs.wrong : measured->Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  SetCounters(state, pairs);
}

std::string CheckExactly(const std::string& name, const Variant& variant) {
  const auto workload = MakeWorkload(name, variant.profile, /*check=*/true);
  for (int chunk = 0; chunk < 2; ++chunk) {
    workload->Prepare();
    workload->Run();
  }
  return workload->Wrong();
}

void Fill(Suite& suite) {
  const size_t pairs = suite.Pick(size_t{60}, size_t{1});
  for (const std::string_view name : kWorkloads) {
    const std::string workload(name);
    for (const Variant& variant : Variants()) {
      suite.Add(
          "profiles/" + workload + "/" + variant.name,
          [=] { return CheckExactly(workload, variant); },
          [=](benchmark::State& state) { Time(state, workload, variant, pairs); });
    }
    suite.AddBound("profiles/" + workload, "classic", [=](benchmark::State& state) {
      Time(state, workload, *VariantOfName("classic"), pairs);
    });
  }
}

// "full-sack/keepalive/100/batch_32".
std::optional<std::string> RunCaseOfVariant(std::string_view name, uint64_t operations,
                                            OperationTotals& totals) {
  const size_t slash = name.find('/');
  if (slash == name.npos) return std::nullopt;
  const std::optional<Variant> variant = VariantOfName(name.substr(0, slash));
  if (!variant) return std::nullopt;
  return RunStackCase(name.substr(slash + 1), operations, totals, variant->profile);
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) {
  namespace bench = aether::bench;
  if (bench::IsOperationsCall(argc, argv)) {
    return bench::RunOperations(argc, argv,
                                "PROFILE/CASE, where PROFILE is full, classic, full-MECHANISM or "
                                "classic+MECHANISM, and CASE is one of bench_stack",
                                bench::RunCaseOfVariant);
  }
  bench::KeepTablesApart();
  return bench::SuiteMain(argc, argv, bench::Fill);
}
