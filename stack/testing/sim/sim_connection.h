// One connection of the simulator's own TCP (sim_client.h): RFC 9293 in its smallest right form,
// written apart from stack/tcp so that a mistake there is not made twice. Go-back-N with an RTO
// after RFC 6298, a plain slow start, in-order receive, zero-window probes, FIN in every order,
// TIME-WAIT. It leaves out: SACK, timestamps, window scaling, fast retransmit, keepalive, urgent
// data, and everything that hardens a TCP against forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/tcp/handle.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/sim/tcp_host.h"

namespace aether::testing::sim {

struct SimTcpOptions {
  uint16_t mss_bytes = 1460;
  uint32_t receive_buffer_bytes = 65535;
  uint32_t send_buffer_bytes = 65536;
  Duration rto_min = std::chrono::milliseconds(300);
  Duration rto_max = std::chrono::seconds(60);
  uint32_t syn_tries_max = 8;
  uint32_t tries_max = 20;
  Duration time_wait = std::chrono::seconds(60);
  // How long a connection that nobody holds may wait for the peer's FIN.
  Duration linger = std::chrono::seconds(120);
};

// Bytes that are taken from the front.
class ByteQueue {
 public:
  size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  Bytes View() const { return Bytes(bytes_).subspan(head_); }
  void Append(Bytes data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
  void Drop(size_t count) {
    head_ += count;
    if (head_ * 2 > bytes_.size()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t head_ = 0;
};

// A segment to send; `payload` points into the connection.
struct SimSegment {
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t mss = 0;  // 0: no option
  Bytes payload;
};

class SimConnection {
 public:
  enum class State : uint8_t { kSynSent, kSynReceived, kOpen, kTimeWait, kClosed };

  static SimConnection Active(const Ends& ends, uint32_t iss, const SimTcpOptions& options);
  static SimConnection Passive(const Ends& ends, uint32_t iss, const SimTcpOptions& options,
                               const NaiveTcp& syn);

  void OnSegment(const NaiveTcp& segment, Instant now);
  void OnTime(Instant now);
  // What is due, in order; it counts as sent.
  std::optional<SimSegment> Next(Instant now);
  Instant NextDeadline() const;

  // Sockets.
  const ByteQueue& received() const { return receive_; }
  void Consume(size_t size);
  bool AtEnd() const { return fin_received_ && receive_.empty(); }
  size_t Write(Bytes data);
  void Shutdown();
  void Close();
  void Abort();
  tcp_event::Mask TakeEvents();
  bool has_events() const { return events_ != 0; }

  State state() const { return state_; }
  bool is_released() const { return released_; }
  // Nothing is left to do for it: the host may forget it.
  bool IsGone() const { return released_ && state_ == State::kClosed && !reset_due_; }
  const Ends& ends() const { return ends_; }
  // True for an answer to a SYN that we never sent.
  bool IsForeignAck(const NaiveTcp& segment) const {
    return state_ == State::kSynSent && (segment.flags & 0x10) != 0 &&
           segment.acknowledgment != iss_ + 1;
  }
  uint64_t retransmissions() const { return retransmissions_; }

  uint32_t user = 0;
  uint32_t generation = 0;

 private:
  SimConnection(const Ends& ends, uint32_t iss, const SimTcpOptions& options);

  static bool Before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }
  static bool AtOrBefore(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) <= 0; }
  bool IsSynchronized() const { return state_ == State::kOpen || state_ == State::kTimeWait; }

  void OnSynSent(const NaiveTcp& segment, Instant now);
  bool OnAck(const NaiveTcp& segment, Instant now);
  void TakeAcknowledged(uint32_t ack, Instant now);
  void OnText(const NaiveTcp& segment, Instant now);
  void OnFin(Instant now);
  void OnTimeWait(const NaiveTcp& segment, Instant now);
  void Open(uint32_t ack, const NaiveTcp& segment);
  void OnBothClosed(Instant now);
  void Fail(tcp_event::Mask event);
  void SampleRtt(Duration rtt);
  Duration Timeout() const;
  void OnRetransmissionTimeout(Instant now);
  std::optional<SimSegment> NextText(Instant now);
  SimSegment Build(uint32_t seq, uint8_t flags, Bytes payload);
  uint32_t Room() const;
  bool HasUnsent() const;

  Ends ends_;
  SimTcpOptions options_;
  State state_ = State::kSynSent;

  // Sending. `send_` starts at una_ once the connection is open.
  uint32_t iss_;
  uint32_t una_;
  uint32_t nxt_;
  uint32_t max_;  // the end of all that was ever sent
  uint32_t wnd_ = 0;
  uint32_t wl1_ = 0;
  uint32_t wl2_ = 0;
  uint32_t cwnd_;
  uint16_t mss_;
  ByteQueue send_;
  bool fin_queued_ = false;
  bool fin_acknowledged_ = false;
  bool probe_due_ = false;

  // Receiving.
  uint32_t rcv_nxt_ = 0;
  uint32_t edge_ = 0;  // the right edge of the window that was promised
  ByteQueue receive_;
  bool fin_received_ = false;
  bool closed_after_peer_ = false;

  // RTT after RFC 6298; one segment at a time, never a repeated one (Karn).
  Duration srtt_{0};
  Duration rttvar_{0};
  bool is_timing_ = false;
  uint32_t timed_seq_ = 0;
  Instant timed_at_{};
  uint32_t backoff_ = 0;
  uint32_t tries_ = 0;
  Instant retransmit_at_ = kNever;
  Instant give_up_at_ = kNever;

  bool syn_due_ = false;
  bool ack_due_ = false;
  bool reset_due_ = false;
  bool released_ = false;
  tcp_event::Mask events_ = 0;
  uint64_t retransmissions_ = 0;
};

}  // namespace aether::testing::sim
