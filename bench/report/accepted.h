// Changes for the worse that somebody has accepted, with a reason: results/accepted.tsv. An entry
// holds for comparisons that have its commit between base and head, and up to its ratio; it says
// nothing about the row's next loss.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/row_rule.h"

namespace aether::perf {

struct AcceptedChange {
  std::string row = {};
  // As git names it, 12 digits at least.
  std::string commit = {};
  // The loss, as a share.
  double loss_max = 0;
  std::string reason = {};
};

// Rows have to be known, reasons to be given.
absl::StatusOr<std::vector<AcceptedChange>> ReadAccepted(const std::string& path,
                                                         const std::vector<RowRule>& rules);

// The commits that are in `head` and not in `base`, as git in `folder` names them.
absl::StatusOr<std::set<std::string>> CommitsBetween(const std::string& folder,
                                                     const std::string& base,
                                                     const std::string& head,
                                                     const std::string& scratch);

}  // namespace aether::perf
