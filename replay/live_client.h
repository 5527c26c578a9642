// A TCP client of one connection to a live stack, whose text, segments and numbers come from
// elsewhere, and which knows by itself what only the living can know: what it has received and
// acknowledges, the stack's timestamps that it echoes, what lies ahead of a gap, how much the stack
// wants. It repeats what the stack does not acknowledge. No congestion control: what is sent when
// is what was captured.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "replay/frame_batch.h"
#include "replay/packet.h"
#include "stack/base/time.h"
#include "stack/wire/tcp.h"

namespace aether::replay {

struct LiveEnds {
  MacAddress client_mac;
  MacAddress server_mac;
  Ipv4Endpoint client;
  Ipv4Endpoint server;
};

class LiveClient {
 public:
  enum class State : uint8_t { kClosed, kOpening, kOpen, kReset };
  static constexpr Duration kRetransmitAfter = std::chrono::seconds(1);
  static constexpr uint32_t kRetransmitTriesMax = 6;
  // [RFC 9293 3.8.6.3] how long an acknowledgement waits for company.
  static constexpr Duration kDelayedAck = std::chrono::milliseconds(40);
  static constexpr size_t kAheadMax = 64;

  // What came in order with a segment.
  struct Taken {
    Bytes text;          // until the next segment
    bool end = false;    // the server's FIN, for the first time
    bool reset = false;  // it has reset the connection
    bool opened = false;
  };

  explicit LiveClient(const LiveEnds& ends) : ends_(ends) {}

  void Open(Seq iss, const TcpOptions& options, uint32_t window_bytes, Instant now,
            FrameBatch& out);
  // Text from `seq` on, and a FIN behind it; in segments that the stack takes.
  void Text(Seq seq, Bytes text, uint8_t flags, Instant now, FrameBatch& out);
  void Acknowledge(FrameBatch& out);
  void Reset(Seq seq, FrameBatch& out);
  // From the client's point of view: up to where the stack would take text now.
  bool MaySend(Seq end) const;

  Taken OnSegment(const Packet& segment, Instant now);
  // After all segments of an instant: acknowledges at once what must not wait, and repeats what is
  // due.
  void Run(Instant now, FrameBatch& out);
  Instant NextDeadline() const;

  // From the capture: what the client would take, and its clock.
  void SetWindow(uint32_t bytes) { window_bytes_ = bytes; }
  void SetTimestamp(uint32_t value);

  State state() const { return state_; }
  // The stack did not answer, for as long as a client would try.
  bool gave_up() const { return gave_up_; }
  bool server_closed() const { return fin_received_; }
  size_t unacknowledged_bytes() const { return sent_bytes_; }
  bool AllAcknowledged() const { return sent_.empty(); }
  bool OwesAcknowledgement() const { return rcv_nxt_ != acknowledged_; }
  // What an acknowledgement now would say is news to the stack.
  bool WindowIsNews() const { return AdvertisedField() != advertised_field_; }
  uint64_t retransmissions() const { return retransmissions_; }
  uint64_t server_retransmissions() const { return server_retransmissions_; }
  // Behind all that was sent.
  Seq snd_max() const { return snd_max_; }
  Seq irs() const { return irs_; }
  Seq rcv_nxt() const { return rcv_nxt_; }

 private:
  struct Sent {
    Seq seq;
    std::vector<uint8_t> text;
    uint8_t flags;
    Seq End() const {
      return seq + static_cast<uint32_t>(text.size()) +
             ((flags & (tcp_flags::kSyn | tcp_flags::kFin)) != 0 ? 1 : 0);
    }
  };

  struct Ahead {
    Seq start;
    std::vector<uint8_t> text;
    Seq End() const { return start + static_cast<uint32_t>(text.size()); }
  };

  void Emit(Seq seq, uint8_t flags, Bytes options, Bytes text, FrameBatch& out);
  void EmitWithOptions(Seq seq, uint8_t flags, Bytes text, FrameBatch& out);
  void EmitSyn(FrameBatch& out);
  void Remember(Seq seq, Bytes text, uint8_t flags, Instant now);
  void OnSynAck(const Packet& segment, Instant now, Taken& taken);
  void OnAcknowledgement(const Packet& segment, Instant now);
  void TakeText(const Packet& segment, Taken& taken);
  void KeepAhead(const Packet& segment);
  void JoinAhead(Taken& taken);
  uint16_t AdvertisedField() const;
  uint8_t OwnShift() const { return scaling_ ? own_shift_ : 0; }

  LiveEnds ends_;
  State state_ = State::kClosed;
  TcpOptions offered_;
  bool scaling_ = false;
  bool timestamps_ = false;
  bool sack_ = false;
  uint8_t own_shift_ = 0;
  uint8_t peer_shift_ = 0;
  uint16_t peer_mss_ = 536;

  Seq iss_;
  Seq snd_una_;
  Seq snd_max_;
  uint32_t peer_window_bytes_ = 0;
  std::deque<Sent> sent_;  // and not acknowledged
  size_t sent_bytes_ = 0;  // of its text
  Instant retransmit_at_ = kNever;
  Duration retransmit_after_ = kRetransmitAfter;
  uint32_t tries_ = 0;
  bool gave_up_ = false;

  Seq irs_;
  Seq rcv_nxt_;
  std::vector<Ahead> ahead_;  // received beyond a gap, in order
  std::vector<uint8_t> joined_;
  std::optional<Seq> fin_at_;
  bool fin_received_ = false;
  Seq acknowledged_;  // what the stack was told last
  uint16_t advertised_field_ = 0;
  bool acknowledge_now_ = false;
  Instant acknowledge_at_ = kNever;
  uint32_t window_bytes_ = 65535;
  uint32_t timestamp_ = 1;
  uint32_t timestamp_recent_ = 0;

  uint64_t retransmissions_ = 0;
  uint64_t server_retransmissions_ = 0;
};

}  // namespace aether::replay
