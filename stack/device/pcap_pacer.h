// Yields the frames of a recording at their recorded distances: the first one at `start`, each
// other one as much later as it was then. Frames recorded out of order come no earlier than the one
// before.
#pragma once

#include <algorithm>
#include <cstddef>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/device/pcap_reader.h"

namespace aether::device {

template <Clock C>
class PcapPacer {
 public:
  // Both outlive the pacer.
  PcapPacer(PcapReader& reader, const C& clock, Instant start)
      : reader_(&reader), clock_(&clock), first_time_(reader.next_time()), start_(start) {}

  size_t Receive(MutableBytes into) {
    if (NextDeadline() > clock_->Now()) return 0;
    return reader_->Receive(into);
  }
  bool Send(Bytes frame) { return reader_->Send(frame); }
  Instant NextDeadline() const {
    if (reader_->at_end()) return kNever;
    const Duration offset = std::max(reader_->next_time() - first_time_, Duration{0});
    return offset < kNever - start_ ? start_ + offset : kNever - Duration{1};
  }

 private:
  PcapReader* reader_;
  const C* clock_;
  Instant first_time_;
  Instant start_;
};
static_assert(Device<PcapPacer<ManualClock>>);

}  // namespace aether::device
