// What the captured server sent on a connection beside what our stack sends on it: the first
// segment where they part. Numbers count from the beginning of the connection, so that other
// initial numbers are no difference; text is compared by its length, since another server says
// other things. What either side sends again is passed over. A window alone that differs is noted,
// and the comparison goes on.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "stack/base/time.h"

namespace aether::replay {

struct ServerSegment {
  // Of the captured one: its place among the connection's segments in the capture, from 1 on.
  uint64_t number = 0;
  Instant at{};
  uint32_t seq = 0;  // relative, as the next one
  uint32_t ack = 0;
  uint32_t payload_bytes = 0;
  uint32_t window_bytes = 0;
  uint8_t flags = 0;
};

struct Difference {
  enum class Kind : uint8_t { kFlags, kSequence, kLength, kAck, kMissing, kExtra, kWindow };
  static constexpr size_t kKinds = 7;
  static std::string_view Name(Kind kind);

  Kind kind = Kind::kFlags;
  uint64_t segment = 0;
  Instant at{};
  std::string text{};  // "expected ACK 4381 win 512, got ACK 2921 win 512"
};

class ServerDiff {
 public:
  // Segments that one side may be ahead of the other.
  static constexpr size_t kAheadMax = 256;

  void AddCaptured(const ServerSegment& segment);
  void AddLive(const ServerSegment& segment);
  // Nothing more will come from either.
  void OnEnd();
  // The capture does not say enough, or too much stands out.
  void GiveUp();

  bool compared() const { return !gave_up_; }
  uint64_t equal() const { return equal_; }
  const std::optional<Difference>& first() const { return first_; }
  const std::optional<Difference>& first_window() const { return first_window_; }

 private:
  void Compare();
  void CompareOne(const ServerSegment& captured, const ServerSegment& live);

  std::deque<ServerSegment> captured_;
  std::deque<ServerSegment> live_;
  uint32_t captured_end_ = 0;
  uint32_t live_end_ = 0;
  uint64_t last_number_ = 0;
  Instant last_at_{};
  uint64_t equal_ = 0;
  bool gave_up_ = false;
  std::optional<Difference> first_;
  std::optional<Difference> first_window_;
};

// "SYN ACK seq 0 ack 1 len 0 win 65535".
std::string DescribeServerSegment(const ServerSegment& segment);

}  // namespace aether::replay
