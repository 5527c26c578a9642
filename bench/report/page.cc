#include "bench/report/page.h"

#include "absl/strings/str_cat.h"
#include "bench/report/html.h"
#include "bench/report/page_assets.h"
#include "bench/report/page_sections.h"

namespace aether::perf {

namespace {

struct Link {
  const char* id;
  const char* title;
};
constexpr Link kLinks[] = {
    {"rows", "Rows"},          {"fixed", "Without noise"}, {"history", "History"},
    {"cycles", "Cycles"},      {"prices", "Prices"},       {"policies", "Waiting"},
    {"selftest", "Self-test"}, {"summaries", "Summaries"}, {"environment", "Environment"},
    {"raw", "Raw data"}};

}  // namespace

std::string Section(const std::string& id, const std::string& title, const std::string& content) {
  if (content.empty()) return "";
  return absl::StrCat("<section id=\"", id, "\"><h2><a href=\"#", id, "\">", Escape(title),
                      "</a></h2>\n", content, "</section>\n");
}

absl::StatusOr<std::string> MakePage(const ReportInput& input) {
  const absl::StatusOr<std::string> prices = PricesSection(input);
  if (!prices.ok()) return prices.status();
  const absl::StatusOr<std::string> policies = PoliciesSection(input);
  if (!policies.ok()) return policies.status();
  const std::string body = absl::StrCat(
      RowsSection(input), FixedSection(input), HistorySection(input), CyclesSection(input), *prices,
      absl::StrCat(*policies, SelfTestSection(input), SummariesSection(input),
                   EnvironmentSection(input), RawSection(input)));
  std::string links;
  for (const Link& link : kLinks)
    if (body.find(absl::StrCat("<section id=\"", link.id, "\"")) != body.npos)
      absl::StrAppend(&links, "<a href=\"#", link.id, "\">", link.title, "</a>\n");
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      // Nothing is fetched, whatever a file that went into the page would like.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>Aether: performance report</title>\n<style>\n",
      PageCss(),
      "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#rows\">To the table</a>\n<header>\n",
      VerdictSection(input),
      absl::StrCat(
          "<nav aria-label=\"parts of the page\">\n", links,
          "<button type=\"button\" id=\"theme\">Light or dark</button></nav>\n</header>\n<main>\n",
          body, "</main>\n<footer>Written by aether-perf report, ", Escape(input.date),
          ".</footer>\n<div id=\"tip\" role=\"status\" hidden></div>\n<script>\n", PageScript(),
          "</script>\n</body>\n</html>\n"));
}

}  // namespace aether::perf
