// From head bytes to a setup, and the setup into the state that was asked for.
#include "fuzz/stateful/tcp_setup.h"

#include <algorithm>

namespace aether::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;

constexpr std::array<uint32_t, 10> kSequences = {0,          0x12345678, 0x7fffff00, 0x80000000,
                                                 0xffffff00, 0xfffffffe, 0xfffffc00, 0x7ffffc00,
                                                 0xffffffff, 1};

// Where the names of kProfileNames that switch off one mechanism each begin.
constexpr uint8_t kFirstSwitch = 9;
static_assert(std::string_view(kProfileNames[kFirstSwitch]) == "no_retransmission");

void ApplyLimits(uint8_t limits, Config& config) {
  const auto has = [limits](int bit) { return (limits >> bit & 1) != 0; };
  if (has(0)) config.buffers.chunks_max = 6;
  if (has(1)) {
    config.tcp.held_ranges_max = 3;
    config.buffers.held_ranges_max = 5;
  }
  if (has(2)) config.mtu = 68;
  if (has(3)) {
    config.tcp.receive_buffer_bytes = 2000;
    config.tcp.receive_buffer_max_bytes = 4000;
  }
  if (has(4)) {
    config.tcp.send_buffer_bytes = 2000;
    config.tcp.send_buffer_max_bytes = 3000;
  }
  if (has(5)) {
    config.tcp.connections_max = 2;
    config.tcp.time_wait_max = 1;
  }
  if (has(6)) {
    config.tcp.half_open_max = 1;
    config.tcp.accept_queue_max = 1;
    config.tcp.replies_max = 2;
  }
  if (has(7)) {
    config.tcp.flight_segments_max = 8;
    config.buffers.sent_segments_max = 12;
    config.buffers.send_items_max = 8;
  }
}

}  // namespace

tcp::Profile ProfileOf(uint8_t number) {
  using tcp::Profile;
  // In the order of kProfileNames, from kFirstSwitch on.
  static constexpr std::array<bool Profile::*, 11> kSwitches = {&Profile::retransmission,
                                                                &Profile::reassembly,
                                                                &Profile::rack_tlp,
                                                                &Profile::fast_retransmit,
                                                                &Profile::undo,
                                                                &Profile::delayed_ack,
                                                                &Profile::nagle,
                                                                &Profile::zero_window_probes,
                                                                &Profile::buffer_growth,
                                                                &Profile::path_mtu_discovery,
                                                                &Profile::ecn};
  Profile profile = tcp::kFull;
  number = static_cast<uint8_t>(number % kProfileNames.size());
  const std::string_view name = kProfileNames[number];
  if (name == "classic") return tcp::kClassic;
  if (name == "no_timestamps" || name == "plain") profile.timestamps = false;
  if (name == "no_sack" || name == "plain") profile.sack = false;
  if (name == "no_scaling" || name == "plain") profile.window_scaling = false;
  if (name == "cookies_always") profile.syn_cookies = tcp::SynCookies::kAlways;
  if (name == "cookies_never" || name == "plain") profile.syn_cookies = tcp::SynCookies::kNever;
  if (name == "newreno") profile.congestion = tcp::CongestionAlgorithm::kNewReno;
  if (name == "uncontrolled") profile.congestion = tcp::CongestionAlgorithm::kNone;
  if (name == "no_limited") profile.limited_transmit = false;
  // RFC 9293 alone.
  if (name == "plain") profile.rack_tlp = profile.undo = profile.ecn = false;
  if (number >= kFirstSwitch && number < kFirstSwitch + kSwitches.size())
    profile.*kSwitches[number - kFirstSwitch] = false;
  if (name == "no_request") profile.ecn_request = false;
  return profile;
}

TcpSetup SetupOf(const RecordReader& reader) {
  const auto head = [&reader](TcpHead at) { return reader.head(static_cast<size_t>(at)); };
  TcpSetup setup;
  setup.config = SmallConfig();
  setup.config.profile = ProfileOf(head(TcpHead::kProfile));
  ApplyLimits(head(TcpHead::kLimits), setup.config);
  const uint8_t sequence = head(TcpHead::kSequence);
  setup.initial_sequence[0] = kSequences[sequence % kSequences.size()];
  setup.initial_sequence[1] = kSequences[(sequence / kSequences.size() + 1) % kSequences.size()];
  const uint8_t offer = head(TcpHead::kOffer);
  setup.offer.sack = (offer & 1) == 0;
  setup.offer.timestamps = (offer & 2) == 0;
  if ((offer & 4) != 0) setup.offer.scale = -1;
  if ((offer & 0x40) != 0) setup.offer.scale = 14;
  if ((offer & 8) != 0) setup.offer.mss = 0;
  if ((offer & 0x10) != 0) setup.offer.mss = 100;
  if ((offer & 0x20) != 0) setup.clock_ms = 0xfffffff0;
  setup.app = head(TcpHead::kApp);
  // The stack's clock counts milliseconds in 32 bits.
  constexpr int64_t kClockEnd = int64_t{1} << 32;
  switch (head(TcpHead::kClock) % kClockNames.size()) {
    case 1:
      setup.start = Instant(milliseconds(kClockEnd - 300));
      setup.times_count = false;
      break;
    case 2:
      setup.start = Instant(milliseconds(kClockEnd / 2 - 300));
      break;
    default:
      break;
  }
  return setup;
}

Stager::Stager(TcpWorld& world, bool active) : world_(world), active_(active) {}

void Stager::Peer(size_t i, uint8_t flags, uint32_t payload_bytes, uint16_t window) {
  world_.Arrive(world_.Ready(i).BuildNext(flags, payload_bytes, window));
}

// The handshake, up to its last segment.
void Stager::Open(size_t i) {
  if (active_) {
    world_.Connect(i, {});
    world_.Advance(milliseconds(20));
    Peer(i, kSyn | kAck);
    return;
  }
  Peer(i, kSyn);
  world_.Advance(milliseconds(20));
  Peer(i, kAck);
  world_.AcceptAll();
}

void Stager::Run(TcpStage stage) {
  if (!active_) world_.Listen(4);
  switch (stage) {
    case TcpStage::kFresh:
      return;
    case TcpStage::kHalfOpen:
      if (active_) {
        world_.Connect(0, {});
      } else {
        Peer(0, kSyn);
      }
      return;
    case TcpStage::kCrossing:
      if (active_) {
        world_.Connect(0, {});
        Peer(0, kSyn);
      } else {
        world_.set_app(static_cast<uint8_t>(world_.app() | tcp_app::kLazyAccept));
        Peer(0, kSyn);
        Peer(0, kAck);
        Peer(0, kAck | tcp_flags::kPsh, 300);
      }
      return;
    case TcpStage::kCrowded:
      Crowd();
      return;
    default:
      break;
  }
  if (stage == TcpStage::kShut)
    world_.set_app(static_cast<uint8_t>(world_.app() | tcp_app::kLazyRead));
  Open(0);
  FromEstablished(stage);
}

void Stager::Crowd() {
  for (uint16_t i = 0; i < world_.config().tcp.half_open_max; ++i) {
    TcpFlow stranger({kPeerIp, static_cast<uint16_t>(50000 + i)}, {kStackIp, kListenPort}, i * 77u);
    world_.Arrive(stranger.Build(TcpFlow::Plain{.flags = kSyn, .seq = i * 77u}));
  }
}

void Stager::FromEstablished(TcpStage stage) {
  switch (stage) {
    case TcpStage::kInFlight:
      world_.Write(0, 6000);
      return;
    case TcpStage::kHeld:
      for (const uint32_t distance : {700u, 2100u}) {
        TcpFlow& flow = world_.Ready(0);
        world_.Arrive(flow.Build(TcpFlow::Plain{
            .seq = flow.snd_nxt() + distance, .ack = flow.rcv_nxt(), .payload_bytes = 700}));
      }
      return;
    case TcpStage::kRecovering:
      Lose();
      return;
    case TcpStage::kTimedOut:
      world_.Write(0, 4000);
      for (int i = 0; i < 3; ++i) world_.AdvanceToDeadline(seconds(10));
      return;
    case TcpStage::kFinWait1:
      world_.Write(0, 100);
      world_.EndOwned(0, TcpWorld::End::kShutdown);
      return;
    case TcpStage::kFinWait2:
      world_.EndOwned(0, TcpWorld::End::kShutdown);
      Peer(0, kAck);
      return;
    case TcpStage::kCloseWait:
      Peer(0, kAck | kFin, 100);
      return;
    case TcpStage::kClosing:
    case TcpStage::kTimeWait: {
      TcpFlow& flow = world_.Ready(0);
      const uint32_t before_fin = flow.rcv_nxt();
      world_.EndOwned(0, TcpWorld::End::kShutdown);
      if (stage == TcpStage::kTimeWait) {
        Peer(0, kAck | kFin);
      } else {
        world_.Arrive(flow.Build(
            TcpFlow::Plain{.flags = kAck | kFin, .seq = flow.snd_nxt(), .ack = before_fin}));
      }
      return;
    }
    case TcpStage::kLastAck:
      Peer(0, kAck | kFin);
      world_.EndOwned(0, TcpWorld::End::kShutdown);
      return;
    case TcpStage::kPeerShut:
      Peer(0, kAck, 0, 0);
      world_.Write(0, 3000);
      return;
    case TcpStage::kShut:
      for (int i = 0; i < 8; ++i) Peer(0, kAck, 1400);
      return;
    case TcpStage::kTwo:
      Open(1);
      return;
    case TcpStage::kOrphan:
      world_.Write(0, 5000);
      world_.EndOwned(0, TcpWorld::End::kClose);
      return;
    default:
      return;
  }
}

// Ten segments leave, of which the second and the fifth do not arrive.
void Stager::Lose() {
  world_.Write(0, 8000);
  world_.Advance(milliseconds(20));
  TcpFlow& flow = world_.Ready(0);
  const uint32_t base = flow.stack_iss().value_or(0) + 1;
  const uint32_t mss = std::clamp<uint32_t>(flow.offer.mss, 100, 1448);
  std::array<uint8_t, 32> options{1, 1, 8, 10};
  const size_t at = flow.has_timestamps() ? 12 : 0;
  for (size_t k = 0; k < 4; ++k) {
    options[4 + k] = static_cast<uint8_t>(flow.clock_ms >> (24 - 8 * k));
    options[8 + k] = static_cast<uint8_t>(flow.stack_timestamp() >> (24 - 8 * k));
  }
  std::ranges::copy(std::array<uint8_t, 4>{1, 1, 5, 18},
                    options.begin() + static_cast<ptrdiff_t>(at));
  for (uint32_t i = 1; i <= 3; ++i) {
    const std::array<uint32_t, 4> edges = {base + 3 * mss, base + (3 + i) * mss, base + mss,
                                           base + 2 * mss};
    for (size_t k = 0; k < 16; ++k)
      options[at + 4 + k] = static_cast<uint8_t>(edges[k / 4] >> (24 - 8 * (k % 4)));
    world_.Arrive(flow.Build(TcpFlow::Plain{
        .seq = flow.snd_nxt(), .ack = base, .options = Bytes(options).first(at + 20)}));
  }
}

}  // namespace aether::fuzz
