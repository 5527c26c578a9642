// What worker 0 hands to another worker: ARP frames to learn neighbours from, the host's address
// when DHCP changes it, what it put together from fragments, and, where the TAP does not steer, the
// frames of the flows that the worker owns. All of it is bounded; one thread puts in, one takes
// out, neither waits, and the worker is rung for only when it sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/spsc_ring.h"
#include "stack/runtime/address_board.h"
#include "stack/runtime/doorbell.h"

namespace aether::runtime {

// A frame in a ring. Its memory is kept for the next one in the same place.
struct RingFrame {
  std::vector<uint8_t> bytes;
  void Assign(Bytes frame) { bytes.assign(frame.begin(), frame.end()); }
};

class Inbox {
 public:
  static constexpr size_t kObservedMax = 64;
  static constexpr size_t kFramesMax = 1024;
  static constexpr size_t kReassembledMax = 16;

  // --- Worker 0 ---

  // False when the ring is full; then the frame is lost, as on a full queue of a device.
  bool PutFrame(Bytes frame) { return Put(frames_, frame); }
  bool PutObserved(Bytes frame) { return Put(observed_, frame); }
  // An IP packet that worker 0 put together and that belongs to a flow of this worker.
  bool PutReassembled(Bytes packet) { return Put(reassembled_, packet); }
  void PutAddress(const AddressState& state) {
    address_.Publish(state);
    bell_.Ring();
  }

  // --- The worker ---

  SpscRing<RingFrame>& frames() { return frames_; }
  SpscRing<RingFrame>& observed() { return observed_; }
  SpscRing<RingFrame>& reassembled() { return reassembled_; }
  AddressBoard& address() { return address_; }
  bool IsEmpty(uint64_t address_version) const {
    return frames_.Empty() && observed_.Empty() && reassembled_.Empty() &&
           address_.version() == address_version;
  }

  // Frames for which a ring had no room.
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  // Anybody may ring it; the worker sleeps by it.
  Doorbell& bell() { return bell_; }

 private:
  bool Put(SpscRing<RingFrame>& ring, Bytes frame) {
    RingFrame* slot = ring.Reserve();
    if (slot == nullptr) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    slot->Assign(frame);
    ring.Commit();
    bell_.Ring();
    return true;
  }

  SpscRing<RingFrame> frames_{kFramesMax};
  SpscRing<RingFrame> observed_{kObservedMax};
  SpscRing<RingFrame> reassembled_{kReassembledMax};
  AddressBoard address_;
  Doorbell bell_;
  std::atomic<uint64_t> lost_{0};
};

}  // namespace aether::runtime
