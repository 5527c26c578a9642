// What was recorded, in the formats of other tools: github-action-benchmark
// (customSmallerIsBetter), Bencher Metric Format, OpenMetrics, and the CSV that Apache Otava reads.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/history.h"

namespace aether::perf {

// `format` is github, bencher, openmetrics or otava. The first three hold the last entry, Otava's
// holds all that are of its machine and build, and the rows that all of these have.
absl::StatusOr<std::string> Export(const std::string& format,
                                   const std::vector<HistoryEntry>& history);

}  // namespace aether::perf
