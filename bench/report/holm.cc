#include "bench/report/holm.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace aether::perf {

HolmResult Holm(const std::vector<double>& p, double alpha) {
  const size_t count = p.size();
  HolmResult result{.level = std::vector<double>(count, alpha),
                    .adjusted_p = std::vector<double>(count, 1.0),
                    .is_rejected = std::vector<bool>(count, false)};
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t at) { return std::pair(p[at], at); });
  double adjusted = 0;
  double level = alpha;
  bool stopped = false;
  for (size_t rank = 0; rank < count; ++rank) {
    const size_t at = order[rank];
    const double left = static_cast<double>(count - rank);
    adjusted = std::max(adjusted, std::min(1.0, p[at] * left));
    result.adjusted_p[at] = adjusted;
    if (!stopped) level = alpha / left;
    if (p[at] > level) stopped = true;
    result.level[at] = level;
    result.is_rejected[at] = !stopped;
  }
  return result;
}

}  // namespace aether::perf
