// The stack of stack_raw with its applications, an echo and a sink of UDP and an echo of TCP, and
// what must hold of its answers: P3 by the bitmap reassembler, echoes, and silence where RFC 1122
// wants it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/pattern.h"
#include "fuzz/stateful/raw_frames.h"
#include "fuzz/stateful/tcp_flow.h"
#include "fuzz/stateful/world.h"
#include "stack/testing/bitmap_reassembler.h"

namespace aether::fuzz {

// The head byte, and what the application may be told to do.
inline constexpr std::array<const char*, 8> kConfigNames = {"no_address",    "gateway",   "mtu_576",
                                                            "few_fragments", "deaf_arp",  "classic",
                                                            "group",         "few_frames"};
inline constexpr std::array<const char*, 7> kCallNames = {
    "address", "clear", "other_address", "join", "leave", "send", "connect"};

inline Config RawConfigOf(uint8_t bits) {
  Config config = SmallConfig();
  if ((bits & 0x04) != 0) config.mtu = 576;
  if ((bits & 0x08) != 0) {
    config.net.reassembly_datagrams_max = 2;
    config.net.reassembly_fragments_per_datagram_max = 4;
    config.net.reassembly_bytes_max = 4096;
  }
  if ((bits & 0x20) != 0) config.profile = tcp::kClassic;
  if ((bits & 0x80) != 0) config.net.output_frames_max = 2;
  return config;
}

class RawWorld final : public World {
 public:
  explicit RawWorld(uint8_t bits)
      : World(RawConfigOf(bits)), flow_({kPeerIp, 40000}, {kStackIp, 80}, 0x7ffffff0) {
    model_.Reset(config().net);
    const std::optional<Ipv4Address> gateway =
        (bits & 2) != 0 ? std::optional(kGatewayIp) : std::nullopt;
    if ((bits & 1) == 0) {
      stack().SetAddress(kStackNetwork, gateway);
    } else {
      fragments_are_known_ = false;
    }
    set_answers_arp((bits & 0x10) == 0);
    // Where ARP is not answered a SYN-ACK may never leave, though its connection is there.
    flow_.checks_numbers = (bits & 0x10) == 0;
    if ((bits & 0x40) != 0) FUZZ_CHECK(P4, stack().JoinMulticast(kGroupIp).has_value());
    echo_ = stack().UdpBind(7, {}).value();
    sink_ = stack().UdpBind(9, {}).value();
    listener_ = stack().TcpListen(80, {.backlog = 4}).value();
    flow_.checks_payload = false;
    Settle(4);
  }

  // `is_fragment`: P3 knows of it.
  void Send(Bytes frame, std::optional<testing::BitmapReassembler::Fragment> fragment = {}) {
    if (fragment) {
      while (model_.TakeExpired(now()).is_any) {
      }
      const auto answer = model_.Add(*fragment, now());
      expects_datagram_ = answer.is_whole && fragments_are_known_ && IsGoodDatagram(model_.whole());
    }
    sends_fragment_ = fragment.has_value() && fragments_are_known_;
    is_refused_ = IsSourceRouted(frame);
    is_quiet_ = IsForNobody(frame) || is_refused_;
    LearnFrom(frame);
    Deliver(frame);
    // P3: what is whole was delivered.
    FUZZ_CHECK(P3, !expects_datagram_);
    sends_fragment_ = is_quiet_ = is_refused_ = false;
  }

  TcpFlow& flow() {
    flow_.clock_ms = static_cast<uint32_t>(now().time_since_epoch() / std::chrono::milliseconds(1));
    return flow_;
  }
  // A fragment that the model was not told of went in.
  void ForgetFragments() { fragments_are_known_ = false; }
  void ExpectEcho(uint32_t rest, Bytes payload) {
    // One waits for its neighbour while others follow.
    Asked& asked = asked_[asked_count_++ % asked_.size()];
    asked.rest = rest;
    asked.payload.assign(payload.begin(), payload.end());
  }
  void ForgetEcho() { knows_echo_ = false; }
  Bytes last_sent() const { return last_sent_; }
  UdpSocketId echo() const { return echo_; }

  void Call(uint8_t what, uint16_t size) {
    // Without the address nothing is for us.
    if (what % kCallNames.size() < 3) fragments_are_known_ = false;
    // Connections to the address that was end without a word, and a SYN cookie that is still good
    // may open the next one without a SYN.
    if (what % kCallNames.size() == 1 || what % kCallNames.size() == 2)
      flow_.checks_numbers = false;
    switch (what % kCallNames.size()) {
      case 0:
        stack().SetAddress(kStackNetwork, kGatewayIp);
        break;
      case 1:
        stack().ClearAddress();
        break;
      case 2:
        stack().SetAddress({Ipv4Address::Of(10, 0, 0, 77), 24}, {});
        break;
      case 3:
        static_cast<void>(stack().JoinMulticast(kGroupIp));
        break;
      case 4:
        stack().LeaveMulticast(kGroupIp);
        break;
      case 5:
        static_cast<void>(
            stack().UdpSend(echo_, {size % 2 == 0 ? kPeerIp : Ipv4Address::Of(192, 0, 2, 7), 5000},
                            Pattern::At(0, size % 5000u)));
        break;
      default:
        if (const auto id = stack().TcpConnect({kPeerIp, 40000}, {})) Own(*id);
        break;
    }
    // Another address ends all connections.
    Settle(1 + config().tcp.connections_max);
  }

  void Finish() {
    for (const ConnectionId id : owned_) stack().Abort(id);
    Settle(1 + owned_.size());
    stack().TcpUnlisten(listener_);
    Settle(config().tcp.connections_max);
    stack().UdpClose(echo_);
    stack().UdpClose(sink_);
    Settle(2);
    CheckNeutral();
  }

 protected:
  void OnEvent(const Event& event) override {
    if (event.kind == Event::Kind::kDatagram) {
      ReadDatagrams(event.udp);
    } else if (event.kind == Event::Kind::kAcceptable) {
      while (owned_.size() < 8) {
        const auto id = stack().Accept(listener_);
        if (!id) break;
        Own(*id);
      }
    } else {
      ReadConnection(event);
    }
  }

  void OnSent(const testing::NaiveFrame& frame, Bytes raw) override {
    last_sent_.assign(raw.begin(), raw.end());
    if (frame.arp && frame.arp->operation == 1) Ask(Ipv4Address{frame.arp->target_ip});
    // ARP003: who was not asked, or answered, changes no mapping by another answer.
    if (frame.ip) FUZZ_CHECK(P2, MayBe(Ipv4Address{frame.ip->destination}, frame.destination));
    // [RFC 1122 3.2.2] no error, and [RFC 1122 4.2.3.10] no segment, about what was sent to
    // everybody or by nobody.
    FUZZ_CHECK(P2, !is_quiet_ || !(frame.icmp || frame.tcp));
    // Nor is anybody asked where we are, which an answer to ourselves would have to know.
    FUZZ_CHECK(P2, !is_quiet_ || !(frame.arp && IsOwn(Ipv4Address{frame.arp->target_ip})));
    if (frame.icmp && frame.icmp->type == 0 && knows_echo_) {
      const auto asked = std::ranges::find(asked_, frame.icmp->rest_of_header, &Asked::rest);
      FUZZ_CHECK(P2, asked != asked_.end());
      FUZZ_CHECK(P2, std::ranges::equal(frame.icmp->payload, asked->payload));
    }
    if (frame.tcp && flow_.Matches(frame)) flow_.OnSent(frame);
  }

 private:
  void Own(ConnectionId id) {
    if (owned_.size() < 8) {
      owned_.push_back(id);
    } else {
      stack().Abort(id);
    }
  }

  void ReadDatagrams(UdpSocketId socket) {
    while (const auto datagram = stack().UdpPeek(socket)) {
      if (sends_fragment_) {
        // P3: it is the one that the other reassembly has, byte for byte.
        FUZZ_CHECK(P3, expects_datagram_);
        const Bytes whole = model_.whole();
        FUZZ_CHECK(P3, whole.size() >= 28);
        FUZZ_CHECK(P3, std::ranges::equal(datagram->payload, whole.subspan(28)));
        expects_datagram_ = false;
      }
      FUZZ_CHECK(P2, !is_refused_);
      CurrentTrace().Add(datagram->payload);
      if (socket == echo_) {
        static_cast<void>(stack().UdpSend(
            socket, datagram->source,
            datagram->payload.first(std::min<size_t>(datagram->payload.size(), 3000))));
      }
      stack().UdpPop(socket);
    }
  }

  void ReadConnection(const Event& event) {
    const auto found = std::ranges::find(owned_, event.connection);
    if (found == owned_.end()) return;
    while (true) {
      const Bytes piece = stack().Peek(event.connection);
      if (piece.empty()) break;
      const size_t size = piece.size();
      static_cast<void>(stack().Write(event.connection, piece));
      stack().Consume(event.connection, size);
    }
    constexpr tcp_event::Mask kOver =
        tcp_event::kReset | tcp_event::kTimedOut | tcp_event::kFinished | tcp_event::kPeerClosed;
    if ((event.mask & kOver) == 0) return;
    stack().Close(event.connection);
    owned_.erase(found);
  }

  // What was put together has the right checksum and is for the sink.
  static bool IsGoodDatagram(Bytes whole) {
    if (whole.size() < 28 || NaiveWord(whole, 22) != 9) return false;
    const Bytes udp = whole.subspan(20);
    if (NaiveWord(udp, 4) != udp.size()) return false;
    return NaiveSum(udp, NaiveSum(whole.subspan(12, 8)) + 17 + udp.size()) == 0xffff;
  }

  // To a group or everybody on the link or as a packet, or from what names no host, or us.
  bool IsForNobody(Bytes frame) const {
    if (frame.size() < 34 || frame[12] != 8 || frame[13] != 0) return false;
    const Ipv4Address source{NaiveLong(frame, 26)};
    const Ipv4Address destination{NaiveLong(frame, 30)};
    return (frame[0] & 1) != 0 || destination.IsBroadcast() || destination.IsMulticast() ||
           kStackNetwork.IsDirectedBroadcast(destination) || source.IsUnspecified() ||
           source.IsMulticast() || source.IsBroadcast() || source.IsLoopback() || IsOwn(source);
  }
  bool IsOwn(Ipv4Address address) const {
    return stack().address() && stack().address()->address == address;
  }

  // [RFC 7126 4.3, 4.4] IP005: a source route, loose or strict, is never followed to its end.
  static bool IsSourceRouted(Bytes frame) {
    if (frame.size() < 34 || frame[12] != 8 || frame[13] != 0) return false;
    const size_t end = std::min<size_t>(frame.size(), 14u + (frame[14] & 0xfu) * 4u);
    for (size_t at = 34; at < end && frame[at] != 0;) {
      if (frame[at] == 131 || frame[at] == 137) return true;
      if (frame[at] == 1) {
        ++at;
      } else if (at + 1 < end && frame[at + 1] >= 2) {
        at += frame[at + 1];
      } else {
        return false;
      }
    }
    return false;
  }

  // --- What a neighbour's link address may be, by what was said of it ---

  struct Mapping {
    Ipv4Address ip;
    std::array<uint8_t, 6> mac;
  };
  struct Question {
    Ipv4Address ip;
    Instant at;
  };

  void Ask(Ipv4Address ip) {
    Forget(ip);
    questions_.push_back({ip, now()});
    // The link's own answer, which comes at once.
    if (answers_arp()) {
      mappings_.push_back({ip, kPeerMac.octets});
      Forget(ip);
    }
  }
  void Forget(Ipv4Address ip) {
    std::erase_if(questions_, [ip](const Question& question) { return question.ip == ip; });
  }
  void LearnFrom(Bytes frame) {
    if (frame.size() < 42 || frame[12] != 8 || frame[13] != 6) return;
    const Ipv4Address sender{NaiveLong(frame, 28)};
    const bool is_open = std::ranges::find(questions_, sender, &Question::ip) != questions_.end();
    // [RFC 826] a request tells as well who asks. An answer that says nothing leaves its question
    // open, so questions are closed by the link's answers alone.
    if (NaiveWord(frame, 20) == 2 && !is_open) return;
    Mapping mapping{sender, {}};
    std::ranges::copy(frame.subspan(22, 6), mapping.mac.begin());
    mappings_.push_back(mapping);
  }
  bool MayBe(Ipv4Address ip, const std::array<uint8_t, 6>& mac) const {
    const auto network = stack().address();
    if (!network || !network->Contains(ip) || network->IsDirectedBroadcast(ip)) return true;
    return std::ranges::any_of(
        mappings_, [&](const Mapping& mapping) { return mapping.ip == ip && mapping.mac == mac; });
  }

  TcpFlow flow_;
  UdpSocketId echo_;
  UdpSocketId sink_;
  ListenerId listener_;
  std::vector<ConnectionId> owned_;
  std::vector<uint8_t> last_sent_;
  struct Asked {
    uint32_t rest = 0;
    std::vector<uint8_t> payload;
  };
  std::array<Asked, 16> asked_;
  size_t asked_count_ = 0;
  bool knows_echo_ = true;
  bool is_quiet_ = false;
  bool is_refused_ = false;
  std::vector<Mapping> mappings_;
  std::vector<Question> questions_;
  bool sends_fragment_ = false;
  bool expects_datagram_ = false;
  bool fragments_are_known_ = true;
  testing::BitmapReassembler model_;
};

}  // namespace aether::fuzz
