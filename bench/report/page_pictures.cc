// The price list of TCP's mechanisms (bench/prices) and CPU against latency for the ways to wait
// (bench/live/live), as pictures.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bench/report/charts.h"
#include "bench/report/html.h"
#include "bench/report/json.h"
#include "bench/report/page_sections.h"

namespace aether::perf {

namespace {

constexpr const char* kPolicies = "live/policies/";

std::string PricesOf(const Json& json) {
  std::string html =
      "<p>What each mechanism adds to the classic profile's instructions for one operation, and "
      "what leaving it out of the full "
      "profile saves; the two differ where mechanisms need each other.</p>\n";
  for (const Json& workload : json) {
    std::vector<Bar> added;
    std::vector<Bar> saved;
    for (const Json& row : workload.at("mechanisms")) {
      const std::string name = row.at("mechanism").get<std::string>();
      const double on_classic = row.at("instructions_on_classic").get<double>();
      const double in_full = row.at("instructions_in_full").get<double>();
      added.push_back({name, on_classic, absl::StrFormat("%+.1f instructions", on_classic)});
      saved.push_back({name, in_full, absl::StrFormat("%+.1f instructions", in_full)});
    }
    for (std::vector<Bar>* bars : {&added, &saved})
      std::ranges::sort(*bars, {}, [](const Bar& bar) { return std::pair(-bar.value, bar.label); });
    const Json& instructions = workload.at("instructions");
    absl::StrAppend(
        &html, "<figure><figcaption>", Escape(workload.at("workload").get<std::string>()),
        absl::StrFormat(" <small>full %.0f, classic %.0f instructions, ratio %.3f</small>",
                        instructions.at("full").get<double>(),
                        instructions.at("classic").get<double>(),
                        instructions.at("ratio").get<double>()),
        "</figcaption><div class=\"charts\"><div><h3>added to classic</h3>", BarChart(added),
        "</div><div><h3>part of full</h3>", BarChart(saved), "</div></div></figure>\n");
  }
  return html;
}

struct Policy {
  // By requests a second.
  std::map<double, std::map<std::string, double>> points = {};
};

std::map<std::string, Policy> PoliciesFrom(const Json& json) {
  std::map<std::string, Policy> policies;
  for (const auto& [row, fields] : json.at("rows").items()) {
    if (!row.starts_with(kPolicies) || !fields.contains("value")) continue;
    // aether_adaptive/100_per_s/p50
    const std::vector<std::string> parts =
        absl::StrSplit(row.substr(std::string(kPolicies).size()), '/');
    if (parts.size() != 3) continue;
    policies[parts[0]].points[std::strtod(parts[1].c_str(), nullptr)][parts[2]] =
        fields.at("value").get<double>();
  }
  return policies;
}

std::string PoliciesOf(const Json& json) {
  std::vector<Curve> curves;
  std::string rows;
  for (const auto& [name, policy] : PoliciesFrom(json)) {
    Curve curve{.label = name};
    for (const auto& [rate, figures] : policy.points) {
      if (!figures.contains("cpu") || !figures.contains("p50")) continue;
      const double cpu = 100 * figures.at("cpu");
      const double p50 = figures.at("p50");
      const double p99 = figures.contains("p99") ? figures.at("p99") : 0;
      absl::StrAppend(
          &rows, "<tr><td>", Escape(name),
          absl::StrFormat("</td><td>%g</td><td>%.2f</td><td>%.1f</td><td>%.1f</td></tr>\n", rate,
                          cpu, p50, p99));
      // Ticks of 10 ms cannot tell less from nothing.
      curve.points.push_back(
          {.x = std::max(cpu, 0.1),
           .y = std::max(p50, 0.1),
           .title = absl::StrFormat("%s, %g requests/s: CPU %.2f %%, p50 %.1f us, p99 %.1f us",
                                    name, rate, cpu, p50, p99)});
    }
    if (!curve.points.empty()) curves.push_back(std::move(curve));
  }
  if (curves.empty()) return "";
  return absl::StrCat(
      "<p>Each line is a way to wait, from 1 to 10,000 requests a second on one connection; left "
      "and low is "
      "good.</p>\n",
      CurveChart(curves, "CPU of the server, % of one core (0.1 is 0.1 or less)",
                 "median latency, us"),
      "<details><summary>Figures</summary><div class=\"scroll\"><table><tr><th>way to "
      "wait</th><th>requests/s</th><th>CPU, "
      "%</th><th>p50, us</th><th>p99, us</th></tr>\n",
      rows, "</table></div></details>\n");
}

}  // namespace

absl::StatusOr<std::string> PricesSection(const ReportInput& input) {
  if (input.prices.empty()) return std::string();
  const auto html = ReadJson<std::string>("prices", input.prices, PricesOf);
  if (!html.ok()) return html.status();
  return Section("prices", "What each mechanism of TCP costs", *html);
}

absl::StatusOr<std::string> PoliciesSection(const ReportInput& input) {
  if (input.live.empty()) return std::string();
  const auto html = ReadJson<std::string>("live rows", input.live, PoliciesOf);
  if (!html.ok()) return html.status();
  return Section("policies", "Waiting: CPU against latency", *html);
}

}  // namespace aether::perf
