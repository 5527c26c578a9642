// Scenarios about hosts: odd profiles, connections that are opened from both ends, hosts that move
// or vanish, and attackers.
#include <algorithm>
#include <array>

#include "stack/testing/sim/catalogue.h"
#include "stack/testing/sim/draw.h"

namespace aether::testing::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Every stack has a profile of its own, on links with a little of everything.
void DrawProfiles(Dice& dice, Scenario& s) {
  DrawHostileLinks(dice, s);
  for (NodeSpec& node : s.nodes) {
    node.profile = DrawProfile(dice);
    node.is_stack = true;
  }
  const int64_t count = dice.Between(1, 3);
  for (int64_t i = 0; i < count; ++i) Add(s, LongTransfer(dice, 1000, RepairableBytes(s, 100'000)));
}

// [RFC 9293 3.5] both ends open, and their SYNs cross. An end that is not there yet would refuse.
void DrawSimultaneousOpen(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes) node.is_stack = true;
  const Duration delay = dice.Scaled(milliseconds(1), milliseconds(100));
  for (LinkSpec& link : s.links) link.delay = delay;
  if (dice.Chance(kCertain / 2)) {
    for (LinkSpec& link : s.links) {
      link.syn_losses = dice.Between32(0, 2);
      link.loss_ppm = dice.Between32(0, 20'000);
    }
  }
  const int64_t count = dice.Between(1, 5);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 20'000);
    plan.is_simultaneous = true;
    plan.client_port = static_cast<uint16_t>(20'000 + i);
    plan.server_port = static_cast<uint16_t>(30'000 + i);
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(50)));
    plan.server_delay = dice.Between(Duration{0}, delay - Duration{1});
    Add(s, std::move(plan));
  }
}

// Node 1 is a gateway for whom nobody asks; the honest clients stand beside it.
void DrawGateway(Dice& dice, Scenario& s) {
  s.nodes[1].is_stack = false;
  s.nodes[0].gateway = s.nodes[1].address.address;
  const int64_t clients = dice.Between(1, 3);
  for (int64_t i = 0; i < clients; ++i) AddClient(dice, s);
}

void AddHonest(Dice& dice, Scenario& s, int64_t count_max) {
  const int64_t count = dice.Between(1, count_max);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 20'000);
    plan.client = static_cast<uint32_t>(dice.Between(2, static_cast<int64_t>(s.nodes.size()) - 1));
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(800)));
    Add(s, std::move(plan));
  }
}

// [RFC 4987] connections that are only begun fill the table; those of honest clients come in
// nevertheless, by cookie.
void DrawSynFlood(Dice& dice, Scenario& s) {
  DrawGateway(dice, s);
  if (s.profile.syn_cookies == tcp::SynCookies::kNever) {
    if (dice.Chance(kCertain / 2)) {
      // [RFC 9293 3.10.7.2] without cookies nobody comes in while the table is full.
      s.expects_completion = false;
    } else {
      s.profile.syn_cookies = tcp::SynCookies::kUnderPressure;
    }
  }
  s.nodes[0].half_open_max = dice.Between32(1, 64);
  ForgeryPlan flood;
  flood.interval = dice.Scaled(microseconds(20), milliseconds(5));
  flood.count = dice.Between32(20, 400);
  s.forgeries.push_back(flood);
  AddHonest(dice, s, 12);
}

// [RFC 5961] [RFC 5927] somebody who knows the ends of the connections, but no number.
void DrawBlindAttack(Dice& dice, Scenario& s) {
  DrawGateway(dice, s);
  AddHonest(dice, s, 6);
  const int64_t attacks = dice.Between(1, 3);
  for (int64_t i = 0; i < attacks; ++i) {
    ForgeryPlan attack;
    attack.kind =
        dice.Chance(kCertain / 4) ? ForgeryPlan::Kind::kReport : ForgeryPlan::Kind::kSegment;
    // The other implementation believes any reset in its window.
    if (s.nodes[2].is_stack && dice.Chance(kCertain / 2)) attack.target = 2;
    attack.interval = dice.Scaled(microseconds(50), milliseconds(5));
    attack.count = dice.Between32(20, 300);
    s.forgeries.push_back(attack);
  }
}

// The server gets another address, once or twice. What went to the old one is over; what comes
// after works.
void DrawAddressChange(Dice& dice, Scenario& s) {
  const int64_t before = dice.Between(1, 4);
  for (int64_t i = 0; i < before; ++i) {
    TransferPlan plan = LongTransfer(dice, 1000, 100'000);
    plan.is_graceful = false;
    plan.client_app.idle_timeout = plan.server_app.idle_timeout = seconds(300);
    plan.client_app.waits_for_finished = plan.server_app.waits_for_finished = false;
    Add(s, std::move(plan));
  }
  Instant when(dice.Scaled(microseconds(100), milliseconds(300)));
  const int64_t changes = dice.Between(1, 2);
  for (int64_t i = 0; i < changes; ++i) {
    s.address_changes.push_back(
        {when, 0, Ipv4Address::Of(10, 0, 0, static_cast<uint8_t>(100 + i))});
    if (i + 1 < changes) when += dice.Scaled(milliseconds(1), milliseconds(300));
  }
  const int64_t after = dice.Between(1, 4);
  for (int64_t i = 0; i < after; ++i) {
    TransferPlan plan = AnyTransfer(dice, 20'000);
    plan.start = when + dice.Scaled(microseconds(1), seconds(2));
    Add(s, std::move(plan));
  }
}

// From some moment on nothing comes through any more, for ever. A stack finds out by itself: text
// that is not acknowledged, or probes that nobody answers, end the connection.
void DrawDeadPeer(Dice& dice, Scenario& s) {
  const Blackout blackout{Instant(dice.Scaled(milliseconds(1), seconds(2))),
                          std::chrono::hours(24)};
  for (LinkSpec& link : s.links) {
    link.blackouts = {blackout};
    link.rate_bits_per_second = 1'000'000;
  }
  const int64_t count = dice.Between(1, 4);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = dice.Chance(kCertain / 2)
                            ? LongTransfer(dice, 1000, 100'000)
                            : Exchanges(dice, 20, 300, 3000, DrawCloser(dice));
    plan.is_graceful = false;
    for (AppPlan* app : {&plan.client_app, &plan.server_app}) {
      app->waits_for_finished = false;
      app->options.keepalive_idle = seconds(dice.Between(1, 120));
      app->options.keepalive_interval = seconds(dice.Between(1, 30));
      app->options.keepalive_probes = static_cast<uint8_t>(dice.Between(1, 9));
      if (dice.Chance(kCertain / 2)) app->options.user_timeout = seconds(dice.Between(1, 300));
      if (dice.Chance(kCertain / 2)) {
        app->stalls.push_back({.bytes = static_cast<uint64_t>(dice.Between(1, 3000)),
                               .pause = dice.Scaled(milliseconds(10), seconds(30))});
      }
    }
    // The other implementation has no keepalive.
    if (!s.nodes[1].is_stack) plan.client_app.idle_timeout = seconds(2000);
    plan.start = Instant(dice.Between(Duration{0}, seconds(1)));
    Add(s, std::move(plan));
  }
}

// Memory for queues is short: what finds no place is refused and comes again.
void DrawFewBuffers(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.loss_ppm = static_cast<uint32_t>(dice.Scaled(1000, 50'000));
    link.reorder_ppm = static_cast<uint32_t>(dice.Scaled(1000, 100'000));
    link.reorder_delay_max = milliseconds(20);
  }
  while (s.nodes.size() < 3) AddClient(dice, s);
  const bool is_tight = dice.Chance(kCertain / 2);
  s.nodes[0].buffers.chunks_max = is_tight ? dice.Between32(4, 32) : dice.Between32(32, 200);
  s.nodes[0].buffers.send_items_max = dice.Between32(4, 200);
  s.nodes[0].buffers.sent_segments_max = dice.Between32(4, 200);
  s.nodes[0].buffers.held_ranges_max = dice.Between32(1, 64);
  const int64_t count = dice.Between(1, 10);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = LongTransfer(dice, 1000, 40'000);
    plan.client = dice.Between32(1, 2);
    // With every piece of memory in queues that nobody can empty, some have to give up.
    plan.is_graceful = false;
    plan.client_app.idle_timeout = plan.server_app.idle_timeout = seconds(300);
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(500)));
    Add(s, std::move(plan));
  }
}

// More connections than the tables hold: some come in late, and some not at all.
void DrawFullTables(Dice& dice, Scenario& s) {
  while (s.nodes.size() < 3) AddClient(dice, s);
  s.nodes[0].connections_max = dice.Between32(1, 12);
  s.nodes[0].time_wait_max = dice.Between32(1, 8);
  s.nodes[0].accept_queue_max = dice.Between32(1, 8);
  s.nodes[0].half_open_max = dice.Between32(1, 8);
  const int64_t count = dice.Between(5, 40);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 5000);
    plan.client = dice.Between32(1, 2);
    plan.start = Instant(dice.Between(Duration{0}, seconds(3)));
    plan.is_graceful = false;
    plan.client_app.waits_for_finished = plan.server_app.waits_for_finished = false;
    plan.client_app.idle_timeout = plan.server_app.idle_timeout = seconds(300);
    Add(s, std::move(plan));
  }
}

constexpr CatalogueEntry kEntries[] = {
    {"profiles", true, DrawProfiles},
    {"simultaneous-open", true, DrawSimultaneousOpen},
    {"syn-flood", true, DrawSynFlood},
    {"blind-attack", true, DrawBlindAttack},
    {"address-change", true, DrawAddressChange},
    {"dead-peer", true, DrawDeadPeer},
    {"few-buffers", true, DrawFewBuffers},
    {"full-tables", true, DrawFullTables},
};

}  // namespace

std::span<const CatalogueEntry> HostScenarios() { return kEntries; }

}  // namespace aether::testing::sim
