#include "replay/celeron/estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "replay/celeron/test_priors.h"

namespace aether::celeron {
namespace {

Workload SomeWorkload() {
  return {
      .stack = {.instructions = 5000, .branch_misses = 50, .l1_misses = 100, .ll_misses = 2},
      .application = {.instructions = 1000, .branch_misses = 10, .l1_misses = 10, .ll_misses = 0},
      .client = {.instructions = 60'000, .branch_misses = 800, .l1_misses = 1500, .ll_misses = 30},
      .kernel_ns = 60'000,
      .client_user_ns = 30'000};
}

Priors TestPriors() { return *ReadPriors(kTestPriors); }

// All ranges shrunk to one value: the arithmetic is plain.
Priors Points() {
  Priors priors = TestPriors();
  for (auto& [name, range] : priors) range.low = range.high = range.Middle();
  return priors;
}

TEST(Estimate, WithoutUncertaintyItIsTheModel) {
  const Priors priors = Points();
  const Workload workload = SomeWorkload();
  const Coefficients with{
      .b = 0.625, .cbr = 20, .c2 = 15, .h = 0.675, .cmem = 205, .x = 0.7, .tlb = 0.03};
  const double client = Cycles(workload.client, with);
  const double all =
      Cycles(workload.stack, with) + Cycles(workload.application, with) + client + client * 2;
  const Estimate estimate = EstimateRate(workload, priors, {.draws = 100});
  EXPECT_NEAR(estimate.cycles.low, all, all * 1e-9);
  EXPECT_NEAR(estimate.cycles.high, all, all * 1e-9);
  EXPECT_NEAR(estimate.rate_per_s.median, 2e9 / all, 1e-6);
  ASSERT_EQ(estimate.parts.size(), 4U);
  EXPECT_EQ(estimate.parts[2].name, "kernel crossings");
  EXPECT_NEAR(estimate.parts[2].cycles.median, 2 * client, 1e-6);
  EXPECT_NEAR(estimate.parts[3].cycles.median, client, 1e-6);
}

TEST(Estimate, TheSameSeedGivesTheSameInterval) {
  const auto run = [](uint64_t seed) {
    return EstimateRate(SomeWorkload(), TestPriors(), {.seed = seed, .model_error = 0.2});
  };
  EXPECT_EQ(run(1).rate_per_s.low, run(1).rate_per_s.low);
  EXPECT_NE(run(1).rate_per_s.low, run(2).rate_per_s.low);
  EXPECT_NEAR(run(1).rate_per_s.median, run(2).rate_per_s.median, run(1).rate_per_s.median * 0.02);
}

TEST(Estimate, IntervalsAreNinetyPercent) {
  // Of a uniform b alone, 5 % of draws lie in each twentieth at the ends.
  Priors priors = Points();
  priors["b"].low = 1;
  priors["b"].high = 2;
  priors["tlb"].low = priors["tlb"].high = 0;
  const Interval ns = EstimateNs({.instructions = 2000}, priors, {.draws = 50'000});
  EXPECT_NEAR(ns.low, 1050, 10);
  EXPECT_NEAR(ns.median, 1500, 10);
  EXPECT_NEAR(ns.high, 1950, 10);
}

TEST(Estimate, TheErrorOfTheModelIsPartOfTheInterval) {
  const Estimate narrow = EstimateRate(SomeWorkload(), Points(), {});
  const Estimate wide = EstimateRate(SomeWorkload(), Points(), {.model_error = 0.3});
  EXPECT_NEAR(narrow.rate_per_s.low, narrow.rate_per_s.high, 1e-6);
  EXPECT_NEAR(std::log(wide.rate_per_s.high / wide.rate_per_s.median), 1.645 * 0.3, 0.02);
  EXPECT_NEAR(std::log(wide.rate_per_s.median / wide.rate_per_s.low), 1.645 * 0.3, 0.02);
}

// The controls: what must raise the figure raises it, and what must lower it lowers it.
TEST(Estimate, FewerCacheMissesRaiseTheRate) {
  Workload better = SomeWorkload();
  better.stack.l1_misses /= 2;
  better.client.l1_misses /= 2;
  better.client.ll_misses /= 2;
  const Estimate before = EstimateRate(SomeWorkload(), TestPriors(), {});
  const Estimate after = EstimateRate(better, TestPriors(), {});
  EXPECT_GT(after.rate_per_s.low, before.rate_per_s.low);
  EXPECT_GT(after.rate_per_s.median, before.rate_per_s.median);
  EXPECT_GT(after.rate_per_s.high, before.rate_per_s.high);
}

TEST(Estimate, MoreBranchMissesLowerTheRate) {
  Workload worse = SomeWorkload();
  worse.stack.branch_misses *= 4;
  const Estimate before = EstimateRate(SomeWorkload(), TestPriors(), {});
  const Estimate after = EstimateRate(worse, TestPriors(), {});
  EXPECT_LT(after.rate_per_s.median, before.rate_per_s.median);
  EXPECT_LT(after.stack_rate_per_s.median, before.stack_rate_per_s.median);
}

TEST(Estimate, SwingsAreSortedAndPointTheRightWay) {
  const Estimate estimate = EstimateRate(SomeWorkload(), TestPriors(), {.model_error = 0.4});
  ASSERT_EQ(estimate.swings.size(), 9U);
  EXPECT_EQ(estimate.swings[0].name, "model error");
  for (size_t i = 0; i < estimate.swings.size(); ++i) {
    const Swing& swing = estimate.swings[i];
    EXPECT_GE(swing.at_low, swing.at_high) << swing.name;
    if (i > 0) {
      EXPECT_GE(estimate.swings[i - 1].at_low - estimate.swings[i - 1].at_high,
                swing.at_low - swing.at_high);
    }
  }
}

}  // namespace
}  // namespace aether::celeron
