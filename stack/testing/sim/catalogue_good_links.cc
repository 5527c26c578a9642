// Scenarios on links that keep what they carry.
#include <algorithm>
#include <array>
#include <utility>

#include "stack/testing/sim/catalogue.h"
#include "stack/testing/sim/draw.h"

namespace aether::testing::sim {
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

void DrawJitterOn(Dice& dice, Scenario& s) {
  constexpr std::array kKinds = {DelayKind::kUniform, DelayKind::kNormal, DelayKind::kHeavyTail};
  for (LinkSpec& link : s.links) {
    link.delay_kind = dice.Pick(kKinds);
    link.jitter = dice.Scaled(microseconds(100), milliseconds(20));
  }
}

// The reader stops for a while with more to come than its buffer holds.
void DrawZeroWindow(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes)
    node.receive_buffer_bytes = static_cast<uint16_t>(dice.Between(512, 4096));
  // One draw after the other, here and below: the order of arguments is the compiler's.
  const uint64_t up = static_cast<uint64_t>(dice.Between(6000, 30'000));
  const uint64_t down = static_cast<uint64_t>(dice.Between(6000, 30'000));
  const Closer closer = DrawCloser(dice);
  TransferPlan plan = Duplex(dice, up, down, closer);
  for (AppPlan* app : {&plan.client_app, &plan.server_app}) {
    const int64_t stalls = dice.Between(1, 3);
    for (int64_t i = 0; i < stalls; ++i) {
      app->stalls.push_back({.bytes = static_cast<uint64_t>(dice.Between(1, 6000)),
                             .pause = dice.Scaled(milliseconds(5), seconds(12))});
    }
  }
  Add(s, std::move(plan));
}

// One side lets go in the middle: by a reset, or by a close with bytes unread.
void DrawAbort(Dice& dice, Scenario& s) {
  const int64_t count = dice.Between(1, 6);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 20'000);
    AppPlan& app = dice.Chance(kCertain / 2) ? plan.client_app : plan.server_app;
    const size_t at = static_cast<size_t>(dice.Between(0, static_cast<int64_t>(app.writes.size())));
    const WriteStep::Kind kind =
        dice.Chance(kCertain / 2) ? WriteStep::Kind::kAbort : WriteStep::Kind::kClose;
    app.writes.resize(at);
    if (app.IsEcho()) app.writes.clear();
    if (dice.Chance(kCertain / 2)) {
      app.writes.push_back(PauseStep(dice.Scaled(microseconds(1), milliseconds(300))));
    }
    app.writes.push_back(PlainStep(kind));
    plan.is_graceful = false;
    plan.client_app.waits_for_finished = plan.server_app.waits_for_finished = false;
    for (AppPlan* each : {&plan.client_app, &plan.server_app}) each->idle_timeout = seconds(300);
    plan.start = Instant(dice.Between(Duration{0}, seconds(1)));
    Add(s, std::move(plan));
  }
}

void DrawManyConnections(Dice& dice, Scenario& s) {
  const int64_t clients = dice.Between(1, 3);
  while (static_cast<int64_t>(s.nodes.size()) < 1 + clients) AddClient(dice, s);
  const int64_t count = dice.Between(10, 60);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 3000);
    plan.client = static_cast<uint32_t>(dice.Between(1, clients));
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(500)));
    Add(s, std::move(plan));
  }
}

namespace {

constexpr uint64_t kBytesMax = 60'000;

void DrawClean(Dice& dice, Scenario& s) { Add(s, AnyTransfer(dice, kBytesMax)); }

void DrawLongFat(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.delay = dice.Between(milliseconds(50), milliseconds(400));
    link.rate_bits_per_second = 1'000'000'000;
  }
  s.nodes[0].receive_buffer_bytes = s.nodes[1].receive_buffer_bytes = 65535;
  Add(s, AnyTransfer(dice, 400'000));
}

void DrawTinyMtu(Dice& dice, Scenario& s) {
  const uint16_t mtu = static_cast<uint16_t>(dice.Scaled(68, 600));
  for (NodeSpec& node : s.nodes) node.mtu = mtu;
  for (LinkSpec& link : s.links) link.frame_bytes_max = mtu + 14u;
  Add(s, AnyTransfer(dice, 8000));
}

// Only the client's link is narrow; its MSS option says so.
void DrawSmallMss(Dice& dice, Scenario& s) {
  s.nodes[1].mtu = static_cast<uint16_t>(dice.Between(150, 1400));
  for (LinkSpec& link : s.links) link.frame_bytes_max = s.nodes[1].mtu + 14u;
  Add(s, AnyTransfer(dice, 30'000));
}

void DrawAsymmetric(Dice& dice, Scenario& s) {
  s.links[0].rate_bits_per_second = static_cast<uint64_t>(dice.Scaled(100'000, 2'000'000));
  s.links[1].rate_bits_per_second = static_cast<uint64_t>(dice.Scaled(20'000'000, 1'000'000'000));
  s.links[0].delay = dice.Between(milliseconds(1), milliseconds(20));
  s.links[1].delay = dice.Between(milliseconds(20), milliseconds(200));
  if (dice.Chance(kCertain / 2)) std::swap(s.links[0], s.links[1]);
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawSkewedClocks(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes) {
    node.clock_skew_ppm = static_cast<int32_t>(dice.Between(-200'000, 200'000));
    node.clock_offset = dice.Between(Duration{0}, std::chrono::hours(24 * 60));
  }
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawJitter(Dice& dice, Scenario& s) {
  DrawJitterOn(dice, s);
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawSlowReader(Dice& dice, Scenario& s) {
  TransferPlan plan = AnyTransfer(dice, 20'000);
  for (AppPlan* app : {&plan.client_app, &plan.server_app}) {
    app->read_interval = dice.Scaled(microseconds(200), milliseconds(50));
    app->read_chunk_bytes_max = dice.Between32(200, 2000);
  }
  Add(s, std::move(plan));
}

// One side is done early and goes on reading.
void DrawHalfClose(Dice& dice, Scenario& s) {
  // After a minute the neighbour has to be asked for again, and what does not fit into the queue
  // that waits for the answer is lost.
  const Duration pause_max = s.is_reliable ? seconds(150) : seconds(40);
  const uint64_t up = static_cast<uint64_t>(dice.Scaled(1, 5000));
  const uint64_t down = static_cast<uint64_t>(dice.Scaled(1, 30'000));
  TransferPlan plan = Duplex(dice, up, down, Closer::kBoth);
  AppPlan& late = dice.Chance(kCertain / 2) ? plan.client_app : plan.server_app;
  std::vector<WriteStep> writes = {AwaitStep(0), PlainStep(WriteStep::Kind::kAwaitEnd),
                                   PauseStep(dice.Scaled(milliseconds(1), pause_max))};
  // The client still speaks first.
  if (&late == &plan.client_app) writes[0] = SendStep(1);
  writes.insert(writes.end(), late.writes.begin(), late.writes.end());
  late.writes = std::move(writes);
  Add(s, std::move(plan));
}

// Both FINs are under way at once.
void DrawSimultaneousClose(Dice& dice, Scenario& s) {
  s.links[0].delay = s.links[1].delay = dice.Between(milliseconds(5), milliseconds(50));
  const Duration pause = dice.Between(milliseconds(300), milliseconds(900));
  const uint64_t up = static_cast<uint64_t>(dice.Scaled(1, 3000));
  const uint64_t down = static_cast<uint64_t>(dice.Scaled(1, 3000));
  TransferPlan plan = Duplex(dice, up, down, Closer::kBoth);
  plan.client_app.writes.push_back(PauseStep(pause));
  plan.server_app.writes.push_back(PauseStep(pause));
  Add(s, std::move(plan));
}

// One after the other from few ports: TIME-WAIT is met again.
void DrawPortReuse(Dice& dice, Scenario& s) {
  s.nodes[1].ports = static_cast<uint16_t>(dice.Between(1, 3));
  const int64_t count = dice.Between(4, 20);
  for (int64_t i = 0; i < count; ++i) {
    // The server closes first: TIME-WAIT is its own, and the client may come again at once.
    TransferPlan plan =
        Download(dice, static_cast<uint64_t>(dice.Scaled(1, 2000)), Closer::kServer);
    plan.client_app.waits_for_finished = plan.server_app.waits_for_finished = true;
    plan.is_chained = true;
    Add(s, std::move(plan));
  }
}

void DrawExchanges(Dice& dice, Scenario& s) {
  const int64_t count = dice.Between(1, 8);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t rounds = dice.Between32(5, 30);
    const Closer closer = DrawCloser(dice);
    Add(s, Exchanges(dice, rounds, 300, 3000, closer));
  }
}

void DrawDuplicate(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.duplicate_ppm = static_cast<uint32_t>(dice.Scaled(5000, 400'000));
    link.duplicate_delay_max = dice.Scaled(microseconds(1), milliseconds(300));
  }
  Add(s, AnyTransfer(dice, kBytesMax));
}

// In fragments where the profile puts them together.
void DrawDatagrams(Dice& dice, Scenario& s) {
  const uint16_t mtu = static_cast<uint16_t>(dice.Between(576, 1500));
  for (NodeSpec& node : s.nodes) {
    node.mtu = mtu;
    node.is_stack = true;
  }
  AddDatagrams(dice, s);
  if (dice.Chance(kCertain / 2)) Add(s, AnyTransfer(dice, 20'000));
}

// Every host listens, and opens connections to any other.
void DrawMesh(Dice& dice, Scenario& s) {
  const int64_t hosts = dice.Between(3, 6);
  while (static_cast<int64_t>(s.nodes.size()) < hosts) AddClient(dice, s);
  const int64_t count = dice.Between(3, 20);
  for (int64_t i = 0; i < count; ++i) {
    TransferPlan plan = AnyTransfer(dice, 20'000);
    plan.client = static_cast<uint32_t>(dice.Between(0, hosts - 1));
    plan.server = static_cast<uint32_t>((plan.client + dice.Between(1, hosts - 1)) % hosts);
    plan.start = Instant(dice.Between(Duration{0}, milliseconds(200)));
    Add(s, std::move(plan));
  }
}

// Queues say that they are long before they are full.
void DrawMarked(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes) node.is_stack = true;
  for (LinkSpec& link : s.links) {
    link.rate_bits_per_second = static_cast<uint64_t>(dice.Scaled(2'000'000, 100'000'000));
    link.mark_queue_bytes = static_cast<uint32_t>(dice.Scaled(3000, 60'000));
    if (dice.Chance(kCertain / 3)) link.mark_ppm = dice.Between32(1000, 50'000);
  }
  const int64_t count = dice.Between(1, 3);
  for (int64_t i = 0; i < count; ++i) Add(s, LongTransfer(dice, 20'000, 300'000));
}

constexpr CatalogueEntry kEntries[] = {
    {"clean", false, DrawClean},
    {"long-fat", false, DrawLongFat},
    {"tiny-mtu", false, DrawTinyMtu},
    {"small-mss", false, DrawSmallMss},
    {"asymmetric", false, DrawAsymmetric},
    {"skewed-clocks", false, DrawSkewedClocks},
    {"jitter", false, DrawJitter},
    {"slow-reader", false, DrawSlowReader},
    {"zero-window", false, DrawZeroWindow},
    {"half-close", false, DrawHalfClose},
    {"simultaneous-close", false, DrawSimultaneousClose},
    {"abort", false, DrawAbort},
    {"many-connections", false, DrawManyConnections},
    {"port-reuse", false, DrawPortReuse},
    {"exchanges", false, DrawExchanges},
    {"duplicate", false, DrawDuplicate},
    {"datagrams", false, DrawDatagrams},
    {"mesh", false, DrawMesh},
    {"marked", false, DrawMarked},
};

}  // namespace

std::span<const CatalogueEntry> GoodLinkScenarios() { return kEntries; }

}  // namespace aether::testing::sim
