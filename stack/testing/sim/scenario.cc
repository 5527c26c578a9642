// The catalogue. Each entry changes what DrawBase made, as little as its name says.
#include "stack/testing/sim/scenario.h"

#include <algorithm>
#include <array>
#include <utility>

#include "stack/testing/sim/draw.h"

namespace aether::testing::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kBytesMax = 60'000;

void Add(Scenario& scenario, TransferPlan plan) { scenario.transfers.push_back(std::move(plan)); }

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

void DrawJitterOn(Dice& dice, Scenario& s) {
  constexpr std::array kKinds = {DelayKind::kUniform, DelayKind::kNormal, DelayKind::kHeavyTail};
  for (LinkSpec& link : s.links) {
    link.delay_kind = dice.Pick(kKinds);
    link.jitter = dice.Scaled(microseconds(100), milliseconds(20));
  }
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

// The reader stops for a while with more to come than its buffer holds.
void DrawZeroWindow(Dice& dice, Scenario& s) {
  for (NodeSpec& node : s.nodes)
    node.receive_buffer_bytes = static_cast<uint16_t>(dice.Between(512, 4096));
  TransferPlan plan = Duplex(dice, static_cast<uint64_t>(dice.Between(6000, 30'000)),
                             static_cast<uint64_t>(dice.Between(6000, 30'000)), DrawCloser(dice));
  for (AppPlan* app : {&plan.client_app, &plan.server_app}) {
    const int64_t stalls = dice.Between(1, 3);
    for (int64_t i = 0; i < stalls; ++i) {
      app->stalls.push_back({.bytes = static_cast<uint64_t>(dice.Between(1, 6000)),
                             .pause = dice.Scaled(milliseconds(5), seconds(12))});
    }
  }
  Add(s, std::move(plan));
}

// One side is done early and goes on reading.
void DrawHalfClose(Dice& dice, Scenario& s) {
  // After a minute the neighbour has to be asked for again, and what does not fit into the queue
  // that waits for the answer is lost.
  const Duration pause_max = s.is_reliable ? seconds(150) : seconds(40);
  TransferPlan plan = Duplex(dice, static_cast<uint64_t>(dice.Scaled(1, 5000)),
                             static_cast<uint64_t>(dice.Scaled(1, 30'000)), Closer::kBoth);
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
  TransferPlan plan = Duplex(dice, static_cast<uint64_t>(dice.Scaled(1, 3000)),
                             static_cast<uint64_t>(dice.Scaled(1, 3000)), Closer::kBoth);
  plan.client_app.writes.push_back(PauseStep(pause));
  plan.server_app.writes.push_back(PauseStep(pause));
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
    Add(s, Exchanges(dice, dice.Between32(5, 30), 300, 3000, DrawCloser(dice)));
  }
}

void DrawDuplicate(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.duplicate_ppm = static_cast<uint32_t>(dice.Scaled(5000, 400'000));
    link.duplicate_delay_max = dice.Scaled(microseconds(1), milliseconds(300));
  }
  Add(s, AnyTransfer(dice, kBytesMax));
}

// --- From here on frames are lost or come late: for profiles that retransmit. ---

void DrawLossy(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.loss_ppm = static_cast<uint32_t>(dice.Scaled(1000, 80'000));
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawBursty(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.burst = {.enter_ppm = static_cast<uint32_t>(dice.Scaled(1000, 30'000)),
                  .leave_ppm = static_cast<uint32_t>(dice.Scaled(100'000, 600'000)),
                  .loss_ppm = static_cast<uint32_t>(dice.Between(600'000, 1'000'000))};
  }
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawReorder(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) {
    link.reorder_ppm = static_cast<uint32_t>(dice.Scaled(5000, 400'000));
    link.reorder_delay_max = dice.Scaled(microseconds(10), milliseconds(60));
  }
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawCorrupt(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links) link.flip_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  Add(s, AnyTransfer(dice, kBytesMax));
}

void DrawTruncate(Dice& dice, Scenario& s) {
  for (LinkSpec& link : s.links)
    link.truncate_ppm = static_cast<uint32_t>(dice.Scaled(5000, 80'000));
  Add(s, AnyTransfer(dice, kBytesMax));
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
  for (int64_t i = 0; i < count; ++i) Add(s, AnyTransfer(dice, kBytesMax));
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
  const int64_t count = dice.Between(1, 4);
  for (int64_t i = 0; i < count; ++i) Add(s, AnyTransfer(dice, 20'000));
}

struct Entry {
  std::string_view name;
  bool needs_reliable;
  void (*draw)(Dice&, Scenario&);
};

constexpr Entry kCatalogue[] = {
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
};

const Entry* Find(std::string_view name) {
  const Entry* found = std::ranges::find(kCatalogue, name, &Entry::name);
  return found == std::end(kCatalogue) ? nullptr : found;
}

uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

std::vector<std::string_view> ScenarioNames() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kCatalogue) names.push_back(entry.name);
  return names;
}

std::optional<bool> NeedsReliable(std::string_view name) {
  const Entry* entry = Find(name);
  if (entry == nullptr) return std::nullopt;
  return entry->needs_reliable;
}

std::optional<Scenario> DrawScenario(std::string_view name, uint64_t seed,
                                     std::string_view profile_name) {
  const Entry* entry = Find(name);
  const std::optional<NamedProfile> profile = FindProfile(profile_name);
  if (entry == nullptr || !profile) return std::nullopt;
  Scenario scenario;
  scenario.name = name;
  scenario.seed = seed;
  scenario.profile_name = profile_name;
  scenario.profile = profile->profile;
  scenario.needs_reliable = entry->needs_reliable;
  scenario.is_reliable = profile->is_reliable;
  scenario.expects_completion = profile->is_reliable || !entry->needs_reliable;
  Dice dice(Seed{HashName(name), seed});
  DrawBase(dice, scenario);
  entry->draw(dice, scenario);
  if (entry->needs_reliable && scenario.profile.syn_cookies == tcp::SynCookies::kAlways) {
    // A server that keeps no state refuses what overtakes the end of the handshake; the connection
    // is lost with it. Some runs show that nothing worse comes of it.
    if (dice.Chance(kCertain / 4)) {
      scenario.expects_completion = false;
    } else {
      scenario.profile.syn_cookies = tcp::SynCookies::kUnderPressure;
    }
  }
  if (!scenario.expects_completion) {
    // What cannot come through has to be given up by somebody.
    for (TransferPlan& plan : scenario.transfers) {
      plan.client_app.idle_timeout = plan.server_app.idle_timeout = seconds(400);
    }
  }
  return scenario;
}

std::vector<NamedProfile> Profiles() {
  std::vector<NamedProfile> profiles;
  for (const std::string_view name : tcp::kProfileNames) {
    const tcp::Profile profile = tcp::ProfileOfName(name).value_or(tcp::kFull);
    profiles.push_back({.name = name, .profile = profile, .is_reliable = profile.retransmission});
  }
  return profiles;
}

std::optional<NamedProfile> FindProfile(std::string_view name) {
  for (const NamedProfile& profile : Profiles()) {
    if (profile.name == name) return profile;
  }
  return std::nullopt;
}

}  // namespace aether::testing::sim
