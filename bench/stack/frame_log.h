// Frames that are prepared outside of the timed region, in batches with their times, and what a
// server sent when they were recorded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/time.h"

namespace aether::bench {

class FrameLog {
 public:
  struct Batch {
    uint32_t first = 0;
    uint32_t count = 0;
    Instant now{};
    uint32_t operations = 0;  // that end with this batch
    // Sent until this batch was answered, from the beginning of the log on.
    uint64_t sent_frames = 0;
    uint64_t sent_bytes = 0;
  };
  // Every frame begins on a cache line, as in the ring of a device.
  static constexpr size_t kSlotBytes = 192;

  explicit FrameLog(size_t frames_max)
      : frames_max_(frames_max),
        memory_(static_cast<uint8_t*>(
            std::aligned_alloc(4096, (frames_max * kSlotBytes / 4096 + 1) * 4096))) {
    AETHER_CHECK(memory_ != nullptr);
    frames_.reserve(frames_max);
  }

  void Clear() {
    frames_.clear();
    batches_.clear();
    sent_hashes_.clear();
    sent_bytes_ = 0;
    first_ = 0;
  }
  // Room for a frame of `size` bytes in the batch that is open.
  MutableBytes Add(size_t size) {
    AETHER_CHECK(frames_.size() < frames_max_ && size <= kSlotBytes);
    const MutableBytes frame{memory_.get() + frames_.size() * kSlotBytes, size};
    frames_.push_back(frame);
    return frame;
  }
  size_t open_frames() const { return frames_.size() - first_; }
  size_t frames_left() const { return frames_max_ - frames_.size(); }
  const Batch& Close(Instant now, uint32_t operations) {
    batches_.push_back({first_, static_cast<uint32_t>(open_frames()), now, operations,
                        sent_hashes_.size(), sent_bytes_});
    first_ = static_cast<uint32_t>(frames_.size());
    return batches_.back();
  }
  void NoteSent(Bytes frame) {
    sent_hashes_.push_back(HashOf(frame));
    sent_bytes_ += frame.size();
    batches_.back().sent_frames = sent_hashes_.size();
    batches_.back().sent_bytes = sent_bytes_;
  }

  std::span<const Batch> batches() const { return batches_; }
  std::span<const Bytes> FramesOf(const Batch& batch) const {
    return std::span(frames_).subspan(batch.first, batch.count);
  }
  size_t frame_count() const { return frames_.size(); }
  // Of every frame that was sent, in their order.
  std::span<const uint64_t> sent_hashes() const { return sent_hashes_; }
  uint64_t sent_bytes() const { return sent_bytes_; }

  // FNV-1a: tells frames apart that differ in any byte.
  static uint64_t HashOf(Bytes frame) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const uint8_t byte : frame) hash = (hash ^ byte) * 0x100000001b3u;
    return hash;
  }

 private:
  struct Release {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  size_t frames_max_;
  std::unique_ptr<uint8_t, Release> memory_;
  std::vector<Bytes> frames_;
  std::vector<Batch> batches_;
  std::vector<uint64_t> sent_hashes_;
  uint64_t sent_bytes_ = 0;
  uint32_t first_ = 0;
};

}  // namespace aether::bench
