#include "stack/testing/sim/link.h"

#include <algorithm>
#include <utility>

#include "stack/wire/tcp.h"

namespace aether::testing::sim {
namespace {

constexpr size_t kEthernetBytes = 14;
// Hardware and protocol type, lengths and operation of ARP: what a receiver checks before it
// believes.
constexpr size_t kArpCheckedBytes = kEthernetBytes + 8;

bool IsTcpSyn(Bytes frame) {
  constexpr size_t kTcpFlagsAt = kIpv4PayloadAt + 13;
  return frame.size() > kTcpFlagsAt && LoadBe<uint16_t>(frame.data() + 12) == 0x0800 &&
         frame[kIpv4At + 9] == 6 && (frame[kTcpFlagsAt] & tcp_flags::kSyn) != 0;
}

// [RFC 3168 5] the mark stands in the two last bits of the second byte, beside the header's
// checksum; a packet without ECN has zeros there and is left alone.
bool MarkCongestion(Frame& frame) {
  if (frame.size() < kIpv4PayloadAt || LoadBe<uint16_t>(frame.data() + 12) != 0x0800) return false;
  uint8_t& service = frame[kIpv4At + 1];
  if ((service & 3) == 0) return false;
  service |= 3;
  frame = WithIpv4Checksum(std::move(frame));
  return true;
}

Dice DiceOf(Seed seed, uint64_t which) { return Dice(Seed{seed[0] + which, seed[1]}); }

}  // namespace

bool IsArp(Bytes frame) {
  return frame.size() >= kEthernetBytes && LoadBe<uint16_t>(frame.data() + 12) == 0x0806;
}

bool LinkSpec::IsLossy() const {
  return queue_bytes != 0 || loss_ppm != 0 || burst.enter_ppm != 0 || reorder_ppm != 0 ||
         flip_ppm != 0 || truncate_ppm != 0 || syn_losses != 0 || arp_loss_ppm != 0 ||
         !mtu_changes.empty() || !blackouts.empty();
}

Link::Link(const LinkSpec& spec, Seed seed)
    : spec_(spec),
      loss_(DiceOf(seed, 0)),
      delay_(DiceOf(seed, 1)),
      duplicate_(DiceOf(seed, 2)),
      reorder_(DiceOf(seed, 3)),
      damage_(DiceOf(seed, 4)),
      mark_(DiceOf(seed, 5)),
      syn_losses_left_(spec.syn_losses) {}

bool Link::IsLost(Bytes frame, Instant now) {
  for (const Blackout& blackout : spec_.blackouts) {
    if (now >= blackout.start && now < blackout.start + blackout.length) {
      ++counters_.blacked_out;
      return true;
    }
  }
  if (syn_losses_left_ > 0 && IsTcpSyn(frame)) {
    --syn_losses_left_;
    ++counters_.lost_syn;
    return true;
  }
  if (spec_.arp_loss_ppm != 0 && IsArp(frame) && loss_.Chance(spec_.arp_loss_ppm)) {
    ++counters_.lost_arp;
    return true;
  }
  if (spec_.burst.enter_ppm != 0) {
    if (!in_burst_) {
      in_burst_ = loss_.Chance(spec_.burst.enter_ppm);
      burst_until_ = now + spec_.burst.time_max;
    } else if (now >= burst_until_ || loss_.Chance(spec_.burst.leave_ppm)) {
      in_burst_ = false;
    }
    if (in_burst_ && loss_.Chance(spec_.burst.loss_ppm)) {
      ++counters_.lost_in_burst;
      return true;
    }
  }
  if (loss_.Chance(spec_.loss_ppm)) {
    ++counters_.lost;
    return true;
  }
  return false;
}

Duration Link::SerializationTime(size_t bytes) const {
  if (spec_.rate_bits_per_second == 0) return Duration{0};
  return Duration(
      static_cast<int64_t>(uint64_t{bytes} * 8 * 1'000'000'000 / spec_.rate_bits_per_second));
}

Duration Link::DrawDelay() {
  Duration delay = spec_.delay;
  const int64_t jitter = spec_.jitter.count();
  if (jitter > 0) {
    switch (spec_.delay_kind) {
      case DelayKind::kFixed:
        break;
      case DelayKind::kUniform:
        delay += Duration(delay_.Between(0, jitter));
        break;
      case DelayKind::kNormal:
        delay += Duration(delay_.NormalLike(jitter));
        break;
      case DelayKind::kHeavyTail:
        delay += Duration(delay_.HeavyTail(jitter));
        break;
    }
  }
  return std::max(delay, Duration{0});
}

uint32_t Link::FrameBytesMax(Instant now) const {
  uint32_t bytes = spec_.frame_bytes_max;
  for (const MtuChange& change : spec_.mtu_changes) {
    if (now >= change.when) bytes = change.frame_bytes_max;
  }
  return bytes;
}

void Link::Send(Bytes frame, Instant now) {
  ++counters_.offered;
  if (frame.size() > FrameBytesMax(now)) {
    ++counters_.too_long;
    return;
  }
  // Tail drop; an idle wire takes any frame.
  const Duration serialization = SerializationTime(frame.size());
  const Duration backlog = busy_until_ > now ? busy_until_ - now : Duration{0};
  if (spec_.queue_bytes != 0 && backlog > Duration{0} &&
      backlog + serialization > SerializationTime(spec_.queue_bytes)) {
    ++counters_.queue_full;
    return;
  }
  const bool is_marked =
      mark_.Chance(spec_.mark_ppm) ||
      (spec_.mark_queue_bytes != 0 && backlog > SerializationTime(spec_.mark_queue_bytes));
  busy_until_ = now + backlog + serialization;
  if (IsLost(frame, now)) return;

  Instant arrival = std::max(busy_until_ + DrawDelay(), last_arrival_);
  if (reorder_.Chance(spec_.reorder_ppm)) {
    ++counters_.reordered;
    arrival += reorder_.Between(Duration{1}, std::max(spec_.reorder_delay_max, Duration{1}));
  } else {
    last_arrival_ = arrival;
  }
  Put(frame, arrival, is_marked);
  if (duplicate_.Chance(spec_.duplicate_ppm)) {
    ++counters_.duplicated;
    Put(frame, arrival + duplicate_.Between(Duration{0}, spec_.duplicate_delay_max), is_marked);
  }
}

void Link::Put(Bytes frame, Instant arrival, bool is_marked) {
  if (under_way_.size() >= spec_.in_flight_max) {
    ++counters_.queue_full;
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Frame& stored = slots_[slot];
  stored.assign(frame.begin(), frame.end());
  if (is_marked && MarkCongestion(stored)) ++counters_.marked;
  if (damage_.Chance(spec_.flip_ppm)) Flip(stored);
  if (damage_.Chance(spec_.truncate_ppm)) Truncate(stored);
  under_way_.push({arrival, next_order_++, slot});
}

void Link::Flip(Frame& frame) {
  if (frame.empty()) return;
  ++counters_.flipped;
  const size_t bytes = IsArp(frame) ? std::min(frame.size(), kArpCheckedBytes) : frame.size();
  const int64_t bits = static_cast<int64_t>(bytes) * 8;
  const int64_t length = damage_.Between(1, 15);
  const int64_t first = damage_.Between(0, bits - 1);
  for (int64_t i = 0; i < length && first + i < bits; ++i) {
    // The first one always, so that something changes.
    if (i > 0 && damage_.Chance(kCertain / 2)) continue;
    const int64_t bit = first + i;
    uint8_t& byte = frame[static_cast<size_t>(bit / 8)];
    byte = static_cast<uint8_t>(byte ^ (0x80u >> (bit % 8)));
  }
}

void Link::Truncate(Frame& frame) {
  if (frame.size() < 2) return;
  ++counters_.truncated;
  frame.resize(static_cast<size_t>(damage_.Between(1, static_cast<int64_t>(frame.size()) - 1)));
}

Instant Link::NextArrival() const { return under_way_.empty() ? kNever : under_way_.top().arrival; }

bool Link::Receive(Instant now, Frame& out) {
  if (under_way_.empty() || under_way_.top().arrival > now) return false;
  const uint32_t slot = under_way_.top().slot;
  under_way_.pop();
  out.swap(slots_[slot]);
  free_slots_.push_back(slot);
  ++counters_.delivered;
  return true;
}

}  // namespace aether::testing::sim
