#include "stack/testing/sim/reductions.h"

#include <algorithm>
#include <iterator>

namespace aether::testing::sim {
namespace {

void EachLink(Scenario& s, void (*change)(LinkSpec&)) {
  for (LinkSpec& link : s.links) change(link);
}

void EachApp(Scenario& s, void (*change)(AppPlan&)) {
  for (TransferPlan& plan : s.transfers) {
    change(plan.client_app);
    change(plan.server_app);
  }
}

struct Feature {
  std::string_view name;
  void (*remove)(Scenario&);
};

constexpr Feature kFeatures[] = {
    {"loss", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.loss_ppm = 0; }); }},
    {"burst", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.burst.enter_ppm = 0; }); }},
    {"duplicate", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.duplicate_ppm = 0; }); }},
    {"reorder", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.reorder_ppm = 0; }); }},
    {"flip", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.flip_ppm = 0; }); }},
    {"truncate", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.truncate_ppm = 0; }); }},
    {"syn-loss", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.syn_losses = 0; }); }},
    {"blackout", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.blackouts.clear(); }); }},
    {"queue", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.queue_bytes = 0; }); }},
    {"rate",
     [](Scenario& s) {
       EachLink(s, [](LinkSpec& l) {
         l.rate_bits_per_second = 0;
         l.queue_bytes = 0;
       });
     }},
    {"jitter", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.jitter = Duration{0}; }); }},
    {"delay", [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.delay = Duration{0}; }); }},
    {"batch", [](Scenario& s) { s.batch_frames_max = 1; }},
    {"skew",
     [](Scenario& s) {
       for (NodeSpec& node : s.nodes) node.clock_skew_ppm = 0;
     }},
    {"offset",
     [](Scenario& s) {
       for (NodeSpec& node : s.nodes) node.clock_offset = Duration{0};
     }},
    {"growth",
     [](Scenario& s) {
       for (NodeSpec& node : s.nodes) node.buffer_max_bytes = 0;
     }},
    {"stalls", [](Scenario& s) { EachApp(s, [](AppPlan& a) { a.stalls.clear(); }); }},
    {"slow-read",
     [](Scenario& s) { EachApp(s, [](AppPlan& a) { a.read_interval = Duration{0}; }); }},
    {"chunks",
     [](Scenario& s) {
       EachApp(s, [](AppPlan& a) {
         a.write_chunk_bytes_max = 16384;
         a.read_chunk_bytes_max = 65536;
       });
     }},
    {"pauses",
     [](Scenario& s) {
       EachApp(s, [](AppPlan& a) {
         std::erase_if(a.writes,
                       [](const WriteStep& step) { return step.kind == WriteStep::Kind::kPause; });
       });
     }},
    {"staggered-start",
     [](Scenario& s) {
       for (TransferPlan& plan : s.transfers) plan.start = Instant{};
     }},
};

// What is left of the first `total` bytes that `writes` sends when no piece is longer than
// `bytes_max`.
uint64_t CutTotal(const std::vector<WriteStep>& writes, uint64_t total, uint64_t bytes_max) {
  uint64_t cut = 0;
  for (const WriteStep& step : writes) {
    if (step.kind != WriteStep::Kind::kSend) continue;
    const uint64_t taken = std::min(total, step.bytes);
    total -= taken;
    cut += std::min(taken, bytes_max);
  }
  return cut;
}

void CutWrites(AppPlan& own, const AppPlan& peer, const AppPlan& original, uint64_t bytes_max) {
  for (WriteStep& step : own.writes) {
    if (step.kind == WriteStep::Kind::kSend) step.bytes = std::min(step.bytes, bytes_max);
    if (step.kind == WriteStep::Kind::kAwait) {
      // An echo sends what its peer does.
      step.bytes = CutTotal(peer.IsEcho() ? original.writes : peer.writes, step.bytes, bytes_max);
    }
  }
}

}  // namespace

std::vector<std::string_view> FeatureNames() {
  std::vector<std::string_view> names;
  for (const Feature& feature : kFeatures) names.push_back(feature.name);
  return names;
}

bool HasFeature(const Scenario& s, std::string_view feature) {
  const auto any_link = [&](auto has) { return std::ranges::any_of(s.links, has); };
  const auto any_node = [&](auto has) { return std::ranges::any_of(s.nodes, has); };
  const auto any_app = [&](auto has) {
    return std::ranges::any_of(s.transfers, [&](const TransferPlan& plan) {
      return has(plan.client_app) || has(plan.server_app);
    });
  };
  if (feature == "loss") return any_link([](const LinkSpec& l) { return l.loss_ppm != 0; });
  if (feature == "burst") return any_link([](const LinkSpec& l) { return l.burst.enter_ppm != 0; });
  if (feature == "duplicate")
    return any_link([](const LinkSpec& l) { return l.duplicate_ppm != 0; });
  if (feature == "reorder") return any_link([](const LinkSpec& l) { return l.reorder_ppm != 0; });
  if (feature == "flip") return any_link([](const LinkSpec& l) { return l.flip_ppm != 0; });
  if (feature == "truncate") return any_link([](const LinkSpec& l) { return l.truncate_ppm != 0; });
  if (feature == "syn-loss") return any_link([](const LinkSpec& l) { return l.syn_losses != 0; });
  if (feature == "blackout")
    return any_link([](const LinkSpec& l) { return !l.blackouts.empty(); });
  if (feature == "queue") return any_link([](const LinkSpec& l) { return l.queue_bytes != 0; });
  if (feature == "rate") {
    return any_link([](const LinkSpec& l) { return l.rate_bits_per_second != 0; });
  }
  if (feature == "jitter") return any_link([](const LinkSpec& l) { return l.jitter.count() != 0; });
  if (feature == "delay") return any_link([](const LinkSpec& l) { return l.delay.count() != 0; });
  if (feature == "batch") return s.batch_frames_max != 1;
  if (feature == "skew") return any_node([](const NodeSpec& n) { return n.clock_skew_ppm != 0; });
  if (feature == "offset") {
    return any_node([](const NodeSpec& n) { return n.clock_offset.count() != 0; });
  }
  if (feature == "growth")
    return any_node([](const NodeSpec& n) { return n.buffer_max_bytes != 0; });
  if (feature == "stalls") return any_app([](const AppPlan& a) { return !a.stalls.empty(); });
  if (feature == "slow-read") {
    return any_app([](const AppPlan& a) { return a.read_interval.count() != 0; });
  }
  if (feature == "chunks") {
    return any_app([](const AppPlan& a) {
      return a.write_chunk_bytes_max != 16384 || a.read_chunk_bytes_max != 65536;
    });
  }
  if (feature == "pauses") {
    return any_app([](const AppPlan& a) {
      return std::ranges::any_of(
          a.writes, [](const WriteStep& step) { return step.kind == WriteStep::Kind::kPause; });
    });
  }
  return feature == "staggered-start" &&
         std::ranges::any_of(s.transfers,
                             [](const TransferPlan& p) { return p.start != Instant{}; });
}

void Reduce(Scenario& scenario, const Reductions& reductions) {
  for (const Feature& feature : kFeatures) {
    if (reductions.without.contains(feature.name)) feature.remove(scenario);
  }
  std::vector<TransferPlan>& transfers = scenario.transfers;
  const size_t first = std::min<size_t>(reductions.first_connection, transfers.size());
  transfers.erase(transfers.begin(), transfers.begin() + static_cast<std::ptrdiff_t>(first));
  transfers.resize(std::min<size_t>(transfers.size(), reductions.connections_max));
  for (TransferPlan& plan : transfers) {
    const TransferPlan original = plan;
    CutWrites(plan.client_app, original.server_app, original.client_app, reductions.bytes_max);
    CutWrites(plan.server_app, original.client_app, original.server_app, reductions.bytes_max);
  }
}

std::optional<Scenario> MakeScenario(const RunSpec& spec) {
  std::optional<Scenario> scenario = DrawScenario(spec.scenario, spec.seed, spec.profile);
  if (scenario) Reduce(*scenario, spec.reductions);
  return scenario;
}

std::string CommandOf(const RunSpec& spec) {
  const Reductions none;
  const Reductions& some = spec.reductions;
  std::string command = "aether-sim --scenario " + spec.scenario + " --seed " +
                        std::to_string(spec.seed) + " --profile " + spec.profile;
  if (!some.without.empty()) {
    command += " --without ";
    for (const std::string& name : some.without) command += name + ",";
    command.pop_back();
  }
  if (some.bytes_max != none.bytes_max) command += " --bytes-max " + std::to_string(some.bytes_max);
  if (some.first_connection != 0) {
    command += " --first-connection " + std::to_string(some.first_connection);
  }
  if (some.connections_max != none.connections_max) {
    command += " --connections-max " + std::to_string(some.connections_max);
  }
  return command;
}

}  // namespace aether::testing::sim
