// Where captured frames go. A virtual call, so that several workers can share one file behind a
// lock that only the runtime knows.
#pragma once

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::device {

class CaptureSink {
 public:
  virtual ~CaptureSink() = default;
  // `frame` was on the wire at `when`.
  virtual void Write(Instant when, Bytes frame) = 0;
  // What was written is on its way to the disk when this returns.
  virtual void Flush() = 0;
};

}  // namespace aether::device
