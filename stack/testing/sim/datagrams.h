// UDP traffic of a scenario, and its judge (P3): what is delivered is a datagram that was sent to
// this node, whole, and no more often than links copy frames. In fragments or not, lost ones are
// missed only where nothing can be lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

inline constexpr uint16_t kDatagramPort = 5353;

class DatagramTraffic {
 public:
  // Says what it is: the place of its plan, its number, its size.
  static constexpr uint32_t kHeaderBytes = 10;

  DatagramTraffic(const Scenario& scenario, Seed seed);

  bool empty() const { return flows_.empty(); }
  // When the next one is to be sent; kNever after the last.
  Instant NextSend() const;
  struct Due {
    uint32_t from = 0;
    uint32_t to = 0;
    std::vector<uint8_t> payload;
  };
  // The next one that is due at `now`; it counts as sent unless Refused follows.
  std::optional<Due> TakeDue(Instant now);
  void Refused(const Due& datagram);

  // `node` got `payload`; what is wrong with that, empty for nothing.
  std::string OnDelivered(uint32_t node, Bytes payload);
  // The first one that was sent and never arrived.
  std::string FindMissing() const;

  uint64_t delivered() const { return delivered_; }

 private:
  struct Flow {
    DatagramPlan plan;
    std::vector<uint32_t> sizes;
    std::vector<uint8_t> deliveries;
    std::vector<bool> refused;
    uint32_t sent = 0;
    uint8_t deliveries_max = 1;
  };

  static std::vector<uint8_t> Payload(const Flow& flow, size_t index, uint32_t number);

  Dice dice_;
  std::vector<Flow> flows_;
  uint64_t delivered_ = 0;
};

}  // namespace aether::testing::sim
