// Change points of a series by E-divisive means (Matteson and James 2014): where the energy
// distance between what lies before and behind is largest, if permutations within the segments
// rarely give as much. Seeded: the same series has the same points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aether::perf {

struct ChangePoint {
  // The first value of the new level.
  size_t index = 0;
  double p = 1;
  // Medians of the segments on both sides.
  double before = 0;
  double after = 0;
};

struct ChangePointOptions {
  double significance = 0.01;
  // Values that a segment has at least.
  size_t segment_min = 3;
  size_t permutations = 499;
  uint64_t seed = 1;
};

// How far the values at `split` and behind are from those before it: the energy distance of the
// two, times their harmonic mean. Both sides have two values at least.
double EnergyStatistic(const std::vector<double>& values, size_t split);

// In their order in the series.
std::vector<ChangePoint> FindChangePoints(const std::vector<double>& series,
                                          const ChangePointOptions& options = {});

}  // namespace aether::perf
