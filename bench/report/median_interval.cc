#include "bench/report/median_interval.h"

#include <algorithm>
#include <cmath>

#include "stack/base/check.h"

namespace aether::perf {

double MedianTail(size_t n, size_t k) {
  const double count = static_cast<double>(n);
  double sum = 0;
  for (size_t i = 0; i <= std::min(k, n); ++i) {
    const double x = static_cast<double>(i);
    sum += std::exp(std::lgamma(count + 1) - std::lgamma(x + 1) - std::lgamma(count - x + 1) -
                    count * std::log(2.0));
  }
  return std::min(sum, 1.0);
}

std::optional<size_t> CutFor(size_t n, double alpha) {
  std::optional<size_t> cut;
  for (size_t k = 0; 2 * k + 1 < n; ++k) {
    if (2 * MedianTail(n, k) > alpha) break;
    cut = k;
  }
  return cut;
}

size_t CountFor(double alpha) {
  size_t n = 2;
  while (!CutFor(n, alpha)) ++n;
  return n;
}

double MedianOfValues(std::vector<double> values) {
  AETHER_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

Interval MedianInterval(std::vector<double> values, double alpha) {
  AETHER_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  const std::optional<size_t> cut = CutFor(count, alpha);
  return {.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
          .low = values[cut.value_or(0)],
          .high = values[count - 1 - cut.value_or(0)],
          .is_reached = cut.has_value()};
}

}  // namespace aether::perf
