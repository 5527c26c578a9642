#include "bench/report/change_points.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "bench/common/generators.h"
#include "bench/report/median_interval.h"

namespace aether::perf {

namespace {

struct Split {
  size_t at = 0;
  double statistic = -1;
};

double Scaled(size_t left_count, size_t right_count, double between, double within_left,
              double within_right) {
  const double left = static_cast<double>(left_count);
  const double right = static_cast<double>(right_count);
  const double energy = 2 / (left * right) * between - 2 / (left * (left - 1)) * within_left -
                        2 / (right * (right - 1)) * within_right;
  return left * right / (left + right) * energy;
}

double DistancesWithin(std::span<const double> values) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i)
    for (size_t j = i + 1; j < values.size(); ++j) sum += std::abs(values[i] - values[j]);
  return sum;
}

// The split of one segment with the largest scaled energy distance. Sums of distances are carried
// on from split to split, so that all of them take a time that grows with the square of the length.
Split BestSplit(std::span<const double> values, size_t segment_min) {
  const size_t n = values.size();
  Split best;
  if (n < 2 * segment_min) return best;
  double within_left = 0;
  double within_right = DistancesWithin(values);
  double between = 0;
  for (size_t split = 1; split < n; ++split) {
    // values[split - 1] moves to the left.
    double to_left = 0;
    double to_right = 0;
    for (size_t i = 0; i + 1 < split; ++i) to_left += std::abs(values[i] - values[split - 1]);
    for (size_t i = split; i < n; ++i) to_right += std::abs(values[i] - values[split - 1]);
    within_left += to_left;
    within_right -= to_right;
    between += to_right - to_left;
    if (split < segment_min || n - split < segment_min) continue;
    const double statistic = Scaled(split, n - split, between, within_left, within_right);
    if (statistic > best.statistic) best = {split, statistic};
  }
  return best;
}

class Divider {
 public:
  Divider(const std::vector<double>& series, const ChangePointOptions& options)
      : series_(series), options_(options), borders_{0, series.size()}, generator_(options.seed) {}

  std::vector<ChangePoint> Run() {
    while (const std::optional<ChangePoint> point = Next()) {
      points_.push_back(*point);
      borders_.insert(std::ranges::upper_bound(borders_, point->index), point->index);
    }
    std::ranges::sort(points_, {}, &ChangePoint::index);
    for (ChangePoint& point : points_) {
      const auto border = std::ranges::find(borders_, point.index);
      point.before = MedianBetween(*std::prev(border), point.index);
      point.after = MedianBetween(point.index, *std::next(border));
    }
    return std::move(points_);
  }

 private:
  // The best of all segments' best splits, if it is significant.
  std::optional<ChangePoint> Next() {
    const auto [index, statistic] = Best(series_);
    if (statistic <= 0) return std::nullopt;
    size_t as_large = 0;
    std::vector<double> shuffled = series_;
    for (size_t round = 0; round < options_.permutations; ++round) {
      for (size_t i = 0; i + 1 < borders_.size(); ++i)
        Shuffle(shuffled, borders_[i], borders_[i + 1]);
      if (Best(shuffled).second >= statistic) ++as_large;
    }
    const double p =
        static_cast<double>(as_large + 1) / static_cast<double>(options_.permutations + 1);
    if (p > options_.significance) return std::nullopt;
    return ChangePoint{.index = index, .p = p};
  }

  std::pair<size_t, double> Best(const std::vector<double>& values) const {
    std::pair<size_t, double> best{0, -1};
    for (size_t i = 0; i + 1 < borders_.size(); ++i) {
      const size_t begin = borders_[i];
      const Split split = BestSplit(std::span(values).subspan(begin, borders_[i + 1] - begin),
                                    options_.segment_min);
      if (split.statistic > best.second) best = {begin + split.at, split.statistic};
    }
    return best;
  }

  void Shuffle(std::vector<double>& values, size_t begin, size_t end) {
    for (size_t left = end - begin; left > 1; --left) {
      const size_t other = generator_.Below(static_cast<uint32_t>(left));
      std::swap(values[begin + left - 1], values[begin + other]);
    }
  }

  double MedianBetween(size_t begin, size_t end) const {
    const std::span<const double> part = std::span(series_).subspan(begin, end - begin);
    return MedianOfValues({part.begin(), part.end()});
  }

  const std::vector<double>& series_;
  const ChangePointOptions& options_;
  std::vector<size_t> borders_;
  bench::Generator generator_;
  std::vector<ChangePoint> points_;
};

}  // namespace

double EnergyStatistic(const std::vector<double>& values, size_t split) {
  const std::span<const double> all(values);
  const double left = DistancesWithin(all.first(split));
  const double right = DistancesWithin(all.subspan(split));
  return Scaled(split, values.size() - split, DistancesWithin(all) - left - right, left, right);
}

std::vector<ChangePoint> FindChangePoints(const std::vector<double>& series,
                                          const ChangePointOptions& options) {
  return Divider(series, options).Run();
}

}  // namespace aether::perf
