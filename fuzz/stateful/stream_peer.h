// A TCP peer for targets whose input is what stands in a stream: it connects, sends given bytes cut
// as it likes, keeps to the stack's window, sends again what was not taken, acknowledges, and
// collects what comes back. Well-behaved but for what it is told: hold acknowledgements back, shut
// its window, reset. It keeps nothing that lies ahead of a gap.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "fuzz/stateful/frame_maker.h"
#include "fuzz/target.h"
#include "stack/base/bytes.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/address.h"
#include "stack/wire/tcp.h"

namespace aether::fuzz {

class StreamPeer {
 public:
  static constexpr size_t kStreamBytesMax = 16384;
  static constexpr size_t kReceivedBytesMax = 96 * 1024;

  // Begins anew, as another connection. The arrays are large: an object is reused, not made.
  void Start(Ipv4Endpoint peer, Ipv4Endpoint stack, uint32_t initial_sequence) {
    peer_ = peer;
    stack_ = stack;
    iss_ = initial_sequence;
    stack_iss_ = 0;
    written_ = sent_ = acked_ = 0;
    window_ = 0;
    received_ = 0;
    known_end_ = 0;
    edge_ = 0;
    offered_window = 65535;
    segment_bytes_max = stack_mss_ = 1460;
    holds = may_hear_leftovers = false;
    is_open_ = true;
    is_established_ = fin_wanted_ = fin_received_ = reset_received_ = false;
    reset_sent_ = ack_due_ = false;
  }
  // Established, and not over.
  bool may_speak() const {
    return !is_dead() && is_established_ && !(fin_received_ && acked_ > written_ && !ack_due_);
  }
  // Nothing was started, or it was reset.
  bool is_dead() const { return !is_open_ || reset_received_ || reset_sent_; }
  void Forget() {
    Start({}, {}, 0);
    is_open_ = false;
  }

  uint16_t offered_window = 65535;  // the right edge never moves back for it
  size_t segment_bytes_max = 1460;
  bool holds = false;  // acknowledges nothing
  // The stack opens the connection, and a device that was blocked may still have segments of an
  // earlier one between the same ends.
  bool may_hear_leftovers = false;

  // --- What it says ---

  Bytes Syn(uint16_t mss) {
    edge_ = offered_window;
    const std::array<uint8_t, 4> option = {2, 4, static_cast<uint8_t>(mss >> 8),
                                           static_cast<uint8_t>(mss)};
    return Segment(0, tcp_flags::kSyn, {}, option);
  }
  // The answer to a SYN of the stack's, and from here on established.
  Bytes SynAck(uint32_t stack_iss, uint16_t stack_mss, uint16_t mss) {
    stack_iss_ = stack_iss;
    stack_mss_ = stack_mss;
    is_established_ = true;
    edge_ = offered_window;
    const std::array<uint8_t, 4> option = {2, 4, static_cast<uint8_t>(mss >> 8),
                                           static_cast<uint8_t>(mss)};
    return maker_.Tcp({.source = peer_,
                       .destination = stack_,
                       .sequence = iss_,
                       .acknowledgment = stack_iss + 1,
                       .flags = tcp_flags::kSyn | tcp_flags::kAck,
                       .window = offered_window,
                       .options = option,
                       .payload = {}});
  }
  // Anything else that a peer could say: numbers off by so much.
  Bytes Wild(uint8_t flags, uint32_t sequence_by, uint32_t acknowledgment_by, Bytes payload) {
    return maker_.Tcp(
        {.source = peer_,
         .destination = stack_,
         .sequence = Sequence(sent_) + sequence_by,
         .acknowledgment = stack_iss_ + 1 + static_cast<uint32_t>(received_) + acknowledgment_by,
         .flags = flags,
         .window = offered_window,
         .options = {},
         .payload = payload});
  }
  const Ipv4Endpoint& peer() const { return peer_; }
  const Ipv4Endpoint& stack() const { return stack_; }
  // Queues as much as there is room for; returns how much.
  size_t Write(Bytes bytes) {
    if (is_dead() || fin_wanted_) return 0;
    const size_t size = std::min(bytes.size(), kStreamBytesMax - written_);
    std::copy_n(bytes.begin(), size, stream_.begin() + static_cast<ptrdiff_t>(written_));
    written_ += size;
    return size;
  }
  void Finish() { fin_wanted_ = true; }
  Bytes Reset() {
    reset_sent_ = true;
    return Segment(Sequence(sent_), tcp_flags::kRst | tcp_flags::kAck, {}, {});
  }
  // The next frame that is due: data that the window admits, the FIN, an acknowledgement.
  std::optional<Bytes> Next() {
    if (is_dead() || !is_established_) return std::nullopt;
    const size_t room = window_ > sent_ ? window_ - sent_ : 0;
    const size_t size =
        std::min({segment_bytes_max, stack_mss_, written_ - std::min(sent_, written_), room});
    if (size > 0) {
      const Bytes text = Bytes(stream_).subspan(sent_, size);
      const uint32_t sequence = Sequence(sent_);
      sent_ += size;
      return Segment(sequence, tcp_flags::kAck | tcp_flags::kPsh, text, {});
    }
    if (fin_wanted_ && sent_ == written_ && room > 0) {
      ++sent_;
      return Segment(Sequence(written_), tcp_flags::kAck | tcp_flags::kFin, {}, {});
    }
    if (ack_due_ && !holds) return Acknowledge();
    return std::nullopt;
  }
  Bytes Acknowledge() { return Segment(Sequence(sent_), tcp_flags::kAck, {}, {}); }
  // What is not acknowledged goes out once more.
  void SendAgain() { sent_ = acked_; }
  // [RFC 9293 3.8.6.1 MUST-36] the byte behind a closed window, after SendAgain(): an
  // acknowledgement that opened it may have been lost.
  std::optional<Bytes> Probe() {
    if (!may_speak() || sent_ != acked_ || sent_ >= written_ || window_ > sent_) return {};
    return Segment(Sequence(sent_), tcp_flags::kAck, Bytes(stream_).subspan(sent_, 1), {});
  }
  bool has_unacknowledged() const { return acked_ < written_ + (fin_wanted_ ? 1 : 0); }

  // --- What it hears ---

  bool Matches(const testing::NaiveFrame& frame) const {
    return is_open_ && frame.tcp && frame.ip->destination == peer_.address.value &&
           frame.ip->source == stack_.address.value && frame.tcp->destination_port == peer_.port &&
           frame.tcp->source_port == stack_.port;
  }
  void OnSent(const testing::NaiveFrame& frame) {
    const testing::NaiveTcp& tcp = *frame.tcp;
    if (may_hear_leftovers && !is_established_ && (tcp.flags & tcp_flags::kSyn) == 0) return;
    if ((tcp.flags & tcp_flags::kRst) != 0) {
      reset_received_ = true;
      return;
    }
    if (reset_sent_) return;
    if ((tcp.flags & tcp_flags::kAck) != 0) TakeAcknowledgment(tcp);
    if ((tcp.flags & tcp_flags::kSyn) != 0) {
      stack_mss_ = tcp.mss.value_or(536);
      FUZZ_CHECK(P2, !is_established_ || tcp.sequence == stack_iss_);
      stack_iss_ = tcp.sequence;
      is_established_ = ack_due_ = true;
      return;
    }
    FUZZ_CHECK(P2, is_established_);
    TakeText(tcp);
  }

  bool is_established() const { return is_established_; }
  bool fin_received() const { return fin_received_; }
  bool reset_received() const { return reset_received_; }
  bool reset_sent() const { return reset_sent_; }
  bool fin_wanted() const { return fin_wanted_; }
  // All that was ever to be sent, and how much of it the stack has taken.
  Bytes stream() const { return Bytes(stream_).first(written_); }
  size_t acked_bytes() const { return std::min(acked_, written_); }
  Bytes received() const { return Bytes(text_).first(received_); }

 private:
  uint32_t Sequence(size_t offset) const { return iss_ + 1 + static_cast<uint32_t>(offset); }

  Bytes Segment(uint32_t sequence, uint8_t flags, Bytes payload, Bytes options) {
    const bool is_syn = (flags & tcp_flags::kSyn) != 0;
    uint32_t acknowledgment = 0;
    uint16_t window = offered_window;
    if (!is_syn) {
      const uint32_t taken = static_cast<uint32_t>(received_) + (fin_received_ ? 1 : 0);
      acknowledgment = stack_iss_ + 1 + taken;
      // [RFC 9293 3.8.6 SHLD-14] a window that was offered is not taken back.
      window = static_cast<uint16_t>(
          std::min<size_t>(std::max<size_t>(taken + offered_window, edge_) - taken, 65535));
      edge_ = std::max<size_t>(edge_, taken + window);
      ack_due_ = false;
    }
    return maker_.Tcp({.source = peer_,
                       .destination = stack_,
                       .sequence = is_syn ? iss_ : sequence,
                       .acknowledgment = acknowledgment,
                       .flags = flags,
                       .window = window,
                       .options = options,
                       .payload = payload});
  }

  void TakeAcknowledgment(const testing::NaiveTcp& tcp) {
    const uint32_t ahead = tcp.acknowledgment - iss_;
    // Whatever was sent, SYN and FIN counted; also what goes out again now.
    FUZZ_CHECK(P2, ahead <= written_ + 1 + (fin_wanted_ ? 1 : 0));
    if (ahead == 0) return;
    acked_ = std::max<size_t>(acked_, ahead - 1);
    sent_ = std::max(sent_, acked_);
    const size_t window = ahead - 1 + size_t{tcp.window};
    // [RFC 9293 3.8.6 MUST-34, SHLD-14] its right edge stays where it was, at least.
    FUZZ_CHECK(P2, ahead - 1 < acked_ || window >= window_);
    window_ = std::max(window_, window);
  }

  void TakeText(const testing::NaiveTcp& tcp) {
    const bool fin = (tcp.flags & tcp_flags::kFin) != 0;
    if (tcp.payload.empty() && !fin) {
      // What is no news and does not lie where it should asks for an answer (keepalive).
      if (tcp.sequence != stack_iss_ + 1 + known_end_) ack_due_ = true;
      return;
    }
    ack_due_ = true;
    const size_t start = tcp.sequence - stack_iss_ - 1;
    size_t end = start + tcp.payload.size();
    // Beyond the window is only what probes it.
    FUZZ_CHECK(P2, end <= edge_ || tcp.payload.size() == 1);
    known_end_ = std::max(known_end_, static_cast<uint32_t>(end + (fin ? 1 : 0)));
    // A hole is where a probe was refused, or where too many frames waited for ARP: it is filled
    // later.
    if (end > edge_ || end > kReceivedBytesMax || start > received_) return;
    FUZZ_CHECK(P1, !fin_received_ || end + (fin ? 1 : 0) <= received_ + 1);
    // What was sent before is the same again.
    const size_t known = std::min(end, received_) - start;
    FUZZ_CHECK(P1,
               std::equal(tcp.payload.begin(), tcp.payload.begin() + static_cast<ptrdiff_t>(known),
                          text_.begin() + static_cast<ptrdiff_t>(start)));
    std::copy(tcp.payload.begin() + static_cast<ptrdiff_t>(known), tcp.payload.end(),
              text_.begin() + static_cast<ptrdiff_t>(start + known));
    received_ = std::max(received_, end);
    if (fin) fin_received_ = true;
  }

  FrameMaker maker_;
  Ipv4Endpoint peer_;
  Ipv4Endpoint stack_;
  uint32_t iss_ = 0;
  uint32_t stack_iss_ = 0;
  std::array<uint8_t, kStreamBytesMax> stream_;
  std::array<uint8_t, kReceivedBytesMax> text_;
  // Offsets in our stream; the FIN is one byte of it.
  size_t written_ = 0;
  size_t sent_ = 0;
  size_t acked_ = 0;
  size_t window_ = 0;
  size_t stack_mss_ = 1460;
  // Offsets in the stack's.
  size_t received_ = 0;
  uint32_t known_end_ = 0;
  size_t edge_ = 0;
  bool is_open_ = false;
  bool is_established_ = false;
  bool fin_wanted_ = false;
  bool fin_received_ = false;
  bool reset_received_ = false;
  bool reset_sent_ = false;
  bool ack_due_ = false;
};

}  // namespace aether::fuzz
