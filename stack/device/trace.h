// A wrapper that writes one readable line for each frame, in ('<') and out ('>').
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/describe.h"
#include "stack/device/device.h"
#include "stack/device/memory_pair.h"

namespace aether::device {

// Gets a line without its newline.
using TraceSink = std::function<void(std::string_view)>;

// A sink that appends lines to `text`, which outlives it.
inline TraceSink TraceTo(std::string& text) {
  return [&text](std::string_view line) { text.append(line).push_back('\n'); };
}

template <Device Inner, Clock C>
class TraceDevice {
 public:
  // `inner` and `clock` outlive the wrapper. With an empty sink frames just pass.
  TraceDevice(Inner& inner, const C& clock, TraceSink sink)
      : inner_(&inner), clock_(&clock), sink_(std::move(sink)) {}

  size_t Receive(MutableBytes into) {
    const size_t size = inner_->Receive(into);
    if (size != 0 && sink_) sink_(TraceLine(clock_->Now(), '<', into.first(size)));
    return size;
  }
  bool Send(Bytes frame) {
    if (!inner_->Send(frame)) return false;
    if (sink_) sink_(TraceLine(clock_->Now(), '>', frame));
    return true;
  }
  Instant NextDeadline() const { return inner_->NextDeadline(); }

 private:
  Inner* inner_;
  const C* clock_;
  TraceSink sink_;
};
static_assert(Device<TraceDevice<MemoryDevice, ManualClock>>);

}  // namespace aether::device
