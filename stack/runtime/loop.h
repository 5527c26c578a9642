// The loop around a host: frames in, frames out, time in. One turn reads what is there (up to a
// cap), lets the host work on the batch, and sends until the host has nothing more; a turn without
// work waits as the backoff says.
//
//   Loop loop(host, clock, device, waiter, mode);
//   while (...) loop.Turn();
//
// It belongs to one thread, as the host does. Everything it drives is injected; it makes no system
// call of its own and, once made, allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/runtime/backoff.h"
#include "stack/runtime/loop_counters.h"
#include "stack/runtime/pacer.h"

namespace aether::runtime {

// What a loop drives. HasWork: something besides a frame or a deadline waits for the next Receive.
// IsQuiet: nothing is there that anybody would ring for; asked before blocking.
template <typename H>
concept LoopHost = requires(H host, std::span<const Bytes> frames, MutableBytes out, Instant now) {
  host.Receive(frames, now);
  { host.Transmit(out, now) } -> std::same_as<size_t>;
  { host.NextDeadline() } -> std::same_as<Instant>;
  { host.HasWork() } -> std::same_as<bool>;
  { host.IsQuiet() } -> std::same_as<bool>;
};

template <LoopHost Host, device::Clock Clock, device::Device Device, typename Waiter>
class Loop {
 public:
  // Frames of one turn: enough to use every stage of the stack, few enough that the first is
  // answered soon.
  static constexpr size_t kFramesMax = 64;

  // `frame_bytes_max`: the largest frame that the host sends. Buffers for what arrives are larger,
  // so that a frame that is too long is seen as such.
  Loop(Host& host, Clock& clock, Device& device, Waiter& waiter, BackoffMode mode,
       size_t frame_bytes_max)
      : host_(host),
        clock_(clock),
        device_(device),
        waiter_(waiter),
        backoff_(mode),
        slot_bytes_((frame_bytes_max + 64 + 63) / 64 * 64),
        arena_(std::make_unique_for_overwrite<uint8_t[]>(slot_bytes_ * (kFramesMax + 1))) {}

  void Turn() {
    ++counters_.turns;
    if (next_read_ != Instant::min()) {
      ++counters_.pauses;
      waiter_.Spin(clock_, next_read_);
    }
    const size_t count = ReadBatch();
    const Instant now = clock_.Now();
    next_read_ = Instant::min();
    if (count > 0 || now >= deadline_ || host_.HasWork()) {
      host_.Receive(std::span<const Bytes>(frames_.data(), count), now);
      TransmitAll(now);
      deadline_ = host_.NextDeadline();
      backoff_.Worked();
      // On a core of our own; on a shared one, and for who wants to block, waiting is left to the
      // backoff.
      const Instant next_read = pacer_.NextRead(count, now);
      if (next_read > now && backoff_.mode() != BackoffMode::kPoll && !backoff_.crowded())
        next_read_ = next_read;
      return;
    }
    if (kept_bytes_ > 0) {
      TransmitAll(now);
      if (kept_bytes_ == 0) {
        deadline_ = host_.NextDeadline();
        return;
      }
    }
    Wait(now);
  }

  // Sends what is left, without waiting for room; for the end.
  void Flush() { TransmitAll(clock_.Now()); }

  const LoopCounters& counters() const { return counters_; }

 private:
  MutableBytes Slot(size_t index) { return {arena_.get() + index * slot_bytes_, slot_bytes_}; }

  size_t ReadBatch() {
    size_t count = 0;
    while (count < kFramesMax) {
      const size_t size = device_.Receive(Slot(count));
      ++counters_.reads;
      if (size == 0) {
        ++counters_.reads_dry;
        break;
      }
      frames_[count] = Slot(count).first(size);
      ++count;
    }
    return count;
  }

  // Until the host has nothing more or the device takes nothing more; then the frame is kept and
  // comes first next time.
  void TransmitAll(Instant now) {
    const MutableBytes out = Slot(kFramesMax);
    while (true) {
      if (kept_bytes_ == 0) kept_bytes_ = host_.Transmit(out, now);
      if (kept_bytes_ == 0) return;
      ++counters_.writes;
      if (!device_.Send(out.first(kept_bytes_))) {
        ++counters_.writes_full;
        return;
      }
      kept_bytes_ = 0;
    }
  }

  void Wait(Instant now) {
    const Instant until = std::min(deadline_, device_.NextDeadline());
    // A frame that the device held back is due: read it.
    if (until <= now) return;
    Backoff::Step step = backoff_.Next(now);
    // Without room to send nothing but room helps, and only blocking sees it come.
    if (kept_bytes_ > 0 && backoff_.mode() != BackoffMode::kSpin) step = Backoff::Step::kBlock;
    switch (step) {
      case Backoff::Step::kSpin:
        ++counters_.spins;
        waiter_.Spin(clock_, std::min(until, now + backoff_.Pause(now)));
        break;
      case Backoff::Step::kYield:
        ++counters_.yields;
        waiter_.Yield();
        backoff_.Yielded(clock_.Now() - now);
        // Nobody wanted the core: the next look may wait a little. If somebody did, it is high
        // time.
        if (!backoff_.crowded()) waiter_.Spin(clock_, std::min(until, now + backoff_.Pause(now)));
        break;
      case Backoff::Step::kSleep:
        ++counters_.sleeps;
        waiter_.Sleep(std::min(until - now, Backoff::kSleepStep));
        break;
      case Backoff::Step::kBlock: {
        ++counters_.polls;
        std::optional<Duration> timeout;
        if (until != kNever) timeout = until - now;
        waiter_.Block(timeout, kept_bytes_ > 0, [this] { return host_.IsQuiet(); });
        break;
      }
    }
  }

  Host& host_;
  Clock& clock_;
  Device& device_;
  Waiter& waiter_;
  Backoff backoff_;
  Pacer pacer_;
  // When the next read is worth its system call; min: now.
  Instant next_read_ = Instant::min();
  // What the host said after it last worked. It starts in the past, so that the first turn lets the
  // host begin.
  Instant deadline_ = Instant::min();
  size_t kept_bytes_ = 0;  // in the last slot: a frame that the device had no room for
  LoopCounters counters_;
  const size_t slot_bytes_;
  const std::unique_ptr<uint8_t[]> arena_;
  std::array<Bytes, kFramesMax> frames_;
};

}  // namespace aether::runtime
