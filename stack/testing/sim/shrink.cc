#include "stack/testing/sim/shrink.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace aether::testing::sim {
namespace {

class Shrinker {
 public:
  Shrinker(const RunSpec& spec, const Outcome& failing,
           const std::function<Outcome(const RunSpec&)>& run, uint32_t runs_max)
      : oracle_(failing.violation->oracle), run_(run), runs_max_(runs_max) {
    best_.spec = spec;
    best_.outcome = failing;
  }

  Shrunk Work() {
    while (best_.runs < runs_max_) {
      bool smaller = FewerConnections();
      smaller |= FewerFeatures();
      smaller |= FewerBytes();
      if (!smaller) break;
    }
    return std::move(best_);
  }

 private:
  bool Try(const Reductions& reductions) {
    if (best_.runs >= runs_max_) return false;
    ++best_.runs;
    RunSpec spec = best_.spec;
    spec.reductions = reductions;
    Outcome outcome = run_(spec);
    if (!outcome.violation || outcome.violation->oracle != oracle_) return false;
    best_.spec = std::move(spec);
    best_.outcome = std::move(outcome);
    return true;
  }

  const Reductions& reductions() const { return best_.spec.reductions; }

  // From the end, then from the beginning, in halves first.
  bool FewerConnections() {
    bool smaller = false;
    const std::optional<Scenario> full = MakeScenario(best_.spec);
    uint32_t count = static_cast<uint32_t>(full->transfers.size());
    for (uint32_t step = count / 2; step > 0; step = std::min(step, count) / 2) {
      while (count > step) {
        Reductions tail = reductions();
        tail.connections_max = count - step;
        Reductions head = tail;
        head.first_connection += step;
        if (!Try(tail) && !Try(head)) break;
        count -= step;
        smaller = true;
      }
    }
    return smaller;
  }

  bool FewerFeatures() {
    bool smaller = false;
    for (const std::string_view name : FeatureNames()) {
      const std::optional<Scenario> scenario = MakeScenario(best_.spec);
      if (reductions().without.contains(name) || !HasFeature(*scenario, name)) continue;
      Reductions fewer = reductions();
      fewer.without.emplace(name);
      smaller |= Try(fewer);
    }
    return smaller;
  }

  bool FewerBytes() {
    bool smaller = false;
    uint64_t largest = 0;
    const std::optional<Scenario> scenario = MakeScenario(best_.spec);
    for (const TransferPlan& plan : scenario->transfers) {
      for (const AppPlan* app : {&plan.client_app, &plan.server_app}) {
        for (const WriteStep& step : app->writes) {
          if (step.kind == WriteStep::Kind::kSend) largest = std::max(largest, step.bytes);
        }
      }
    }
    uint64_t low = 0;
    uint64_t high = largest;
    // Not every length in between need fail; halves are good enough.
    while (low + 1 < high) {
      Reductions shorter = reductions();
      shorter.bytes_max = low + (high - low) / 2;
      if (Try(shorter)) {
        high = shorter.bytes_max;
        smaller = true;
      } else {
        low = shorter.bytes_max;
      }
    }
    return smaller;
  }

  std::string oracle_;
  const std::function<Outcome(const RunSpec&)>& run_;
  uint32_t runs_max_;
  Shrunk best_;
};

}  // namespace

Shrunk Shrink(const RunSpec& spec, const Outcome& failing,
              const std::function<Outcome(const RunSpec&)>& run, uint32_t runs_max) {
  return Shrinker(spec, failing, run, runs_max).Work();
}

}  // namespace aether::testing::sim
