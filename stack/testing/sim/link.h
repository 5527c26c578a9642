// One direction of a simulated wire: rate, delay, jitter, a queue in bytes, and all that can happen
// to a frame on its way. Whole numbers and seeded draws only; every kind of harm has its own dice,
// so that switching one off leaves the others as they were. Bounded: frames beyond `in_flight_max`
// are lost.
//
// What a link damages, checksums find: a flip is a burst of at most 15 bits, which no Internet
// checksum misses, and the part of an ARP packet that nothing protects is left alone (a real wire's
// frame check sequence stands for both).
#pragma once

#include <cstddef>
#include <cstdint>
#include <queue>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/sim/dice.h"

namespace aether::testing::sim {

bool IsArp(Bytes frame);

enum class DelayKind : uint8_t {
  kFixed,
  kUniform,    // `delay` plus up to `jitter`
  kNormal,     // around `delay` with a standard deviation of `jitter`
  kHeavyTail,  // `delay` plus seldom very much more than `jitter`
};

// Gilbert and Elliott's two states, which change from frame to frame: in the bad one frames are
// lost with `loss_ppm`. It does not outlast `time_max`, or one that began with a handshake would
// meet every retry of it, seconds apart.
struct BurstSpec {
  uint32_t enter_ppm = 0;
  uint32_t leave_ppm = kCertain;
  uint32_t loss_ppm = kCertain;
  Duration time_max = std::chrono::milliseconds(250);
};

struct Blackout {
  Instant start;
  Duration length{0};
};

// From `when` on, frames may be no longer.
struct MtuChange {
  Instant when;
  uint32_t frame_bytes_max = 0;
};

struct LinkSpec {
  uint64_t rate_bits_per_second = 0;  // 0: infinitely fast
  uint32_t queue_bytes = 0;           // with a rate: what may wait; 0: no bound
  Duration delay{0};
  DelayKind delay_kind = DelayKind::kFixed;
  Duration jitter{0};
  uint32_t frame_bytes_max = 65549;
  uint32_t loss_ppm = 0;
  BurstSpec burst{};
  uint32_t duplicate_ppm = 0;
  Duration duplicate_delay_max{0};
  // Jitter alone never changes the order; a frame that is reordered comes later by up to this.
  uint32_t reorder_ppm = 0;
  Duration reorder_delay_max{0};
  uint32_t flip_ppm = 0;
  uint32_t truncate_ppm = 0;
  uint32_t syn_losses = 0;  // so many TCP segments with SYN are lost first
  uint32_t arp_loss_ppm = 0;
  // Packets of connections with ECN are marked: by chance, and instead of standing in a queue that
  // is longer than this (0: never).
  uint32_t mark_ppm = 0;
  uint32_t mark_queue_bytes = 0;
  std::vector<MtuChange> mtu_changes{};
  // Before the link stands a router: it splits what is too long, or says so (router.h).
  bool has_router = false;
  std::vector<Blackout> blackouts{};
  size_t in_flight_max = 16384;

  // Frames may be missing, late behind others, or damaged.
  bool IsLossy() const;
};

struct LinkCounters {
  uint64_t offered = 0;
  uint64_t delivered = 0;
  uint64_t lost = 0;
  uint64_t lost_in_burst = 0;
  uint64_t lost_syn = 0;
  uint64_t blacked_out = 0;
  uint64_t queue_full = 0;
  uint64_t too_long = 0;
  uint64_t lost_arp = 0;
  uint64_t marked = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t flipped = 0;
  uint64_t truncated = 0;
};

class Link {
 public:
  Link(const LinkSpec& spec, Seed seed);

  // Takes a frame that leaves a node at `now`.
  void Send(Bytes frame, Instant now);
  // When the next frame comes out; kNever when none is under way.
  Instant NextArrival() const;
  // Takes out the next frame that has come out at `now`; false when there is none.
  bool Receive(Instant now, Frame& out);

  // How long a frame may be at `now`.
  uint32_t FrameBytesMax(Instant now) const;

  const LinkSpec& spec() const { return spec_; }
  const LinkCounters& counters() const { return counters_; }
  size_t in_flight() const { return under_way_.size(); }

 private:
  struct UnderWay {
    Instant arrival;
    uint64_t order;
    uint32_t slot;
    bool operator>(const UnderWay& other) const {
      return arrival != other.arrival ? arrival > other.arrival : order > other.order;
    }
  };

  bool IsLost(Bytes frame, Instant now);
  Duration SerializationTime(size_t bytes) const;
  Duration DrawDelay();
  void Flip(Frame& frame);
  void Truncate(Frame& frame);
  void Put(Bytes frame, Instant arrival, bool is_marked);

  LinkSpec spec_;
  Dice loss_;
  Dice delay_;
  Dice duplicate_;
  Dice reorder_;
  Dice damage_;
  Dice mark_;
  bool in_burst_ = false;
  Instant burst_until_{};
  uint32_t syn_losses_left_;
  Instant busy_until_{};
  Instant last_arrival_{};
  uint64_t next_order_ = 0;
  std::priority_queue<UnderWay, std::vector<UnderWay>, std::greater<>> under_way_;
  std::vector<Frame> slots_;
  std::vector<uint32_t> free_slots_;
  LinkCounters counters_;
};

}  // namespace aether::testing::sim
