// Whether a change may pass. Fails closed: a row that nobody knows, a row that is missing, too few
// pairs, nothing to compare, an A/A twin that raises an alarm are failures, each with a sentence.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bench/report/accepted.h"
#include "bench/report/comparison.h"
#include "bench/report/fixed_limits.h"
#include "bench/report/row_rule.h"

namespace aether::perf {

enum class GateCode : int {
  kFine = 0,
  kInput = 1,
  kRegression = 2,
  kUnresolved = 3,
  kSelfTest = 4,
};

struct GateInput {
  // The rows that have to be there.
  std::vector<RowRule> rules = {};
  Comparison comparison = {};
  std::vector<AcceptedChange> accepted = {};
  // The commits of the change; entries of `accepted` that are of another do not count.
  std::set<std::string> commits = {};
  // The share of rows that may stay UNSTABLE or INCONCLUSIVE.
  double unresolved_max = 0.1;
  // The self-test's own answer, when it was asked.
  std::optional<bool> self_test_passed = {};
  std::optional<FixedOutcome> fixed = {};
};

struct GateOutcome {
  GateCode code = GateCode::kFine;
  std::vector<std::string> sentences = {};
};

GateOutcome Decide(const GateInput& input);

}  // namespace aether::perf
