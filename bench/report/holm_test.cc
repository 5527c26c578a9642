#include "bench/report/holm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::perf {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Holm, StepsDownFromTheSmallest) {
  const HolmResult result = Holm({0.01, 0.04, 0.03, 0.005}, 0.05);
  EXPECT_THAT(result.is_rejected, ElementsAre(true, false, false, true));
  EXPECT_THAT(result.adjusted_p, ElementsAre(DoubleNear(0.03, 1e-12), DoubleNear(0.06, 1e-12),
                                             DoubleNear(0.06, 1e-12), DoubleNear(0.02, 1e-12)));
  EXPECT_THAT(result.level, ElementsAre(DoubleNear(0.05 / 3, 1e-12), DoubleNear(0.025, 1e-12),
                                        DoubleNear(0.025, 1e-12), DoubleNear(0.0125, 1e-12)));
}

TEST(Holm, NothingBehindTheFirstThatStaysIsRejected) {
  // 0.03 would do at its own turn (0.05), were it not for the one before it.
  const HolmResult result = Holm({0.03, 0.026}, 0.05);
  EXPECT_THAT(result.is_rejected, ElementsAre(false, false));
}

TEST(Holm, OfNothingAndOfOne) {
  EXPECT_TRUE(Holm({}, 0.05).level.empty());
  EXPECT_THAT(Holm({0.05}, 0.05).is_rejected, ElementsAre(true));
}

}  // namespace
}  // namespace aether::perf
