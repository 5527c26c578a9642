// Nanoseconds to core cycles. The TSC ticks at a rate of its own, whatever the core does; a chain
// of additions that wait for each other takes one cycle each.
#pragma once

namespace aether::bench {

// The fastest of several short measurements, about 2 ms in all.
double MeasureCyclesPerNs();

}  // namespace aether::bench
