#include "bench/common/median.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "stack/base/check.h"

namespace aether::bench {

namespace {

// How many values may be cut off at either end. Each lies below the true median with an even
// chance; that no more do than are cut off must not happen but once in forty times.
size_t CutOf(size_t count) {
  const double n = static_cast<double>(count);
  double below = 0;
  size_t cut = 0;
  for (size_t k = 0; k < count / 2; ++k) {
    const double x = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) -
                      n * std::log(2.0));
    if (below > 0.025) break;
    cut = k;
  }
  return cut;
}

}  // namespace

Median MedianOf(std::vector<double> values) {
  AETHER_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  const size_t cut = CutOf(count);
  const double upper = values[count / 2];
  const double lower = values[(count - 1) / 2];
  return {(lower + upper) / 2, values[cut], values[count - 1 - cut]};
}

double QuantileOf(std::vector<double>& values, double share) {
  AETHER_CHECK(!values.empty());
  const double at = share * static_cast<double>(values.size());
  const size_t index = std::min(static_cast<size_t>(at), values.size() - 1);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                   values.end());
  return values[index];
}

}  // namespace aether::bench
