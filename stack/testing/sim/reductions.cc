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
  bool (*is_on)(const Scenario&);
  void (*remove)(Scenario&);
};

template <typename Has>
bool AnyLink(const Scenario& s, Has has) {
  return std::ranges::any_of(s.links, has);
}
template <typename Has>
bool AnyNode(const Scenario& s, Has has) {
  return std::ranges::any_of(s.nodes, has);
}
template <typename Has>
bool AnyApp(const Scenario& s, Has has) {
  return std::ranges::any_of(s.transfers, [&](const TransferPlan& plan) {
    return has(plan.client_app) || has(plan.server_app);
  });
}

// A feature of all links that is one number: on when it is not zero.
template <auto kMember>
Feature LinkNumber(std::string_view name) {
  return {name,
          [](const Scenario& s) {
            return AnyLink(s, [](const LinkSpec& l) { return l.*kMember != 0; });
          },
          [](Scenario& s) {
            for (LinkSpec& link : s.links) link.*kMember = 0;
          }};
}
template <auto kMember>
Feature LinkDuration(std::string_view name) {
  return {name,
          [](const Scenario& s) {
            return AnyLink(s, [](const LinkSpec& l) { return l.*kMember != Duration{0}; });
          },
          [](Scenario& s) {
            for (LinkSpec& link : s.links) link.*kMember = Duration{0};
          }};
}
// A list of the scenario's: on when it is not empty.
template <auto kMember>
Feature List(std::string_view name) {
  return {name, [](const Scenario& s) { return !(s.*kMember).empty(); },
          [](Scenario& s) { (s.*kMember).clear(); }};
}

bool IsPause(const WriteStep& step) { return step.kind == WriteStep::Kind::kPause; }

std::vector<Feature> LinkFeatures() {
  return {
      LinkNumber<&LinkSpec::loss_ppm>("loss"),
      {"burst",
       [](const Scenario& s) {
         return AnyLink(s, [](const LinkSpec& l) { return l.burst.enter_ppm != 0; });
       },
       [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.burst.enter_ppm = 0; }); }},
      LinkNumber<&LinkSpec::duplicate_ppm>("duplicate"),
      LinkNumber<&LinkSpec::reorder_ppm>("reorder"),
      LinkNumber<&LinkSpec::flip_ppm>("flip"),
      LinkNumber<&LinkSpec::truncate_ppm>("truncate"),
      LinkNumber<&LinkSpec::syn_losses>("syn-loss"),
      LinkNumber<&LinkSpec::arp_loss_ppm>("arp-loss"),
      {"blackout",
       [](const Scenario& s) {
         return AnyLink(s, [](const LinkSpec& l) { return !l.blackouts.empty(); });
       },
       [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.blackouts.clear(); }); }},
      {"mtu",
       [](const Scenario& s) {
         return AnyLink(s, [](const LinkSpec& l) { return !l.mtu_changes.empty(); });
       },
       [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.mtu_changes.clear(); }); }},
      {"mark",
       [](const Scenario& s) {
         return AnyLink(
             s, [](const LinkSpec& l) { return l.mark_ppm != 0 || l.mark_queue_bytes != 0; });
       },
       [](Scenario& s) { EachLink(s, [](LinkSpec& l) { l.mark_ppm = l.mark_queue_bytes = 0; }); }},
      LinkNumber<&LinkSpec::queue_bytes>("queue"),
      {"rate",
       [](const Scenario& s) {
         return AnyLink(s, [](const LinkSpec& l) { return l.rate_bits_per_second != 0; });
       },
       [](Scenario& s) {
         EachLink(s, [](LinkSpec& l) {
           l.rate_bits_per_second = 0;
           l.queue_bytes = 0;
         });
       }},
      LinkDuration<&LinkSpec::jitter>("jitter"),
      LinkDuration<&LinkSpec::delay>("delay"),
  };
}

std::vector<Feature> HostFeatures() {
  return {
      {"batch", [](const Scenario& s) { return s.batch_frames_max != 1; },
       [](Scenario& s) { s.batch_frames_max = 1; }},
      {"skew",
       [](const Scenario& s) {
         return AnyNode(s, [](const NodeSpec& n) { return n.clock_skew_ppm != 0; });
       },
       [](Scenario& s) {
         for (NodeSpec& node : s.nodes) node.clock_skew_ppm = 0;
       }},
      {"offset",
       [](const Scenario& s) {
         return AnyNode(s, [](const NodeSpec& n) { return n.clock_offset != Duration{0}; });
       },
       [](Scenario& s) {
         for (NodeSpec& node : s.nodes) node.clock_offset = Duration{0};
       }},
      {"growth",
       [](const Scenario& s) {
         return AnyNode(s, [](const NodeSpec& n) { return n.buffer_max_bytes != 0; });
       },
       [](Scenario& s) {
         for (NodeSpec& node : s.nodes) node.buffer_max_bytes = 0;
       }},
      {"own-profiles",
       [](const Scenario& s) {
         return AnyNode(s, [](const NodeSpec& n) { return n.profile.has_value(); });
       },
       [](Scenario& s) {
         for (NodeSpec& node : s.nodes) node.profile.reset();
       }},
      List<&Scenario::datagrams>("datagrams"),
      List<&Scenario::forgeries>("forgeries"),
      List<&Scenario::address_changes>("address-changes"),
  };
}

std::vector<Feature> AppFeatures() {
  return {
      {"options",
       [](const Scenario& s) {
         return AnyApp(s, [](const AppPlan& a) { return a.options != SocketOptions(); });
       },
       [](Scenario& s) { EachApp(s, [](AppPlan& a) { a.options = SocketOptions(); }); }},
      {"stalls",
       [](const Scenario& s) {
         return AnyApp(s, [](const AppPlan& a) { return !a.stalls.empty(); });
       },
       [](Scenario& s) { EachApp(s, [](AppPlan& a) { a.stalls.clear(); }); }},
      {"slow-read",
       [](const Scenario& s) {
         return AnyApp(s, [](const AppPlan& a) { return a.read_interval != Duration{0}; });
       },
       [](Scenario& s) { EachApp(s, [](AppPlan& a) { a.read_interval = Duration{0}; }); }},
      {"chunks",
       [](const Scenario& s) {
         return AnyApp(s, [](const AppPlan& a) {
           return a.write_chunk_bytes_max != 16384 || a.read_chunk_bytes_max != 65536;
         });
       },
       [](Scenario& s) {
         EachApp(s, [](AppPlan& a) {
           a.write_chunk_bytes_max = 16384;
           a.read_chunk_bytes_max = 65536;
         });
       }},
      {"pauses",
       [](const Scenario& s) {
         return AnyApp(s, [](const AppPlan& a) { return std::ranges::any_of(a.writes, IsPause); });
       },
       [](Scenario& s) { EachApp(s, [](AppPlan& a) { std::erase_if(a.writes, IsPause); }); }},
      {"staggered-start",
       [](const Scenario& s) {
         return std::ranges::any_of(s.transfers,
                                    [](const TransferPlan& p) { return p.start != Instant{}; });
       },
       [](Scenario& s) {
         for (TransferPlan& plan : s.transfers) plan.start = Instant{};
       }},
  };
}

std::vector<Feature> Features() {
  std::vector<Feature> all;
  for (const std::vector<Feature>& part : {LinkFeatures(), HostFeatures(), AppFeatures()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

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
  for (const Feature& feature : Features()) names.push_back(feature.name);
  return names;
}

bool HasFeature(const Scenario& s, std::string_view feature) {
  for (const Feature& each : Features()) {
    if (each.name == feature) return each.is_on(s);
  }
  return false;
}

void Reduce(Scenario& scenario, const Reductions& reductions) {
  for (const Feature& feature : Features()) {
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
