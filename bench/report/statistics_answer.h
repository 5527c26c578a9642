// The statistics on given numbers, JSON in and out, for whoever checks the arithmetic with another
// program (check_scipy.py).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace aether::perf {

absl::StatusOr<std::string> AnswerStatistics(const std::string& cases);

}  // namespace aether::perf
