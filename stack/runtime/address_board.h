// The host's address as worker 0 knows it, for others to copy: a versioned notice board. Looking
// whether there is something new costs one load; the lock is taken only to read or write a new
// notice.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "stack/wire/address.h"

namespace aether::runtime {

struct AddressState {
  static constexpr uint32_t kNoEnd = 0xffffffff;

  std::optional<Ipv4Network> address;
  std::optional<Ipv4Address> gateway;
  // By DHCP: for how long, kNoEnd for ever; nothing when no server answered and the address is the
  // fallback.
  std::optional<uint32_t> lease_seconds;
  constexpr bool operator==(const AddressState&) const = default;
};

class AddressBoard {
 public:
  void Publish(const AddressState& state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    version_.fetch_add(1, std::memory_order_release);
  }

  // Grows with every Publish; 0 before the first.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // The last state, and in `version` the one that it belongs to.
  AddressState Read(uint64_t& version) const {
    const std::lock_guard lock(mutex_);
    version = version_.load(std::memory_order_relaxed);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  AddressState state_;
  std::atomic<uint64_t> version_{0};
};

}  // namespace aether::runtime
