#include "replay/celeron/validation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "replay/celeron/test_priors.h"

namespace aether::celeron {
namespace {

constexpr HereConstants kHere{.c2 = 15, .cmem = 300, .cbr = 20};

// Kernels of a machine that is exactly the model, one for each term and some that mix them.
std::vector<ValidationCase> ModelMachine() {
  const Coefficients truth{.b = 0.3, .cbr = 20, .c2 = 15, .h = 0.6, .cmem = 300, .x = 0.5};
  std::vector<ValidationCase> cases = {
      {.name = "plain", .counts = {.instructions = 100}},
      {.name = "plain2", .counts = {.instructions = 30}},
      {.name = "branches", .counts = {.instructions = 10, .branch_misses = 1}},
      {.name = "branches2", .counts = {.instructions = 40, .branch_misses = 2}},
      {.name = "l1", .counts = {.instructions = 10, .l1_misses = 2}},
      {.name = "l1_too", .counts = {.instructions = 30, .l1_misses = 3}},
      {.name = "ll", .counts = {.instructions = 10, .l1_misses = 1, .ll_misses = 1}},
      {.name = "ll_too", .counts = {.instructions = 50, .l1_misses = 1, .ll_misses = 1}}};
  for (ValidationCase& one : cases) one.measured_cycles = Cycles(one.counts, truth);
  return cases;
}

TEST(Validation, PredictsAMachineThatIsTheModel) {
  const auto found = Validate(ModelMachine(), kHere, *ReadPriors(kTestPriors));
  ASSERT_TRUE(found.has_value()) << found.error();
  EXPECT_LT(found->error, 0.1);
  EXPECT_NEAR(found->here.b, 0.3, 0.04);
  for (const ValidationRow& row : found->rows)
    EXPECT_NEAR(row.predicted_cycles / row.measured_cycles, 1, 0.2) << row.name;
}

TEST(Validation, AKernelThatIsNotLikeTheModelShowsAndWidensTheError) {
  std::vector<ValidationCase> cases = ModelMachine();
  cases[0].measured_cycles *= 4;
  const auto plain = Validate(ModelMachine(), kHere, *ReadPriors(kTestPriors));
  const auto found = Validate(cases, kHere, *ReadPriors(kTestPriors));
  EXPECT_GT(found->error, plain->error + 0.3);
  // Left out, it teaches nothing of itself.
  EXPECT_LT(found->rows[0].predicted_cycles / found->rows[0].measured_cycles, 0.35);
}

TEST(Validation, OfAChainNothingIsHidden) {
  std::vector<ValidationCase> cases = ModelMachine();
  cases[6].is_chain = true;
  cases[6].measured_cycles = 3 + 15 + 300;
  const auto found = Validate(cases, kHere, *ReadPriors(kTestPriors));
  EXPECT_NEAR(found->rows[6].predicted_cycles, 318, 5);
}

TEST(Validation, ErrorIsTheRootMeanSquareOfTheRows) {
  const auto found = Validate(ModelMachine(), kHere, *ReadPriors(kTestPriors));
  double sum = 0;
  for (const ValidationRow& row : found->rows)
    sum += std::pow(std::log(row.predicted_cycles / row.measured_cycles), 2);
  EXPECT_NEAR(found->error, std::sqrt(sum / 8), 1e-12);
}

TEST(Validation, TakesMoreThanAHandful) {
  std::vector<ValidationCase> few = ModelMachine();
  few.resize(4);
  EXPECT_FALSE(Validate(few, kHere, *ReadPriors(kTestPriors)).has_value());
}

}  // namespace
}  // namespace aether::celeron
