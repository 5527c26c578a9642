#include "replay/celeron/celeron_report.h"

#include <gtest/gtest.h>

#include "replay/celeron/test_measurement.h"
#include "replay/celeron/test_priors.h"

namespace aether::celeron {
namespace {

Findings SomeFindings(const FlatJson& json) {
  Findings found{.measurement = *ReadMeasurement(json), .priors = *ReadPriors(kTestPriors)};
  found.validation = *Validate(found.measurement.kernels, found.measurement.here, found.priors);
  for (const auto& [profile, workload] : found.measurement.workloads)
    found.modelled[profile] = EstimateRate(workload, found.priors, found.options);
  found.share = {0.2, 0.25, 0.3};
  return found;
}

bool Has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(CeleronReport, NeverMixesTheThreeNumbers) {
  const std::string page = CeleronMarkdown(SomeFindings(TestMeasurement()));
  EXPECT_TRUE(Has(page, "modelled, 90 % interval, not measured on a Celeron"));
  for (const char* profile : {"classic", "full"}) {
    EXPECT_TRUE(Has(page, std::string("| A, modelled | ") + profile + " | python | "));
    EXPECT_TRUE(Has(page, std::string("| B, one throttled core | ") + profile +
                              " | wrk | 600 | 540 to 660 (rounds) | 7,000 |"));
    EXPECT_TRUE(
        Has(page, std::string("| C, native, one core | ") + profile + " | python | 2,500 |"));
  }
  EXPECT_TRUE(Has(page, "published, not re-measured | original program | python | 3,109"));
  EXPECT_TRUE(Has(page, "B's core gets 25.0 % of its time (20.0 to 30.0 %)"));
  EXPECT_FALSE(Has(page, "A quick pass"));
}

TEST(CeleronReport, ShowsBarsAssumptionsAndValidation) {
  const std::string page = CeleronMarkdown(SomeFindings(TestMeasurement()));
  for (const char* part :
       {"full     stack", "full     application", "full     kernel crossings", "full     client",
        "classic  all", "| k3 |", "held out: replay_full", "Leave-one-out error: a factor of",
        "| cmem | 160 to 250 | cycles | a book |", "No term is fitted"})
    EXPECT_TRUE(Has(page, part)) << part;
  // The widest bar is that of the larger total.
  EXPECT_TRUE(Has(page, std::string(44, '#')));
  EXPECT_FALSE(Has(page, std::string(45, '#')));
}

TEST(CeleronReport, AQuickPassSaysThatItIsOne) {
  FlatJson json = TestMeasurement();
  json.texts["quick"] = "yes";
  EXPECT_TRUE(Has(CeleronMarkdown(SomeFindings(json)), "no figure of it means anything"));
}

TEST(CeleronReport, RequestsWithoutAnAnswerAreNotHidden) {
  FlatJson json = TestMeasurement();
  EXPECT_FALSE(Has(CeleronMarkdown(SomeFindings(json)), "without an answer"));
  json.numbers["live_errors"] = 7;
  EXPECT_TRUE(Has(CeleronMarkdown(SomeFindings(json)), "without an answer in all live runs: 7."));
}

TEST(CeleronReport, JsonHasTheSameFigures) {
  const Findings found = SomeFindings(TestMeasurement());
  const std::string json = CeleronJson(found);
  EXPECT_TRUE(Has(json, "\"b.full.wrk\": {\"low\": 540, \"median\": 600, \"high\": 660}"));
  EXPECT_TRUE(Has(json, "\"re_measured\": false"));
  EXPECT_TRUE(Has(json, "\"kernel crossings\""));
}

}  // namespace
}  // namespace aether::celeron
