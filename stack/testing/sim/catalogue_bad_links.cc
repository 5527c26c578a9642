// Scenarios on links that harm frames, for profiles that repeat what is lost.
#include <algorithm>
#include <array>
#include <utility>

#include "stack/testing/sim/catalogue.h"
#include "stack/testing/sim/draw.h"

namespace aether::testing::sim {
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

void DrawHostileLinks(Dice& dice, Scenario& s) {
  DrawJitterOn(dice, s);
  for (LinkSpec& link : s.links) {
    link.loss_ppm = static_cast<uint32_t>(dice.Scaled(1000, 50'000));
    link.burst = {.enter_ppm = static_cast<uint32_t>(dice.Scaled(500, 5000)),
                  .leave_ppm = static_cast<uint32_t>(dice.Scaled(200'000, 600'000)),
                  .loss_ppm = 800'000};
    link.duplicate_ppm = static_cast<uint32_t>(dice.Scaled(1000, 50'000));
    link.duplicate_delay_max = milliseconds(100);
    link.reorder_ppm = static_cast<uint32_t>(dice.Scaled(1000, 100'000));
    link.reorder_delay_max = milliseconds(40);
    link.flip_ppm = static_cast<uint32_t>(dice.Scaled(1000, 20'000));
    link.truncate_ppm = static_cast<uint32_t>(dice.Scaled(1000, 20'000));
  }
  for (NodeSpec& node : s.nodes) {
    node.clock_skew_ppm = static_cast<int32_t>(dice.Between(-50'000, 50'000));
  }
}

void AddDatagrams(Dice& dice, Scenario& s) {
  bool is_whole = true;
  for (const NodeSpec& node : s.nodes) is_whole &= node.profile.value_or(s.profile).reassembly;
  const uint32_t small_max = s.nodes[0].mtu - 28u;
  const int64_t flows = dice.Between(1, 4);
  for (int64_t i = 0; i < flows; ++i) {
    DatagramPlan plan;
    plan.from = dice.Between32(0, 1);
    plan.to = 1 - plan.from;
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(50)));
    plan.interval = dice.Scaled(microseconds(100), milliseconds(50));
    plan.stream = dice.Next64();
    const bool is_large = is_whole && dice.Chance(kCertain * 2 / 3);
    plan.bytes_min = 10;
    plan.bytes_max = is_large ? 65'507 : small_max;
    plan.count = is_large ? dice.Between32(1, 8) : dice.Between32(1, 60);
    s.datagrams.push_back(plan);
  }
}

namespace {

// Enough for several losses, and for most runs to be over soon.
constexpr uint64_t kBytesMin = 2000;
constexpr uint64_t kBytesMax = 200'000;

TransferPlan LongTransfer(Dice& dice, const Scenario& s) {
  return LongTransfer(dice, kBytesMin, RepairableBytes(s, kBytesMax));
}

void DrawLossy(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.loss_ppm = static_cast<uint32_t>(dice.Scaled(1000, 80'000));
  Add(s, LongTransfer(dice, s));
}

void DrawBursty(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.burst = {.enter_ppm = static_cast<uint32_t>(dice.Scaled(1000, 30'000)),
                  .leave_ppm = static_cast<uint32_t>(dice.Scaled(100'000, 600'000)),
                  .loss_ppm = static_cast<uint32_t>(dice.Between(600'000, 1'000'000))};
  }
  Add(s, LongTransfer(dice, s));
}

void DrawReorder(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.reorder_ppm = static_cast<uint32_t>(dice.Scaled(5000, 400'000));
    link.reorder_delay_max = dice.Scaled(microseconds(10), milliseconds(60));
  }
  Add(s, LongTransfer(dice, s));
}

void DrawCorrupt(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.flip_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  Add(s, LongTransfer(dice, s));
}

void DrawTruncate(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links)
    link.truncate_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  Add(s, LongTransfer(dice, s));
}

void DrawBlackout(Dice& dice, Scenario& s) {
  const int64_t count = dice.Between(1, 3);
  for (int64_t i = 0; i < count; ++i) {
    const Blackout blackout{Instant(dice.Scaled(milliseconds(1), seconds(8))),
                            dice.Scaled(milliseconds(20), seconds(10))};
    // Both ways, or one only.
    if (!dice.Chance(kCertain / 4)) s.links[0].blackouts.push_back(blackout);
    if (!dice.Chance(kCertain / 4)) s.links[1].blackouts.push_back(blackout);
  }
  for (LinkSpec& link : s.links) link.rate_bits_per_second = 1'000'000;
  Add(s, AnyTransfer(dice, 200'000));
}

void DrawSynLoss(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.syn_losses = dice.Between32(0, 3);
  const int64_t count = dice.Between(1, 4);
  for (int64_t i = 0; i < count; ++i) Add(s, AnyTransfer(dice, 5000));
}

// A bottleneck with a queue that several connections fill.
void DrawShallowQueue(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.rate_bits_per_second = static_cast<uint64_t>(dice.Scaled(1'000'000, 50'000'000));
    link.queue_bytes = static_cast<uint32_t>(dice.Scaled(6000, 60'000));
  }
  const int64_t count = dice.Between(1, 5);
  for (int64_t i = 0; i < count; ++i) Add(s, LongTransfer(dice, s));
}

void DrawLossyZeroWindow(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.loss_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  DrawZeroWindow(dice, s);
}

void DrawLossyMany(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.loss_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  DrawManyConnections(dice, s);
}

void DrawLossyAbort(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.loss_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  DrawAbort(dice, s);
}

// Everything at once.
void DrawHostile(Dice& dice, Scenario& s) {
  DrawHostileLinks(dice, s);
  const int64_t count = dice.Between(1, 4);
  for (int64_t i = 0; i < count; ++i) Add(s, LongTransfer(dice, 500, RepairableBytes(s, 60'000)));
}

// A whole window is under way on a long path when something is lost.
void DrawLongFatLossy(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.delay = dice.Between(milliseconds(20), milliseconds(200));
    link.rate_bits_per_second = 100'000'000;
    link.loss_ppm = static_cast<uint32_t>(dice.Scaled(500, 20'000));
    if (dice.Chance(kCertain / 2)) {
      link.reorder_ppm = static_cast<uint32_t>(dice.Scaled(1000, 50'000));
      link.reorder_delay_max = link.delay;
    }
  }
  for (NodeSpec& node : s.nodes) {
    node.receive_buffer_bytes = 65535;
    node.is_stack = true;
  }
  const uint64_t bytes_max = RepairableBytes(s, 1'000'000);
  Add(s, LongTransfer(dice, bytes_max / 20, bytes_max));
}

// Questions about addresses and their answers get lost; and after a minute of silence everybody
// has to ask again.
void DrawArpLoss(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.arp_loss_ppm = dice.Between32(50'000, 250'000);
  TransferPlan plan = LongTransfer(dice, 100, 20'000);
  AppPlan& slow = dice.Chance(kCertain / 2) ? plan.client_app : plan.server_app;
  if (!slow.IsEcho()) slow.writes.push_back(PauseStep(dice.Between(seconds(1), seconds(150))));
  Add(s, std::move(plan));
}

// The path gets narrower while a transfer is under way, and a router says so, or splits what may
// be split.
void DrawPathMtu(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes) node.is_stack = true;
  for (LinkSpec& link : s.links) {
    link.has_router = true;
    if (dice.Chance(kCertain / 4)) continue;
    uint32_t mtu = 1500;
    Instant when{};
    const int64_t changes = dice.Between(1, 3);
    for (int64_t i = 0; i < changes; ++i) {
      mtu = dice.Between32(552, mtu);
      when += dice.Scaled(microseconds(100), milliseconds(400));
      link.mtu_changes.push_back({when, mtu + 14});
    }
    link.rate_bits_per_second = 20'000'000;
  }
  if (s.links[0].mtu_changes.empty()) s.links[0].mtu_changes = {{Instant{}, 1214}};
  const int64_t count = dice.Between(1, 3);
  for (int64_t i = 0; i < count; ++i) Add(s, LongTransfer(dice, 20'000, 300'000));
}

// The same, and nobody says a word: long segments never come through again. That is an end like
// any other, and nothing may be left of it.
void DrawBlackHole(Dice& dice, Scenario& s) {
  const size_t which = dice.Chance(kCertain / 2) ? 0 : 1;
  s.links[which].mtu_changes.push_back(
      {Instant(dice.Scaled(microseconds(100), milliseconds(200))), dice.Between32(300, 1400)});
  for (LinkSpec& link : s.links) link.rate_bits_per_second = 20'000'000;
  const int64_t count = dice.Between(1, 3);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = LongTransfer(dice, 2000, 100'000);
    plan.is_graceful = false;
    plan.client_app.idle_timeout = plan.server_app.idle_timeout = seconds(500);
    Add(s, std::move(plan));
  }
}

// Fragments that are lost, repeated, late and damaged.
void DrawLossyDatagrams(Dice& dice, Scenario& s) {
  DrawHostileLinks(dice, s);
  const uint16_t mtu = static_cast<uint16_t>(dice.Between(576, 1500));
  for (NodeSpec& node : s.nodes) {
    node.mtu = mtu;
    node.is_stack = true;
  }
  AddDatagrams(dice, s);
  if (dice.Chance(kCertain / 2)) Add(s, AnyTransfer(dice, 20'000));
}

constexpr CatalogueEntry kEntries[] = {
    {"lossy", true, DrawLossy},
    {"bursty", true, DrawBursty},
    {"reorder", true, DrawReorder},
    {"corrupt", true, DrawCorrupt},
    {"truncate", true, DrawTruncate},
    {"blackout", true, DrawBlackout},
    {"syn-loss", true, DrawSynLoss},
    {"shallow-queue", true, DrawShallowQueue},
    {"lossy-zero-window", true, DrawLossyZeroWindow},
    {"lossy-many", true, DrawLossyMany},
    {"lossy-abort", true, DrawLossyAbort},
    {"hostile", true, DrawHostile},
    {"long-fat-lossy", true, DrawLongFatLossy},
    {"arp-loss", true, DrawArpLoss},
    {"path-mtu", true, DrawPathMtu},
    {"black-hole", true, DrawBlackHole},
    {"lossy-datagrams", true, DrawLossyDatagrams},
};

}  // namespace

std::span<const CatalogueEntry> BadLinkScenarios() { return kEntries; }

}  // namespace aether::testing::sim
