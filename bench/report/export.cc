#include "bench/report/export.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "bench/report/json.h"

namespace aether::perf {

namespace {

// All digits that a figure has.
std::string Number(double value) { return absl::StrFormat("%.17g", value); }

std::string GithubActionBenchmark(const HistoryEntry& entry) {
  Json rows = Json::array();
  for (const auto& [name, row] : entry.rows) {
    Json json = {{"name", name}, {"unit", row.unit}, {"value", row.value}};
    if (row.samples > 1) json["range"] = absl::StrFormat("%.6g to %.6g", row.low, row.high);
    json["extra"] = absl::StrCat("commit ", entry.commit, ", machine ", entry.machine, ", ",
                                 row.samples, " samples");
    rows.push_back(std::move(json));
  }
  return rows.dump(1) + "\n";
}

// Their own measure for times is called latency and is in ns; other units are measures of their
// own, which a project has to have.
std::string MeasureOf(const std::string& unit) {
  if (unit == "ns/operation") return "latency";
  std::string measure = unit;
  for (char& c : measure)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  return measure;
}

std::string BencherMetricFormat(const HistoryEntry& entry) {
  Json rows = Json::object();
  for (const auto& [name, row] : entry.rows)
    rows[name][MeasureOf(row.unit)] = {
        {"value", row.value}, {"lower_value", row.low}, {"upper_value", row.high}};
  return rows.dump(1) + "\n";
}

std::string Label(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

std::string OpenMetrics(const HistoryEntry& entry) {
  std::string text =
      "# TYPE aether_bench gauge\n# HELP aether_bench Median of one row of the benches, in the "
      "unit that its label names.\n";
  std::string time;
  absl::Time when;
  if (absl::ParseTime(absl::RFC3339_full, entry.date, &when, nullptr))
    time = absl::StrCat(" ", absl::ToUnixSeconds(when));
  for (const auto& [name, row] : entry.rows)
    absl::StrAppend(&text, "aether_bench{row=\"", Label(name), "\",unit=\"", Label(row.unit),
                    "\",commit=\"", Label(entry.commit), "\",machine=\"", Label(entry.machine),
                    "\"} ", Number(row.value), time, "\n");
  return text + "# EOF\n";
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string OtavaCsv(const std::vector<HistoryEntry>& history) {
  std::vector<const HistoryEntry*> runs;
  for (const HistoryEntry& entry : history)
    if (entry.key() == history.back().key()) runs.push_back(&entry);
  std::vector<std::string> names;
  for (const auto& [name, row] : history.back().rows) {
    bool is_everywhere = true;
    for (const HistoryEntry* run : runs) is_everywhere = is_everywhere && run->rows.contains(name);
    if (is_everywhere) names.push_back(name);
  }
  std::string text = "time,commit";
  for (const std::string& name : names) absl::StrAppend(&text, ",", CsvField(name));
  absl::StrAppend(&text, "\n");
  for (const HistoryEntry* run : runs) {
    absl::StrAppend(&text, CsvField(run->date), ",", CsvField(run->commit));
    for (const std::string& name : names)
      absl::StrAppend(&text, ",", Number(run->rows.at(name).value));
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> Export(const std::string& format,
                                   const std::vector<HistoryEntry>& history) {
  if (history.empty()) return absl::NotFoundError("there is no run to export");
  if (format == "github") return GithubActionBenchmark(history.back());
  if (format == "bencher") return BencherMetricFormat(history.back());
  if (format == "openmetrics") return OpenMetrics(history.back());
  if (format == "otava") return OtavaCsv(history);
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no format ", format, "; there are github, bencher, openmetrics and otava"));
}

}  // namespace aether::perf
