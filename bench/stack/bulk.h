// Bulk between two stacks in memory, MTU 1500: one writes as much as is taken and the other reads
// all there is, or both do both. Everything that a byte costs on its way is in it: the copy into
// the send queue, the copy into the frame that sums it, the sum of the receiver, the copy into his
// queue, and the acknowledgements on their way back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "stack/stack.h"

namespace aether::bench {

struct BulkOptions {
  bool both_ways = false;
  // What is read is compared with what was written, byte by byte.
  bool check = false;
  tcp::Profile profile = tcp::kFull;  // of both stacks
};

class Bulk {
 public:
  static constexpr uint32_t kSegmentBytes = 1448;
  static constexpr uint32_t kSegmentsPerChunk = 1024;

  // Opens the connection and sends until the windows have grown.
  explicit Bulk(const BulkOptions& options);

  // Until kSegmentsPerChunk more segments' worth of text were read, both ways together.
  void RunChunk();

  uint64_t bytes_read() const { return ends_[0].bytes_read + ends_[1].bytes_read; }
  uint64_t frames() const { return frames_; }
  // Empty when all is well.
  std::string Wrong() const;

 private:
  static constexpr size_t kBatch = 32;
  static constexpr size_t kSlotBytes = 2048;

  struct End {
    std::unique_ptr<Stack> stack;
    ConnectionId id;
    uint64_t bytes_written = 0;
    uint64_t bytes_read = 0;
    bool is_wrong = false;
  };

  void Step();
  void Move(End& from, End& to);
  void Write(End& end);
  void Read(End& end);

  BulkOptions options_;
  std::vector<uint8_t> payload_;
  std::array<End, 2> ends_;
  std::vector<uint8_t> slots_;
  Instant now_{std::chrono::seconds(1000)};
  uint64_t frames_ = 0;
  uint64_t target_bytes_ = 0;
};

}  // namespace aether::bench
