// What a TCP does with a segment, slowly (P2): the receive side of RFC 9293 3.10.7.3 and 3.10.7.4
// with RFC 5961 and the PAWS of RFC 7323, written from the RFCs and sharing nothing with tcp/.
// Every number is kept as an unbounded offset from its initial sequence number, and what arrived is
// a set of such offsets, so that neither wrap-around nor interval arithmetic can be wrong in the
// same way twice.
//
// It follows one connection from SYN-SENT or ESTABLISHED on: segments in, segments out, and the
// application's shutdown. Left out: timers (whoever sees the connection time out stops asking),
// urgent data, and what memory is short for.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/time.h"

namespace aether::testing {

class ReceiveModel {
 public:
  enum class State : uint8_t {
    kSynSent,
    kSynReceived,
    kEstablished,
    kFinWait1,
    kFinWait2,
    kClosing,
    kCloseWait,
    kLastAck,
    kTimeWait,
    kClosed,
  };

  struct Rules {
    // Text and FIN ahead of a gap are kept; without, they are dropped.
    bool keeps_out_of_order = true;
    // Whether our SYN offers them; both ends do in Open::timestamps.
    bool timestamps = true;
    bool window_scaling = true;
  };
  // Flags of RFC 9293 3.1.
  static constexpr uint8_t kFin = 1;
  static constexpr uint8_t kSyn = 2;
  static constexpr uint8_t kRst = 4;
  static constexpr uint8_t kAck = 16;

  struct Segment {
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint8_t flags = kAck;
    uint16_t window = 0;  // as in the header
    uint32_t text_bytes = 0;
    std::optional<uint32_t> timestamp{};
    // Of a SYN.
    std::optional<uint8_t> window_scale{};
  };

  // We sent a SYN with this number.
  static ReceiveModel SynSent(const Rules& rules, uint32_t iss);
  // A connection whose handshake is over and that has carried nothing yet.
  struct Open {
    uint32_t iss = 0;  // ours
    uint32_t irs = 0;  // the peer's
    // The largest window seen so far. Of a handshake that left no state (a SYN cookie) the SYN's
    // is anybody's guess: the smaller one is certain.
    uint32_t peer_window_bytes = 0;
    uint32_t certain_window_bytes = 0;
    uint8_t peer_scale = 0;
    // Of the peer's SYN or later, when both offered timestamps.
    std::optional<uint32_t> timestamp{};
    Instant now{};
  };
  static ReceiveModel Established(const Rules& rules, const Open& open);

  void OnArrival(const Segment& segment, Instant now);
  // We sent a segment; `window_bytes` is what it offers, after scaling.
  void OnSent(const Segment& segment, uint32_t window_bytes);
  // [RFC 9293 3.10.4] the application's CLOSE of our direction.
  void OnShutdown();

  State state() const { return state_; }
  // Absolute.
  uint32_t snd_una() const { return iss_ + static_cast<uint32_t>(snd_una_); }
  uint32_t rcv_nxt() const { return irs_ + static_cast<uint32_t>(rcv_nxt_); }
  // Of the peer's numbers, what arrived in order and no segment of ours has acknowledged.
  uint32_t unacknowledged_bytes() const { return static_cast<uint32_t>(rcv_nxt_ - last_ack_sent_); }
  // Text that is there to be read, all told: bytes of the stream in order.
  uint64_t delivered_bytes() const { return delivered_bytes_; }
  // False once a segment came about which the RFCs leave a choice: a FIN before text that has
  // arrived already, an old acknowledgement that only an old window admits, a timestamp in the hour
  // after 24 days. What the model says from then on may differ from what a right TCP does.
  bool is_certain() const { return is_certain_; }
  // The last segment must be answered: with a reset, or with an acknowledgement (which a limit on
  // challenges may suppress, and which may wait where nothing but text in order came).
  bool reset_due() const { return reset_due_; }
  bool ack_due() const { return ack_due_; }
  bool ack_may_wait() const { return ack_may_wait_; }

 private:
  // How far `value` is from `base`, which is the offset of a known number: the nearest one.
  static int64_t Offset(uint32_t value, uint32_t initial, int64_t near);
  void OnSynSentArrival(const Segment& segment, Instant now);
  bool PawsRejects(const Segment& segment, Instant now);
  void TakeTimestamp(const Segment& segment, int64_t begin, Instant now);
  bool IsAcceptable(int64_t begin, int64_t length) const;
  bool CheckAck(const Segment& segment, int64_t begin);
  void TakeText(const Segment& segment, int64_t begin);
  void Advance();
  bool OurFinIsAcknowledged() const { return fin_out_ && snd_una_ > *fin_out_; }

  Rules rules_;
  State state_ = State::kEstablished;
  uint32_t iss_ = 0;
  uint32_t irs_ = 0;
  // Offsets from iss_ and irs_: the SYN is 0, the first byte of text 1.
  int64_t snd_una_ = 0;
  int64_t snd_nxt_ = 1;
  std::optional<int64_t> fin_out_;
  int64_t max_peer_window_ = 0;
  // [RFC 9293 3.10.7.4] SND.WL1 and SND.WL2, and the largest window that they let through.
  int64_t window_seq_ = 0;
  int64_t window_ack_ = 0;
  int64_t max_taken_window_ = 0;
  uint16_t own_syn_window_ = 0;
  uint8_t peer_scale_ = 0;
  int64_t rcv_nxt_ = 0;
  int64_t right_edge_ = 0;  // of the window that we offered
  // What arrived ahead of rcv_nxt_, a mark for each byte; the last one is set.
  std::vector<uint8_t> arrived_;
  std::optional<int64_t> fin_in_;
  uint64_t delivered_bytes_ = 0;
  std::optional<uint32_t> timestamp_recent_;
  Instant timestamp_recent_at_{};
  bool timestamps_ = false;
  int64_t last_ack_sent_ = 0;
  bool shut_ = false;
  bool is_certain_ = true;
  bool reset_due_ = false;
  bool ack_due_ = false;
  bool ack_may_wait_ = false;
};

}  // namespace aether::testing
