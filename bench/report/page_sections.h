// The parts of the page, each a <section> or nothing. What they print of files is escaped.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "bench/report/page.h"

namespace aether::perf {

// A section with a heading that can be linked to.
std::string Section(const std::string& id, const std::string& title, const std::string& content);

// Where the picture of a row's cycles is, within the page.
std::string CyclesAnchor(const std::string& row);

std::string VerdictSection(const ReportInput& input);
std::string RowsSection(const ReportInput& input);
std::string FixedSection(const ReportInput& input);
std::string HistorySection(const ReportInput& input);
std::string CyclesSection(const ReportInput& input);
absl::StatusOr<std::string> PricesSection(const ReportInput& input);
absl::StatusOr<std::string> PoliciesSection(const ReportInput& input);
std::string SelfTestSection(const ReportInput& input);
std::string SummariesSection(const ReportInput& input);
std::string EnvironmentSection(const ReportInput& input);
std::string RawSection(const ReportInput& input);

}  // namespace aether::perf
