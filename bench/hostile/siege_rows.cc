// Rows of real traffic under a flood. One operation is a real request together with its share of
// the flood. Beside it the same traffic without a flood, and the same flood without the traffic,
// chunk by chunk in turn: what the two cost alone is what they may cost together.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <string>

#include "bench/common/median.h"
#include "bench/hostile/rows.h"

namespace aether::bench {
namespace {

struct Lanes {
  explicit Lanes(const SiegeOptions& options)
      : under_flood(options), flood_alone(Alone(options)), unattacked(Without(options)) {}

  static SiegeOptions Alone(SiegeOptions options) {
    options.real_requests = false;
    return options;
  }
  static SiegeOptions Without(SiegeOptions options) {
    options.flood = FloodKind::kNone;
    return options;
  }
  std::string Wrong() const {
    for (const Siege* const siege : {&under_flood, &flood_alone, &unattacked}) {
      const std::string wrong = siege->Wrong();
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  Siege under_flood;
  Siege flood_alone;
  Siege unattacked;
};

struct Result {
  std::vector<double> shares;  // one per round
  std::vector<double> answered;
  std::vector<double> real_ns;     // of a real frame, unattacked
  std::vector<double> hostile_ns;  // of a hostile frame, alone
  Median p99_ns, p999_ns;
  Median plain_p99_ns, plain_p999_ns;
};

// How much is measured at least.
struct Effort {
  size_t rounds_min;
  size_t groups;
  size_t requests;  // of a group
};

struct Results {
  std::vector<std::string> order;
  std::map<std::string, Result> by_row;
  Result& Of(const std::string& row) {
    if (!by_row.contains(row)) order.push_back(row);
    return by_row[row];
  }
};
Results& AllResults() {
  static Results results;
  return results;
}

// Only one set is in memory.
Lanes& LanesOf(const std::string& row, const SiegeOptions& options) {
  static std::string current;
  static std::unique_ptr<Lanes> lanes;
  if (current != row) {
    lanes.reset();
    lanes = std::make_unique<Lanes>(options);
    current = row;
  }
  return *lanes;
}

void Prepare(Siege& siege) {
  siege.Record();
  siege.RunWarmUp();
}

SiegeTime Measure(Siege& siege) {
  Prepare(siege);
  return siege.MeasureTimed();
}

// One round: what was just measured under the flood, against the two others of the same moment.
void Compare(Lanes& lanes, const SiegeTime& under_flood, bool alone_first, Result& result) {
  SiegeTime alone;
  if (alone_first) alone = Measure(lanes.flood_alone);
  const SiegeTime plain = Measure(lanes.unattacked);
  if (!alone_first) alone = Measure(lanes.flood_alone);
  const double real_ns = plain.ns / plain.real_frames;
  const double hostile_ns = alone.ns / alone.hostile_frames;
  const double answered =
      static_cast<double>(under_flood.answered) / static_cast<double>(under_flood.operations);
  result.real_ns.push_back(real_ns);
  result.hostile_ns.push_back(hostile_ns);
  result.answered.push_back(answered);
  // Requests not answered are not work done, but their frames were there.
  result.shares.push_back(
      answered * (under_flood.real_frames * real_ns + under_flood.hostile_frames * hostile_ns) /
      under_flood.ns);
}

// Quantiles of groups of requests, and the median of the groups: a machine that stalls for a moment
// spoils one of them.
void MeasureService(Siege& siege, const Effort& effort, Median& p99, Median& p999) {
  std::vector<double> of_99;
  std::vector<double> of_999;
  constexpr int kChunksMax = 256;  // of a server that answers hardly anything
  for (size_t group = 0; group < effort.groups; ++group) {
    std::vector<double> service_ns;
    for (int chunk = 0; chunk < kChunksMax && service_ns.size() < effort.requests; ++chunk) {
      Prepare(siege);
      siege.RunForService(service_ns);
    }
    if (service_ns.empty()) continue;
    of_99.push_back(QuantileOf(service_ns, 0.99));
    of_999.push_back(QuantileOf(service_ns, 0.999));
  }
  if (of_99.empty()) return;
  p99 = MedianOf(of_99);
  p999 = MedianOf(of_999);
}

void SetCounters(benchmark::State& state, const Lanes& lanes, const Result& result) {
  const Median share = MedianOf(result.shares);
  state.counters["of_cpu_share"] = share.value;
  state.counters["of_cpu_share_low"] = share.low;
  state.counters["of_cpu_share_high"] = share.high;
  state.counters["answered"] = MedianOf(result.answered).value;
  state.counters["hostile_ns"] = MedianOf(result.hostile_ns).value;
  state.counters["p99_ns"] = result.p99_ns.value;
  state.counters["p999_ns"] = result.p999_ns.value;
  state.counters["unattacked_p99_ns"] = result.plain_p99_ns.value;
  state.counters["unattacked_p999_ns"] = result.plain_p999_ns.value;
#define AETHER_BENCH_COUNTER(member, text) \
  if (use.member != 0) state.counters["max_" #member] = use.member;
  const MemoryUse& use = lanes.under_flood.high_water();
  AETHER_MEMORY_USE(AETHER_BENCH_COUNTER)
#undef AETHER_BENCH_COUNTER
}

void TimeUnderFlood(benchmark::State& state, const std::string& row, const SiegeOptions& options,
                    const Effort& effort) {
  Lanes& lanes = LanesOf(row, options);
  Result& result = AllResults().Of(row);
  Generator coin(result.shares.size());
  Prepare(lanes.under_flood);
  while (state.KeepRunningBatch(lanes.under_flood.operations_timed())) {
    const SiegeTime time = lanes.under_flood.MeasureTimed();
    state.PauseTiming();
    Compare(lanes, time, coin.Below(2) == 0, result);
    Prepare(lanes.under_flood);
    state.ResumeTiming();
  }
  // The chunk that is prepared already must not be lost to the server. However long one round took,
  // a median of a few is none.
  do {
    Compare(lanes, lanes.under_flood.MeasureTimed(), coin.Below(2) == 0, result);
    Prepare(lanes.under_flood);
  } while (result.shares.size() < effort.rounds_min);
  lanes.under_flood.RunTimed();
  MeasureService(lanes.unattacked, effort, result.plain_p99_ns, result.plain_p999_ns);
  // What is answered late is not answered in the Receive that got it.
  if (options.flood != FloodKind::kSlowCrowd)
    MeasureService(lanes.under_flood, effort, result.p99_ns, result.p999_ns);
  const std::string wrong = lanes.Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  SetCounters(state, lanes, result);
}

void TimeBound(benchmark::State& state, Siege& siege) {
  Prepare(siege);
  while (state.KeepRunningBatch(siege.operations_timed())) {
    siege.RunTimed();
    state.PauseTiming();
    Prepare(siege);
    state.ResumeTiming();
  }
  siege.RunTimed();
  const std::string wrong = siege.Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
}

// A short siege, every frame compared and read by the naive parser.
std::string CheckExactly(SiegeOptions options) {
  options.strict = true;
  options.frames_per_chunk = 2048;
  Lanes lanes(options);
  for (Siege* const siege : {&lanes.under_flood, &lanes.flood_alone, &lanes.unattacked}) {
    siege->Record();
    siege->RunExact();
    Prepare(*siege);
    siege->RunTimed();
  }
  return lanes.Wrong();
}

}  // namespace

void AddSiegeRows(Suite& suite) {
  const Effort effort = suite.Pick(Effort{41, 5, 2000}, Effort{1, 1, 100});
  for (const FloodName& flood : kFloods) {
    for (const bool close : {false, true}) {
      if (!GoesWith(flood.kind, close)) continue;
      const std::string row =
          "hostile/" + std::string(flood.name) + (close ? "/close" : "/keepalive");
      SiegeOptions options{.flood = flood.kind, .close = close};
      options.frames_per_chunk = suite.Pick(8192u, 2048u);
      suite.Add(
          row, [options] { return CheckExactly(options); },
          [=](benchmark::State& state) { TimeUnderFlood(state, row, options, effort); });
      suite.AddBound(row, "unattacked", [=](benchmark::State& state) {
        TimeBound(state, LanesOf(row, options).unattacked);
      });
      suite.AddBound(row, "flood_alone", [=](benchmark::State& state) {
        TimeBound(state, LanesOf(row, options).flood_alone);
      });
    }
  }
}

void PrintSieges() {
  const Results& results = AllResults();
  if (results.order.empty()) return;
  std::printf("\n%-36s %22s %9s %9s %9s %14s %17s %14s %17s\n", "row", "of their CPU share",
              "answered", "real", "hostile", "p99", "unattacked", "p99.9", "unattacked");
  std::printf("%-36s %22s %9s %9s %9s %14s %17s %14s %17s\n", "", "median [95 %]", "%", "ns/frame",
              "ns/frame", "ns", "ns", "ns", "ns");
  for (const std::string& row : results.order) {
    const Result& result = results.by_row.at(row);
    const Median share = MedianOf(result.shares);
    std::printf("%-36s  %6.3f [%5.3f, %5.3f] %9.2f %9.1f %9.1f %14.0f %17.0f %14.0f %17.0f\n",
                row.c_str(), share.value, share.low, share.high,
                MedianOf(result.answered).value * 100, MedianOf(result.real_ns).value,
                MedianOf(result.hostile_ns).value, result.p99_ns.value, result.plain_p99_ns.value,
                result.p999_ns.value, result.plain_p999_ns.value);
  }
}

}  // namespace aether::bench
