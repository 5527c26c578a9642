// Instructions of one operation of a bench's case, by callgrind: the slope between N and 2N
// operations, with run-time dispatch pinned as bench/common/callgrind.py has it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace aether::perf {

// Empty when they can be counted here.
std::string WhyNotCounted();

// Leaves the profile of the longer run in `folder`, under ProfileName.
absl::StatusOr<double> CountCase(const std::string& program, const std::string& name,
                                 const std::string& folder);

// The file of a case's profile, and beside it, in .operations, of how many operations it is.
std::string ProfileName(const std::string& name);

}  // namespace aether::perf
