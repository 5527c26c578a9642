#include "stack/device/fault_line.h"

#include <algorithm>
#include <cstring>

#include "stack/device/device.h"

namespace aether::device {

FaultLine::FaultLine(const FaultRates& rates, Seed seed, size_t held_frames_max,
                     size_t held_bytes_max)
    : rates_(rates),
      active_(rates.Any()),
      dice_(seed),
      details_(Seed{seed[0], ~seed[1]}),
      held_bytes_max_(held_bytes_max) {
  if (!active_) return;
  storage_ = std::make_unique_for_overwrite<uint8_t[]>(held_frames_max * kFrameBytesMax);
  slots_.resize(held_frames_max);
  free_.reserve(held_frames_max);
  waiting_.reserve(held_frames_max);
  held_back_.reserve(held_frames_max);
  // Slots are taken from the back: the first ones are used again and again, the last ones never
  // touched.
  for (size_t i = held_frames_max; i > 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
}

void FaultLine::Offer(Bytes frame, Instant now) {
  ++counts_.offered;
  const bool drop = Hits(rates_.drop);
  const bool duplicate = Hits(rates_.duplicate);
  const bool reorder = Hits(rates_.reorder);
  const bool corrupt = Hits(rates_.corrupt);
  if (drop) {
    ++counts_.dropped;
    return;
  }
  uint32_t slot;
  if (!Store(frame, slot)) return;
  if (corrupt) {
    const uint32_t bit = details_.Below(static_cast<uint32_t>(frame.size() * 8));
    uint8_t& target = BytesOf(slot)[bit / 8];
    target = static_cast<uint8_t>(target ^ (1u << (bit % 8)));
    ++counts_.corrupted;
  }
  const Instant due = DueTime(frame.size(), now);
  if (reorder) {
    ++counts_.reordered;
    slots_[slot].due = due + kReorderHold;
    slots_[slot].number = next_number_++;
    slots_[slot].overtakers_left = 1 + details_.Below(kOvertakersMax);
    held_back_.push_back(slot);
  } else {
    Enqueue(slot, due);
    LetOvertake(due);
  }
  uint32_t copy;
  if (duplicate && Store(Bytes(BytesOf(slot), frame.size()), copy)) {
    ++counts_.duplicated;
    Enqueue(copy, DueTime(frame.size(), now));
  }
}

Bytes FaultLine::Front(Instant now) {
  ReleaseHeldBack(now);
  if (waiting_.empty() || slots_[waiting_.front()].due > now) return {};
  return Bytes(BytesOf(waiting_.front()), slots_[waiting_.front()].size);
}

void FaultLine::PopFront() {
  const uint32_t slot = waiting_.front();
  waiting_.erase(waiting_.begin());
  held_bytes_ -= slots_[slot].size;
  free_.push_back(slot);
  ++counts_.released;
}

Instant FaultLine::NextDeadline() const {
  Instant next = waiting_.empty() ? kNever : slots_[waiting_.front()].due;
  for (uint32_t slot : held_back_) next = std::min(next, slots_[slot].due);
  return next;
}

uint8_t* FaultLine::BytesOf(uint32_t slot) { return storage_.get() + slot * kFrameBytesMax; }

bool FaultLine::Store(Bytes frame, uint32_t& slot) {
  if (free_.empty() || frame.empty() || frame.size() > kFrameBytesMax ||
      frame.size() > held_bytes_max_ - held_bytes_) {
    ++counts_.overflowed;
    return false;
  }
  slot = free_.back();
  free_.pop_back();
  std::memcpy(BytesOf(slot), frame.data(), frame.size());
  slots_[slot] = Slot{.size = frame.size()};
  held_bytes_ += frame.size();
  return true;
}

Instant FaultLine::DueTime(size_t size, Instant now) {
  Instant due = now;
  if (rates_.rate_bits_per_second != 0) {
    const uint64_t nanoseconds = uint64_t{size} * 8 * 1'000'000'000 / rates_.rate_bits_per_second;
    line_free_at_ = std::max(line_free_at_, now) + Duration(static_cast<int64_t>(nanoseconds));
    due = line_free_at_;
  }
  due += rates_.delay;
  if (rates_.jitter > Duration{0}) {
    // 32 random bits as a fraction; the product fits, as jitter is at most 60 s, in 2^36 ns.
    const uint64_t jitter_us = static_cast<uint64_t>(rates_.jitter.count()) / 1000;
    const uint64_t picked_us = (uint64_t{details_.Next32()} * (jitter_us + 1)) >> 32;
    due += Duration(static_cast<int64_t>(picked_us * 1000));
  }
  if (due > now) ++counts_.delayed;
  return due;
}

void FaultLine::Enqueue(uint32_t slot, Instant due) {
  slots_[slot].due = due;
  slots_[slot].number = next_number_++;
  const auto before = [this](uint32_t a, uint32_t b) {
    return slots_[a].due != slots_[b].due ? slots_[a].due < slots_[b].due
                                          : slots_[a].number < slots_[b].number;
  };
  waiting_.insert(std::upper_bound(waiting_.begin(), waiting_.end(), slot, before), slot);
}

// A frame due at `due` has passed those that are held back.
void FaultLine::LetOvertake(Instant due) {
  for (size_t i = 0; i < held_back_.size();) {
    const uint32_t slot = held_back_[i];
    if (--slots_[slot].overtakers_left != 0) {
      ++i;
      continue;
    }
    held_back_.erase(held_back_.begin() + static_cast<std::ptrdiff_t>(i));
    Enqueue(slot, std::max(due, slots_[slot].due - kReorderHold));
  }
}

void FaultLine::ReleaseHeldBack(Instant now) {
  for (size_t i = 0; i < held_back_.size();) {
    const uint32_t slot = held_back_[i];
    if (slots_[slot].due > now) {
      ++i;
      continue;
    }
    held_back_.erase(held_back_.begin() + static_cast<std::ptrdiff_t>(i));
    Enqueue(slot, slots_[slot].due);
  }
}

}  // namespace aether::device
