#include "bench/hostile/attackers.h"

#include <algorithm>
#include <bit>

#include "stack/tcp/demux.h"
#include "stack/testing/frame_builder.h"
#include "stack/wire/tcp.h"

namespace aether::bench {
namespace {

constexpr uint32_t kStrangers = 1024;
constexpr uint16_t kFirstPort = 20'000;
// Turns in which an attacker takes what comes, so that the server's window opens.
constexpr uint32_t kHonestTurns = 24;

uint32_t CountOf(FloodKind kind) {
  switch (kind) {
    case FloodKind::kSackHole:
      return 128;
    case FloodKind::kReorderingHole:
      return 256;
    // Each of them has up to 175 responses waiting.
    case FloodKind::kSlowReader:
      return 256;
    default:
      return 512;
  }
}

// What each asks for, again and again: four responses at once.
std::vector<uint8_t> PipelinedRequests() {
  std::vector<uint8_t> text;
  for (int i = 0; i < 4; ++i) {
    for (const char c : std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
      text.push_back(static_cast<uint8_t>(c));
  }
  return text;
}

bool IsAfter(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

}  // namespace

std::vector<Ipv4Endpoint> Attackers::CollidingEndpoints(SipKey key, uint32_t entries,
                                                        uint32_t count) {
  const tcp::Demux table(16, key);
  const uint32_t mask = std::bit_ceil(entries * 2) - 1;
  std::vector<Ipv4Endpoint> found;
  for (uint32_t number = 0; found.size() < count; ++number) {
    // The address says who it is, so the ports are tried.
    const auto index = static_cast<uint32_t>(found.size());
    const Ipv4Endpoint endpoint{{Ipv4Address::Of(20, 0, 0, 0).value | index | (number >> 15) << 14},
                                static_cast<uint16_t>(0x8000u | (number & 0x7fffu))};
    const tcp::FlowKey flow{.remote = endpoint.address,
                            .local = testing::kOurIp,
                            .remote_port = endpoint.port,
                            .local_port = kServerPort};
    if ((table.Hash(flow) & mask) < kCollidingSlots) found.push_back(endpoint);
  }
  return found;
}

Attackers::Attackers(const FloodOptions& options)
    : kind_(options.kind), attackers_(CountOf(options.kind)), text_(PipelinedRequests()) {
  order_ = generator_.Permutation(static_cast<uint32_t>(attackers_.size()));
  if (kind_ == FloodKind::kHashCollision) {
    colliding_ = CollidingEndpoints(options.guessed_key, options.table_entries,
                                    static_cast<uint32_t>(attackers_.size()) + kStrangers);
  }
}

uint32_t Attackers::frames_until_steady() const {
  const auto count = static_cast<uint32_t>(attackers_.size());
  switch (kind_) {
    case FloodKind::kReorderingHole:
      return count * 160;  // more than there are ranges for
    case FloodKind::kSackHole:
      return count * (kHonestTurns * 2);
    case FloodKind::kHashCollision:
      return count * 8;
    default:
      return count * 80;
  }
}

void Attackers::Open(uint32_t number, Attacker& attacker, FrameLog& log) {
  if (attacker.state == State::kClosed) {
    ++attacker.incarnation;
    attacker.snd_nxt = generator_.Next32();
    attacker.own = kind_ == FloodKind::kHashCollision
                       ? colliding_[number]
                       : Ipv4Endpoint{{Ipv4Address::Of(20, 0, 0, 0).value | number},
                                      static_cast<uint16_t>(kFirstPort + attacker.incarnation)};
    ++attacker.snd_nxt;
  }
  attacker.state = State::kSynSent;
  std::vector<uint8_t> options{2, 4, 2, 24};  // MSS 536
  if (kind_ == FloodKind::kSackHole) options.insert(options.end(), {1, 1, 4, 2});
  WriteSegment(
      {.from = attacker.own,
       .sequence = attacker.snd_nxt - 1,
       .flags = tcp_flags::kSyn,
       .window = uint16_t{kind_ == FloodKind::kTinyWindow ? uint16_t{64} : uint16_t{65535}},
       .options = options},
      log);
}

void Attackers::SendText(Attacker& attacker, uint16_t window, FrameLog& log) {
  attacker.acknowledged = attacker.rcv_nxt;
  WriteSegment({.from = attacker.own,
                .sequence = attacker.snd_nxt,
                .acknowledgment = attacker.acknowledged,
                .flags = tcp_flags::kAck | tcp_flags::kPsh,
                .window = window,
                .text = text_},
               log);
  attacker.snd_nxt += static_cast<uint32_t>(text_.size());
}

void Attackers::SendAck(Attacker& attacker, uint16_t window, Bytes options, FrameLog& log) {
  WriteSegment({.from = attacker.own,
                .sequence = attacker.snd_nxt,
                .acknowledgment = attacker.acknowledged,
                .flags = tcp_flags::kAck,
                .window = window,
                .options = options},
               log);
}

void Attackers::SendAheadOfGap(Attacker& attacker, FrameLog& log) {
  std::array<uint8_t, 64> text;
  generator_.Fill(text);
  WriteSegment({.from = attacker.own,
                .sequence = attacker.snd_nxt + 1 + generator_.Below(60'000),
                .acknowledgment = attacker.rcv_nxt,
                .flags = tcp_flags::kAck | tcp_flags::kPsh,
                .window = 65535,
                .text = Bytes(text).first(1 + generator_.Below(64))},
               log);
}

// Three blocks somewhere between what is acknowledged and what came last.
void Attackers::SendSackHoles(Attacker& attacker, FrameLog& log) {
  const uint32_t flight = attacker.rcv_max - attacker.acknowledged;
  if (flight < 8) return SendText(attacker, 65535, log);
  std::array<uint8_t, 28> options{1, 1, 5, 26};
  for (size_t at = 4; at < options.size(); at += 8) {
    const uint32_t left = 1 + generator_.Below(flight - 2);
    const uint32_t size = 1 + generator_.Below(std::min(flight - left, 600u));
    StoreBe(options.data() + at, attacker.acknowledged + left);
    StoreBe(options.data() + at + 4, attacker.acknowledged + left + size);
  }
  SendAck(attacker, 65535, options, log);
}

void Attackers::SendAsStranger(FrameLog& log) {
  const size_t known = attackers_.size();
  const uint32_t which = generator_.Below(static_cast<uint32_t>(colliding_.size() - known));
  WriteSegment({.from = colliding_[known + which],
                .sequence = generator_.Next32(),
                .acknowledgment = generator_.Next32(),
                .flags = tcp_flags::kAck,
                .window = 65535},
               log);
}

void Attackers::Misbehave(Attacker& attacker, FrameLog& log) {
  const uint32_t turn = attacker.turns++;
  switch (kind_) {
    case FloodKind::kReorderingHole:
      return SendAheadOfGap(attacker, log);
    case FloodKind::kSackHole:
      if (turn < kHonestTurns) return SendText(attacker, 65535, log);
      return SendSackHoles(attacker, log);
    case FloodKind::kTinyWindow:
      if (turn % 64 == 0) return SendText(attacker, 64, log);
      attacker.acknowledged = attacker.rcv_nxt;
      return SendAck(attacker, static_cast<uint16_t>(1 + generator_.Below(64)), {}, log);
    case FloodKind::kSlowReader:
    case FloodKind::kSlowCrowd:
      // Requests for as long as the server reads them, and then a peer that says it is still there.
      if (turn < 64) return SendText(attacker, turn == 0 ? 1072 : 0, log);
      attacker.acknowledged = attacker.rcv_nxt;
      return SendAck(attacker, 0, {}, log);
    default:
      // Half and half, and not by chance: one costs more than the other.
      if (turn == 0 || (turn + cursor_) % 2 == 0) {
        attacker.acknowledged = attacker.rcv_nxt;
        return SendAck(attacker, 65535, {}, log);
      }
      return SendAsStranger(log);
  }
}

void Attackers::Add(FrameLog& log, Instant) {
  const uint32_t number = order_[cursor_];
  cursor_ = cursor_ + 1 == order_.size() ? 0 : cursor_ + 1;
  Attacker& attacker = attackers_[number];
  if (attacker.state == State::kOpen) return Misbehave(attacker, log);
  Open(number, attacker, log);
}

void Attackers::OnFrame(Bytes frame) {
  if (frame.size() < testing::kIpv4PayloadAt + 20 || frame[testing::kIpv4At + 9] != 6) return;
  const Bytes packet = frame.subspan(testing::kIpv4At);
  const Bytes segment = frame.subspan(testing::kIpv4PayloadAt);
  const Ipv4Endpoint to{{LoadBe<uint32_t>(packet.data() + 16)},
                        LoadBe<uint16_t>(segment.data() + 2)};
  const uint32_t number =
      kind_ == FloodKind::kHashCollision ? to.address.value & 0x3fffu : NumberOf(to.address);
  if (number >= attackers_.size()) return;
  Attacker& attacker = attackers_[number];
  if (attacker.own != to || attacker.state == State::kClosed) return;
  const uint8_t flags = segment[13];
  const uint32_t sequence = LoadBe<uint32_t>(segment.data() + 4);
  const size_t header = size_t{segment[12]} >> 4 << 2;
  const auto text_bytes = static_cast<uint32_t>(segment.size() - header);
  if ((flags & (tcp_flags::kRst | tcp_flags::kFin)) != 0) {
    attacker.state = State::kClosed;
    return;
  }
  if ((flags & tcp_flags::kSyn) != 0) {
    if (attacker.state != State::kSynSent) return;
    attacker.state = State::kOpen;
    attacker.turns = 0;
    attacker.rcv_nxt = attacker.rcv_max = attacker.acknowledged = sequence + 1;
    return;
  }
  const uint32_t end = sequence + text_bytes;
  if (!IsAfter(sequence, attacker.rcv_nxt) && IsAfter(end, attacker.rcv_nxt))
    attacker.rcv_nxt = end;
  if (IsAfter(end, attacker.rcv_max)) attacker.rcv_max = end;
}

}  // namespace aether::bench
