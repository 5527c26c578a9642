// What each mechanism of TCP costs, from the original's shortcuts to everything: a profile beside
// the one that it differs from in one mechanism, chunk by chunk in turn. bench/prices makes a table
// of it.
#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <utility>

#include "bench/common/generators.h"
#include "bench/common/median.h"
#include "bench/common/suite.h"
#include "bench/common/thread_clock.h"
#include "bench/profiles/variant.h"
#include "bench/profiles/workload.h"
#include "bench/stack/operations.h"
#include "bench/stack/resident.h"
#include "bench/stack/stack_cases.h"
#include "stack/base/check.h"

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

void Time(benchmark::State& state, const std::string& workload, const Variant& variant) {
  const auto measured = MakeWorkload(workload, variant.profile, /*check=*/false);
  const auto base = MakeWorkload(workload, VariantOfName(variant.base)->profile, /*check=*/false);
  Generator coin(1);
  Pairs pairs;
  measured->Prepare();
  measured->Run();
  const uint32_t operations = measured->operations();
  while (state.KeepRunningBatch(operations)) {
    state.PauseTiming();
    const bool base_first = coin.Below(2) == 0;
    double base_ns = 0;
    if (base_first) base_ns = MeasureNs(*base);
    measured->Prepare();
    AETHER_CHECK(measured->operations() == operations);
    state.ResumeTiming();
    const double begin = ThreadNs();
    measured->Run();
    const double ns = (ThreadNs() - begin) / operations;
    state.PauseTiming();
    if (!base_first) base_ns = MeasureNs(*base);
    pairs.ns.push_back(ns);
    pairs.base_ns.push_back(base_ns);
    pairs.differences_ns.push_back(ns - base_ns);
    pairs.ratios.push_back(ns / base_ns);
    state.ResumeTiming();
  }
  for (const Workload* const each : {measured.get(), base.get()}) {
    const std::string wrong = each->Wrong();
    if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  }
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
  for (const std::string_view name : kWorkloads) {
    const std::string workload(name);
    for (const Variant& variant : Variants()) {
      suite.Add(
          "profiles/" + workload + "/" + variant.name,
          [=] { return CheckExactly(workload, variant); },
          [=](benchmark::State& state) { Time(state, workload, variant); });
    }
    suite.AddBound("profiles/" + workload, "classic", [=](benchmark::State& state) {
      Time(state, workload, *VariantOfName("classic"));
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
  using namespace aether::bench;
  if (IsOperationsCall(argc, argv)) {
    return RunOperations(argc, argv,
                         "PROFILE/CASE, where PROFILE is full, classic, full-MECHANISM or "
                         "classic+MECHANISM, and CASE is one of bench_stack",
                         RunCaseOfVariant);
  }
  KeepTablesApart();
  return SuiteMain(argc, argv, Fill);
}
