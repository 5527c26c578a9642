// What the client of a captured connection did, as a list of events in the order of the capture:
// opened, sent text, acknowledged, reset. Of each it is known what had come from the server before,
// so that whoever plays them again can wait for the like of it.
//
// A capture is not what was sent. Segments stand in it twice (retransmission), in another order, or
// not at all; a connection may have begun before it. Text that is missing is made up when the
// captured server acknowledged it, or text behind it was seen and nobody repeats it: a stack that
// never gets it would wait for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replay/packet.h"
#include "stack/base/time.h"

namespace aether::replay {

struct ClientEvent {
  enum class Kind : uint8_t { kOpen, kText, kAck, kReset };
  Kind kind = Kind::kAck;
  Instant at{};
  Seq seq;
  uint8_t flags = 0;
  std::vector<uint8_t> payload{};
  // What the client was ready to take, in bytes.
  uint32_t window_bytes = 0;
  TcpOptions options{};   // of kOpen; timestamps of all
  bool repeated = false;  // nothing of it is new
  bool made_up = false;   // stands for what the capture does not have
  // The server had sent something since the client's last text: how much of its stream in all, and
  // how long before this.
  bool waits = false;
  uint32_t server_bytes = 0;
  bool after_server_end = false;
  Duration think{};

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  Seq End() const {
    return seq + static_cast<uint32_t>(payload.size()) + (Has(tcp_flags::kFin) ? 1 : 0);
  }
};

class CapturedClient {
 public:
  // Text that is missing in one piece, beyond which the connection cannot be repaired.
  static constexpr uint32_t kHoleBytesMax = 1 << 20;
  static constexpr size_t kRangesMax = 64;
  // A hole is older than this before it is filled, and than the second one when nobody says that
  // its text had ever arrived.
  static constexpr Duration kHolePatience = std::chrono::milliseconds(50);
  static constexpr Duration kHolePatienceUnproven = std::chrono::seconds(3);

  struct Counts {
    uint64_t repeated = 0;
    uint64_t reordered = 0;
    uint64_t filled_bytes = 0;
    uint64_t handshakes_made_up = 0;
    uint64_t far_off = 0;  // segments that belong nowhere in the stream
  };

  // A SYN that belongs to another connection between the same endpoints.
  bool IsAnotherOne(const Packet& packet) const;

  // Each appends what follows from the packet.
  void OnClient(const Packet& packet, Instant at, std::vector<ClientEvent>& out);
  void OnServer(const Packet& packet, Instant at, std::vector<ClientEvent>& out);
  // Time passes without a packet: what is missing may be given up.
  void OnTime(Instant now, std::vector<ClientEvent>& out);
  Instant NextDeadline() const;
  // No more packets will come.
  void OnEnd(Instant at, std::vector<ClientEvent>& out);

  bool begun() const { return begun_; }
  // The text cannot be put together any more.
  bool broken() const { return broken_; }
  bool closed() const { return fin_seen_ || reset_seen_; }
  bool server_closed() const { return server_fin_seen_; }
  const Counts& counts() const { return counts_; }

 private:
  struct Range {
    Seq start;
    Seq end;
  };

  void Begin(Seq iss, const Packet& packet, Instant at, bool made_up,
             std::vector<ClientEvent>& out);
  void OnText(const Packet& packet, ClientEvent event, std::vector<ClientEvent>& out);
  void Advance(Seq start, Seq end, Instant at);
  void FillHoles(Instant at, bool at_end, std::vector<ClientEvent>& out);
  ClientEvent EventOf(const Packet& packet, ClientEvent::Kind kind, Instant at) const;
  void Waiting(ClientEvent& event) const;
  uint32_t WindowOf(const Packet& packet) const;

  bool begun_ = false;
  bool broken_ = false;
  bool fin_seen_ = false;
  bool reset_seen_ = false;
  bool server_fin_seen_ = false;
  Seq iss_;
  Seq next_;                   // everything before was seen
  std::vector<Range> ranges_;  // seen beyond, in order
  Instant hole_since_{};
  std::optional<Seq> acked_;  // by the captured server
  std::optional<uint8_t> scale_;
  bool server_scales_ = true;  // until its SYN-ACK says otherwise
  std::optional<Seq> server_first_;
  Seq server_next_;
  bool server_text_since_ = false;
  Instant server_text_at_{};
  Counts counts_;
};

}  // namespace aether::replay
