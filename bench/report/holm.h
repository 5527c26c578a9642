// Holm's step-down correction: of many rows that are looked at together, one wrong alarm has a
// chance of at most `alpha` in all.
#pragma once

#include <vector>

namespace aether::perf {

struct HolmResult {
  // At which level each hypothesis was decided: alpha / (rows that were left when its turn came).
  // Those behind the first that was not rejected share its level.
  std::vector<double> level = {};
  std::vector<double> adjusted_p = {};
  std::vector<bool> is_rejected = {};
};

HolmResult Holm(const std::vector<double>& p, double alpha);

}  // namespace aether::perf
