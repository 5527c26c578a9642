// The connections of an adaptive replay: found by their ends in the capture, and by their ends on
// the live side, which may be others: our stack has one address, and a captured client may have one
// that no host can have. Connections that are over are remembered for a while, so that what comes
// of them late begins none.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/flow.h"
#include "replay/flow_key.h"

namespace aether::replay {

class FlowTable {
 public:
  static constexpr size_t kFlowsMax = 1 << 18;
  static constexpr size_t kRememberedMax = 1 << 20;
  static constexpr Duration kRemembered = std::chrono::seconds(60);
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kOver = UINT32_MAX - 1;

  struct Slot {
    std::unique_ptr<Flow> flow;
    FlowKey captured;
    FlowKey live;
    Ipv4Endpoint captured_client;
    Ipv4Endpoint captured_server;
    Instant scheduled = kNever;  // in the queue of deadlines
    bool touched = false;
  };

  FlowTable(Ipv4Network own, MacAddress mac) : own_(own), mac_(mac) {}

  // kNone: never seen; kOver: it was there.
  uint32_t FindCaptured(const FlowKey& key) const;
  uint32_t FindLive(const FlowKey& key) const;
  // kNone when there is no room.
  uint32_t Make(Ipv4Endpoint client, Ipv4Endpoint server, ServiceKind service);
  Slot& at(uint32_t index) { return slots_[index]; }
  void Remove(uint32_t index, Instant now);

  // Must be played at this instant.
  void Touch(uint32_t index);
  std::vector<uint32_t>& touched() { return touched_; }
  // After a flow ran: when it wants to run again.
  void Schedule(uint32_t index);
  Instant NextDeadline() const { return deadlines_.empty() ? kNever : deadlines_.top().first; }
  // Touches what is due.
  void Expire(Instant now);

  size_t size() const { return size_; }
  uint32_t slot_count() const { return static_cast<uint32_t>(slots_.size()); }

  // An address that a host of the replay can have, for one of the capture.
  Ipv4Address LiveAddress(Ipv4Address captured) const;

 private:
  std::optional<LiveEnds> FindEnds(Ipv4Endpoint client, Ipv4Endpoint server) const;

  Ipv4Network own_;
  MacAddress mac_;
  std::deque<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
  std::unordered_map<FlowKey, uint32_t, FlowKeyHash> captured_;
  std::unordered_map<FlowKey, uint32_t, FlowKeyHash> live_;
  std::deque<std::pair<Instant, FlowKey>> over_;
  std::vector<uint32_t> touched_;
  using Due = std::pair<Instant, uint32_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> deadlines_;
};

}  // namespace aether::replay
