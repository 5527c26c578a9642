#include "bench/report/change_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <span>

#include "bench/common/generators.h"

namespace aether::perf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Levels with so many values each, and noise of a per cent.
std::vector<double> Steps(std::span<const std::pair<double, size_t>> levels, uint64_t seed) {
  bench::Generator generator(seed);
  std::vector<double> series;
  for (const auto& [level, count] : levels) {
    for (size_t i = 0; i < count; ++i) {
      double noise = -6;
      for (int draw = 0; draw < 12; ++draw) noise += generator.Next32() / 4294967296.0;
      series.push_back(level * (1 + 0.01 * noise));
    }
  }
  return series;
}

std::vector<size_t> IndicesOf(const std::vector<ChangePoint>& points) {
  std::vector<size_t> indices;
  for (const ChangePoint& point : points) indices.push_back(point.index);
  return indices;
}

TEST(ChangePoints, FindsKnownSteps) {
  const std::pair<double, size_t> levels[] = {{100, 20}, {110, 15}, {95, 25}};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto points = FindChangePoints(Steps(levels, seed));
    ASSERT_THAT(IndicesOf(points), ElementsAre(20, 35)) << "seed " << seed;
    EXPECT_NEAR(points[0].before, 100, 1);
    EXPECT_NEAR(points[0].after, 110, 1);
    EXPECT_NEAR(points[1].after, 95, 1);
    EXPECT_LE(points[0].p, 0.01);
  }
}

TEST(ChangePoints, FindsAStepOfThreePerCentInNoiseOfOne) {
  const std::pair<double, size_t> levels[] = {{100, 30}, {103, 30}};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto points = FindChangePoints(Steps(levels, seed));
    ASSERT_EQ(points.size(), 1u) << "seed " << seed;
    EXPECT_NEAR(static_cast<double>(points[0].index), 30, 2);
  }
}

TEST(ChangePoints, NoiseAloneHasNone) {
  const std::pair<double, size_t> levels[] = {{100, 40}};
  size_t found = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed)
    found += FindChangePoints(Steps(levels, seed)).empty() ? 0u : 1u;
  // One in a hundred is promised.
  EXPECT_LE(found, 4u);
}

TEST(ChangePoints, OneOutlierIsNoChange) {
  const std::pair<double, size_t> levels[] = {{100, 40}};
  std::vector<double> series = Steps(levels, 3);
  series[20] = 300;
  EXPECT_THAT(FindChangePoints(series), IsEmpty());
}

TEST(ChangePoints, OfShortAndConstantSeries) {
  EXPECT_THAT(FindChangePoints({}), IsEmpty());
  EXPECT_THAT(FindChangePoints({1, 2, 3}), IsEmpty());
  EXPECT_THAT(FindChangePoints(std::vector<double>(50, 7.0)), IsEmpty());
  // Without noise few values say enough.
  const std::vector<double> step = {5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6};
  EXPECT_THAT(IndicesOf(FindChangePoints(step)), ElementsAre(6));
}

TEST(ChangePoints, TheSameSeedGivesTheSame) {
  const std::pair<double, size_t> levels[] = {{100, 12}, {102, 12}};
  const std::vector<double> series = Steps(levels, 5);
  const auto once = FindChangePoints(series, {.significance = 0.5, .seed = 9});
  const auto twice = FindChangePoints(series, {.significance = 0.5, .seed = 9});
  ASSERT_EQ(IndicesOf(once), IndicesOf(twice));
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].p, twice[i].p);
}

TEST(ChangePoints, TheStatisticIsThatOfTheDefinition) {
  const std::vector<double> values = {1, 2, 4, 10, 13, 11, 9};
  double between = 0;
  double left = 0;
  double right = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < values.size(); ++j) {
      const double distance = std::abs(values[i] - values[j]);
      if (i < 3 && j >= 3) between += distance / 12;
      if (i < 3 && j < 3) left += distance / 6;
      if (i >= 3 && j >= 3) right += distance / 12;
    }
  }
  EXPECT_NEAR(EnergyStatistic(values, 3), 12.0 / 7 * (2 * between - left - right), 1e-12);
}

}  // namespace
}  // namespace aether::perf
