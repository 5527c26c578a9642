// The median of paired differences and the interval between two order statistics that holds the
// true median, whatever the distribution is. What the paired lane decides with; nothing here knows
// what was measured.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace aether::perf {

// The chance that at most `k` of `n` values lie below their true median.
double MedianTail(size_t n, size_t k);

// How many values may be cut off at either end so that the interval misses with a chance of at most
// `alpha`; nothing when even the smallest and the largest value are too close.
std::optional<size_t> CutFor(size_t n, double alpha);

// The fewest values that can give an interval at `alpha`.
size_t CountFor(double alpha);

struct Interval {
  double median = 0;
  double low = 0;
  double high = 0;
  // False: too few values for the level; low and high are the extremes.
  bool is_reached = false;

  double width() const { return high - low; }
};

// Of at least one value, in any order.
Interval MedianInterval(std::vector<double> values, double alpha);

double MedianOfValues(std::vector<double> values);

}  // namespace aether::perf
