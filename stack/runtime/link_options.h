// What aether-link is asked to do: its flags, checked.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "stack/base/time.h"
#include "stack/device/fault_options.h"

namespace aether::runtime {

struct LinkOptions {
  static constexpr int64_t kQueueFramesMax = 65536;
  static constexpr int64_t kQueueBytesMax = int64_t{4} << 30;

  std::string a;
  std::string b;
  // `in`: what comes in at a and leaves at b. `out`: what leaves at a, having come in at b. The
  // bounds of what each direction holds are in it.
  device::FaultOptions faults;
  std::string fault_text;
  // Zero: for ever.
  Duration duration{0};
};

// From the flags as they are set. kInvalidArgument: usage.
absl::StatusOr<LinkOptions> LinkOptionsFromFlags();

}  // namespace aether::runtime
