// For tests: two stacks with applications on them, on the two ends of a memory pair, on virtual
// time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "stack/device/memory_pair.h"
#include "stack/stack.h"
#include "stack/testing/frame_builder.h"

namespace aether::testing {

class StackPair {
 public:
  struct End {
    End(const Config& config, Ipv4Address address, Instant now)
        : stack(config, now), buffer(stack.frame_size_max()) {
      stack.SetAddress({address, 24}, std::nullopt);
    }
    Stack stack;
    std::function<void(const Event&, Instant)> on_event = [](const Event&, Instant) {};
    std::function<void(Instant)> advance = [](Instant) {};
    std::function<Instant()> deadline = [] { return kNever; };
    std::vector<uint8_t> buffer;
    bool cut = false;  // what it sends is lost
  };

  explicit StackPair(Config a_config = {}, Config b_config = {})
      : a(With(a_config, kOurMac, 1), kOurIp, now), b(With(b_config, kPeerMac, 2), kPeerIp, now) {}

  // Until nobody has anything to say at this time.
  void Settle() {
    for (int turns = 0; turns < 200000; ++turns) {
      const bool a_moved = Turn(a, wire_.a());
      const bool b_moved = Turn(b, wire_.b());
      if (!a_moved && !b_moved) return;
    }
    ADD_FAILURE() << "they never fall silent";
  }
  // Lets time pass, deadline by deadline.
  void Advance(Duration by) {
    const Instant end = now + by;
    Settle();
    while (now < end) {
      const Instant next = std::min(Deadline(a), Deadline(b));
      now = std::min(end, std::max(now + Duration(1), next));
      Settle();
    }
  }
  // Until `condition()` or so much time has passed.
  template <typename Condition>
  bool AdvanceUntil(Condition&& condition, Duration by) {
    const Instant end = now + by;
    Settle();
    while (!condition()) {
      if (now >= end) return false;
      now = std::min(end, std::max(now + Duration(1), std::min(Deadline(a), Deadline(b))));
      Settle();
    }
    return true;
  }

  Instant now{std::chrono::seconds(1000)};
  End a;
  End b;

 private:
  static Config With(Config config, MacAddress mac, uint64_t seed) {
    config.mac = mac;
    if (config.seed == Seed{}) config.seed = {seed, 7};
    return config;
  }
  static Instant Deadline(const End& end) {
    return std::min(end.stack.NextDeadline(), end.deadline());
  }
  bool Turn(End& end, device::MemoryDevice& device) {
    bool moved = false;
    std::vector<std::vector<uint8_t>> frames;
    while (const size_t size = device.Receive(end.buffer))
      frames.emplace_back(end.buffer.begin(), end.buffer.begin() + static_cast<ptrdiff_t>(size));
    const std::vector<Bytes> views(frames.begin(), frames.end());
    moved |= !views.empty();
    end.stack.Receive(views, now);
    Dispatch(end);
    end.advance(now);
    Dispatch(end);
    while (const size_t size = end.stack.Transmit(end.buffer, now)) {
      moved = true;
      if (!end.cut) device.Send(Bytes(end.buffer).first(size));
    }
    end.stack.CheckInvariants();
    return moved;
  }
  void Dispatch(End& end) {
    std::array<Event, 16> events;
    while (const size_t count = end.stack.PollEvents(events)) {
      for (size_t i = 0; i < count; ++i) end.on_event(events[i], now);
    }
  }

  device::MemoryPair wire_;
};

}  // namespace aether::testing
