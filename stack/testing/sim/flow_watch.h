// Follows every connection on the wire, from what its ends send: the bytes of each segment are
// those of the stream (P1, retransmissions included), nothing is sent beyond the peer's window or
// after FIN, nothing is acknowledged that was not sent, and the right edge of a window never moves
// left (P12).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "stack/testing/naive_parser.h"
#include "stack/testing/sim/stream.h"
#include "stack/testing/sim/violation.h"
#include "stack/wire/address.h"

namespace aether::testing::sim {

// The end that opened, and the other.
struct FlowKey {
  Ipv4Endpoint client;
  Ipv4Endpoint server;
  auto operator<=>(const FlowKey&) const = default;
};

struct FlowStreams {
  Stream client;
  Stream server;
};

// What went over the wire at least once.
struct FlowSightings {
  uint64_t simultaneous_opens = 0;
  uint64_t simultaneous_closes = 0;
  uint64_t zero_windows = 0;
  uint64_t resets = 0;
  uint64_t congestion_echoes = 0;
  uint64_t window_reduced = 0;
};

class FlowWatch {
 public:
  // With SYN cookies, a duplicate that comes after the end can make a server believe in a
  // connection that is over; what it says then is not judged.
  explicit FlowWatch(bool has_cookies) : has_cookies_(has_cookies) {}

  // Announces that a connection is about to be opened.
  void Expect(const FlowKey& key, const FlowStreams& streams);
  // A segment leaves; what is wrong with it, if anything.
  std::optional<Violation> OnSegment(const NaiveIpv4& ip, const NaiveTcp& tcp, Instant now);

  const FlowSightings& sightings() const { return sightings_; }
  uint64_t data_bytes() const { return data_bytes_; }
  uint64_t retransmitted_bytes() const { return retransmitted_bytes_; }
  uint64_t retransmitted_segments() const { return retransmitted_segments_; }

 private:
  struct Offer {
    uint32_t start = 0;
    std::optional<uint8_t> scale;
  };
  struct Direction {
    // A server that answers SYNs with cookies, or forged ones, may offer several; the client takes
    // one.
    std::vector<Offer> offered;
    std::optional<uint32_t> start;  // the initial sequence number in use
    uint32_t end = 0;               // of all that was sent
    std::optional<uint32_t> fin;
    std::optional<uint32_t> edge;  // the right edge of the window that this side promised
    std::optional<uint32_t> acknowledged;
    std::optional<uint8_t> scale;
  };
  struct Flow {
    FlowStreams streams;
    bool is_over = false;     // both FINs are acknowledged, or one side sent a reset
    Direction directions[2];  // of the client, of the server
  };

  void OnSyn(Flow& flow, size_t from, const NaiveTcp& tcp);
  std::optional<Violation> CheckEcn(const Flow& flow, size_t from, const NaiveIpv4& ip,
                                    const NaiveTcp& tcp, Instant now) const;
  std::optional<Violation> OnData(Flow& flow, size_t from, const NaiveTcp& tcp, Instant now);
  std::optional<Violation> OnAck(Flow& flow, size_t from, const NaiveTcp& tcp, Instant now);
  bool IsFromGhost(const Flow& flow, size_t from, const NaiveTcp& tcp) const;

  bool has_cookies_;
  std::map<FlowKey, Flow> flows_;
  FlowSightings sightings_;
  uint64_t data_bytes_ = 0;
  uint64_t retransmitted_bytes_ = 0;
  uint64_t retransmitted_segments_ = 0;
};

}  // namespace aether::testing::sim
