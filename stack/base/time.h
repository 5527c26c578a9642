// Time as the core knows it: an argument. `Timeline` is a chrono clock without now(), so that
// nothing below runtime/ can ask what time it is; an Instant is nanoseconds since an origin that
// the caller chose.
#pragma once

#include <chrono>
#include <cstdint>

namespace aether {

using Duration = std::chrono::nanoseconds;

struct Timeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Timeline, duration>;
  static constexpr bool is_steady = true;
};

using Instant = Timeline::time_point;

// "No deadline": later than every instant that a clock can show.
inline constexpr Instant kNever = Instant::max();

}  // namespace aether
