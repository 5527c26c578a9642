// What two_stacks_hosts.h does with frames on their way, and with the time.
#include <algorithm>
#include <array>

#include "fuzz/stateful/two_stacks_hosts.h"

namespace aether::fuzz::two_stacks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kRoundsPerTick = 24;
// P7: frames without text that the two exchange within a second, while nothing gets on.
constexpr uint64_t kIdleFramesMax = 300;

}  // namespace

void Hosts::OnFrame(size_t side, const testing::NaiveFrame& frame, Bytes raw) {
  if (frame.tcp && !first_iss_) first_iss_ = frame.tcp->sequence;
  if (frame.arp) {
    link_.Push(side, raw, /*is_first=*/true);
    arp_waits_ = true;
  } else {
    link_.Push(side, raw, false);
  }
}

// ARP is not what this link is about: it always gets through.
void Hosts::ExchangeArp() {
  for (int round = 0; arp_waits_; ++round) {
    FUZZ_CHECK(P7, round < 32);
    arp_waits_ = false;
    for (size_t side = 0; side < 2; ++side) {
      while (link_.count(side) > 0 && link_.IsArp(side)) DeliverAt(side, 0);
    }
  }
}

// Frame `which` of that side reaches the other.
void Hosts::DeliverAt(size_t side, size_t which) {
  if (link_.count(side) == 0) return;
  which %= link_.count(side);
  ++steps_;
  Catch(1 - side);
  const Bytes frame = link_.At(side, which);
  const bool has_text = Link::TextBytes(frame) > 0;
  // P7: frames that carry nothing, while nothing that carries something arrives.
  if (has_text || now_ >= idle_since_ + seconds(1)) {
    idle_frames_ = 0;
    idle_since_ = now_;
  } else {
    FUZZ_CHECK(P7, ++idle_frames_ <= kIdleFramesMax);
  }
  hosts_[1 - side].Deliver(link_.Take(side, which));
  Note(frame.size());
}

void Hosts::Flush(uint8_t lost_of_0, uint8_t lost_of_1) {
  const std::array<uint8_t, 2> lost = {lost_of_0, lost_of_1};
  std::array<unsigned, 2> place{};
  ExchangeArp();
  for (size_t round = 0; link_.count(0) + link_.count(1) > 0; ++round) {
    FUZZ_CHECK(P7, round < kFinalStepsMax);
    // Frames do not go to and fro in no time at all: what was sent again within the tick of a clock
    // counts as sent together with what it follows.
    if (round % kRoundsPerTick == kRoundsPerTick - 1) now_ += milliseconds(1);
    for (size_t side = 0; side < 2; ++side) {
      if (link_.count(side) == 0) continue;
      if ((lost[side] >> (place[side]++ % 8) & 1) != 0) {
        link_.Take(side, 0);
      } else {
        DeliverAt(side, 0);
        ExchangeArp();
      }
    }
  }
}

// To the next deadline of the two; false when there is none within `most`.
bool Hosts::PassDeadline(Duration most) {
  const Instant next = std::min(StackOf(0).NextDeadline(), StackOf(1).NextDeadline());
  if (next > now_ + most) return false;
  now_ = std::max(next, now_);
  ++steps_;
  for (size_t side = 0; side < 2; ++side) {
    if (StackOf(side).NextDeadline() > now_) continue;
    hosts_[side].now() < now_ ? Catch(side) : static_cast<void>(hosts_[side].AdvanceToDeadline({}));
  }
  ExchangeArp();
  return true;
}

void Hosts::PassTime(Duration by) {
  const Instant end = now_ + by;
  while ((is_final_ || !IsTired()) && PassDeadline(end - now_)) {
    if (is_final_ || !choices_.Has(kByHand)) Flush(0, 0);
  }
  now_ = std::max(now_, end);
  Catch(0);
  Catch(1);
  ExchangeArp();
}

// What happens to a frame on its way.
void Hosts::CarryLink(size_t side, const Record& record) {
  switch (record.operation) {
    case kDeliver:
      DeliverAt(side, record.U8(1));
      break;
    case kDrop:
      if (link_.count(side) > 0) link_.Take(side, record.U8(1) % link_.count(side));
      break;
    case kDouble:
      if (link_.count(side) > 0) link_.Double(side, record.U8(1) % link_.count(side));
      break;
    case kDamage:
      if (link_.count(side) == 0) break;
      Catch(1 - side);
      ++steps_;
      // P13: it is gone, and nothing else happens.
      hosts_[1 - side].DeliverDamaged(link_.Take(side, record.U8(1) % link_.count(side)), 14,
                                      record.U16(2));
      break;
    case kCut: {
      if (link_.count(side) == 0) break;
      Catch(1 - side);
      ++steps_;
      const Bytes frame = link_.Take(side, record.U8(1) % link_.count(side));
      hosts_[1 - side].Deliver(frame.first(record.U16(2) % (frame.size() + 1)));
      break;
    }
    case kRewrite:
      link_.Rewrite(side, record.U32(1), record.U32(2));
      tampered_ = true;
      break;
    default:
      break;
  }
}

}  // namespace aether::fuzz::two_stacks
