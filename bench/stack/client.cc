#include "bench/stack/client.h"

#include <array>
#include <cstdio>
#include <optional>

#include "bench/stack/segment_writer.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::bench {
namespace {

constexpr size_t kIp = testing::kIpv4At;
constexpr size_t kTcp = testing::kIpv4PayloadAt;

// Multiplication modulo 2^32 undone: Newton's iteration doubles the right bits each time.
constexpr uint32_t InverseOf(uint32_t odd) {
  uint32_t inverse = odd;
  for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

uint32_t NowMs(Instant now) {
  return static_cast<uint32_t>(now.time_since_epoch() / std::chrono::milliseconds(1));
}

std::array<uint8_t, 12> Timestamps(uint32_t value, uint32_t echo) {
  std::array<uint8_t, 12> bytes{1, 1, 8, 10};
  StoreBe(bytes.data() + 4, value);
  StoreBe(bytes.data() + 8, echo);
  return bytes;
}

// As the naive parser reads them, but fast: only the two forms that the stack and the reflector
// use.
std::optional<uint32_t> TimestampOf(Bytes options) {
  for (const size_t at : {size_t{2}, size_t{6}}) {
    if (options.size() >= at + 10 && options[at] == 8 && options[at + 1] == 10)
      return LoadBe<uint32_t>(options.data() + at + 2);
  }
  return std::nullopt;
}

}  // namespace

uint32_t NumberOf(Ipv4Endpoint client) {
  uint32_t x = (client.address.value & 0x1ffffu) << 15 | (client.port & 0x7fffu);
  x ^= x >> 13 ^ x >> 26;
  x *= InverseOf(0x85ebca6bu);
  x ^= x >> 15 ^ x >> 30;
  return (x - 0x5eedu) * InverseOf(0x9e3779b1u);
}

Client::Client(const ClientOptions& options, Bytes response)
    : options_(options), response_(response), peers_(options.open_max) {}

bool Client::IsOwed(uint32_t number) const {
  const Peer& peer = peers_[number % peers_.size()];
  return peer.number == number && peer.owed != Owed::kNothing;
}

bool Client::IsLost(uint32_t number) const {
  const Peer& peer = peers_[number % peers_.size()];
  return peer.number == number && peer.is_lost;
}

uint32_t Client::NextSequence(uint32_t number) const {
  const Peer& peer = peers_[number % peers_.size()];
  return peer.number == number ? peer.snd_nxt : 0;
}

void Client::Segment(Peer& peer, uint8_t flags, Bytes options, Bytes text, FrameLog& log) {
  WriteSegment({.from = ClientOf(peer.number),
                .sequence = peer.snd_nxt,
                .acknowledgment = (flags & tcp_flags::kAck) != 0 ? peer.rcv_nxt : 0,
                .flags = flags,
                .window = 502,
                .identification = static_cast<uint16_t>(generator_.Next32()),
                .options = options,
                .text = text},
               log);
  peer.snd_nxt += static_cast<uint32_t>(text.size()) + ((flags & tcp_flags::kSyn) != 0 ? 1 : 0) +
                  ((flags & tcp_flags::kFin) != 0 ? 1 : 0);
}

// Behind the handshake: of a peer that agreed to timestamps, and of others nothing.
void Client::Plain(Peer& peer, uint8_t flags, Bytes text, FrameLog& log, Instant now) {
  if (!options_.timestamps) return Segment(peer, flags, {}, text, log);
  Segment(peer, flags, Timestamps(NowMs(now), peer.ts_recent), text, log);
}

void Client::Owe(Peer& peer, Owed what) {
  if (peer.owed != Owed::kNothing && wrong_.empty()) wrong_ = "an answer did not come in time";
  peer.owed = what;
  ++owed_;
}

void Client::Syn(uint32_t number, FrameLog& log, Instant now) {
  Peer& peer = Of(number);
  peer = {.number = number, .snd_nxt = generator_.Next32()};
  std::array<uint8_t, 20> options{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
  StoreBe(options.data() + 8, NowMs(now));
  Segment(peer, tcp_flags::kSyn, options, {}, log);
  Owe(peer, Owed::kSynAck);
}

void Client::Ack(uint32_t number, FrameLog& log, Instant now) {
  Peer& peer = Of(number);
  Plain(peer, tcp_flags::kAck, {}, log, now);
}

void Client::Request(uint32_t number, FrameLog& log, Instant now) {
  Peer& peer = Of(number);
  std::array<char, 96> text;
  const int size =
      std::snprintf(text.data(), text.size(), "GET /?%08x HTTP/1.1\r\nHost: 10.0.0.2\r\n%s\r\n",
                    generator_.Next32(), options_.close ? "Connection: close\r\n" : "");
  Plain(peer, tcp_flags::kAck | tcp_flags::kPsh,
        Bytes(reinterpret_cast<const uint8_t*>(text.data()), static_cast<size_t>(size)), log, now);
  Owe(peer, Owed::kResponse);
}

void Client::Fin(uint32_t number, FrameLog& log, Instant now) {
  Peer& peer = Of(number);
  Plain(peer, tcp_flags::kAck | tcp_flags::kFin, {}, log, now);
  Owe(peer, Owed::kAckOfFin);
}

void Client::Abandon(uint32_t number, FrameLog& log) {
  Peer& peer = Of(number);
  if (peer.owed != Owed::kNothing) --owed_;
  peer.owed = Owed::kNothing;
  Segment(peer, tcp_flags::kRst, {}, {}, log);
}

void Client::Arp(FrameLog& log) {
  const testing::Frame arp = testing::BuildArp({});
  std::memcpy(log.Add(arp.size()).data(), arp.data(), arp.size());
}

void Client::OnFrame(Bytes frame) {
  std::string wrong = CheckFrame(frame);
  if (wrong_.empty() && !wrong.empty()) wrong_ = std::move(wrong);
}

std::string Client::CheckFrame(Bytes frame) {
  if (options_.strict) {
    const auto naive = testing::NaiveParse(frame);
    if (!naive) return naive.error();
  }
  if (frame.size() < 42) return "a frame is too short";
  if (LoadBe<uint16_t>(frame.data() + 12) == 0x0806) return {};  // between the routers
  if (frame.size() < kTcp + 20) return "a segment is too short";
  const uint8_t* const ip = frame.data() + kIp;
  if (ip[0] != 0x45 || ip[9] != 6) return "no TCP over IPv4";
  if (!SumIsValid(SumHeader(ip, 20))) return "wrong IPv4 checksum";
  if (LoadBe<uint16_t>(ip + 2) + kIp != frame.size()) return "wrong IPv4 length";
  const Ipv4Address to{LoadBe<uint32_t>(ip + 16)};
  const Bytes segment = frame.subspan(kTcp);
  const uint16_t pseudo =
      SumPseudoHeader({LoadBe<uint32_t>(ip + 12)}, to, 6, static_cast<uint16_t>(segment.size()));
  if (!SumIsValid(SumAdd(pseudo, SumBytes(segment)))) return "wrong TCP checksum";
  const uint32_t number = NumberOf({to, LoadBe<uint16_t>(segment.data() + 2)});
  Peer& peer = Of(number);
  if (peer.number != number) return options_.may_lose ? "" : "a segment for nobody";
  return CheckSegment(peer, segment);
}

std::string Client::CheckSegment(Peer& peer, Bytes segment) {
  const uint32_t sequence = LoadBe<uint32_t>(segment.data() + 4);
  const uint8_t flags = segment[13];
  const size_t header = size_t{segment[12]} >> 4 << 2;
  if (header < 20 || header > segment.size()) return "wrong data offset";
  const Bytes text = segment.subspan(header);
  const bool is_pure = flags == tcp_flags::kAck && text.empty();
  if ((options_.takes_acks || options_.may_lose) && is_pure &&
      (peer.owed != Owed::kAckOfFin || LoadBe<uint32_t>(segment.data() + 8) != peer.snd_nxt)) {
    return {};
  }
  if (options_.may_lose && (flags & tcp_flags::kRst) != 0) {
    if (peer.owed != Owed::kNothing) --owed_;
    peer.owed = Owed::kNothing;
    peer.is_lost = true;
    return {};
  }
  if (peer.owed == Owed::kNothing)
    return options_.may_lose ? "" : "an answer that nobody asked for";
  const Owed owed = peer.owed;
  peer.owed = Owed::kNothing;
  --owed_;
  if (LoadBe<uint32_t>(segment.data() + 8) != peer.snd_nxt) return "another acknowledgement";
  const auto timestamp = TimestampOf(segment.subspan(20, header - 20));
  if (timestamp.has_value() != options_.timestamps)
    return timestamp ? "a timestamp" : "no timestamp";
  peer.ts_recent = timestamp.value_or(0);
  if (owed == Owed::kSynAck) {
    peer.rcv_nxt = sequence + 1;
    return flags == (tcp_flags::kSyn | tcp_flags::kAck) && text.empty() ? "" : "no SYN-ACK";
  }
  if (sequence != peer.rcv_nxt) return "another sequence number";
  if (owed == Owed::kAckOfFin) return is_pure ? "" : "no ACK of the FIN";
  const uint8_t expected = tcp_flags::kAck | (options_.close ? tcp_flags::kFin : uint8_t{0});
  if ((flags & ~tcp_flags::kPsh) != expected) return "other flags with the response";
  if (!std::ranges::equal(text, response_)) return "another response";
  peer.rcv_nxt += static_cast<uint32_t>(text.size()) + (options_.close ? 1 : 0);
  return {};
}

}  // namespace aether::bench
