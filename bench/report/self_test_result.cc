// The self-test's result as text and as JSON, which the gate and the page read.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/report/json.h"
#include "bench/report/self_test.h"

namespace aether::perf {

std::string SelfTestToJson(const SelfTestResult& result) {
  Json drawn = Json::array();
  for (const DrawnRate& rate : result.drawn)
    drawn.push_back({{"effect", rate.effect},
                     {"repetitions", rate.repetitions},
                     {"found", rate.found},
                     {"false_alarms", rate.false_alarms}});
  Json probes = Json::array();
  for (const ProbeRow& probe : result.probes)
    probes.push_back({{"effect", probe.effect},
                      {"row", probe.row},
                      {"word", NameOf(probe.verdict.word)},
                      {"ratio", probe.verdict.ratio},
                      {"low", probe.verdict.low},
                      {"high", probe.verdict.high},
                      {"pairs", probe.verdict.pairs},
                      {"is_right", probe.is_right}});
  const Json json = {
      {"passed", result.passed()},   {"date", result.date},
      {"seed", result.seed},         {"noise", result.noise},
      {"rows", result.rows},         {"pairs", result.pairs},
      {"drawn", std::move(drawn)},   {"strict_false_alarm_rate", result.strict_false_alarm_rate},
      {"probes", std::move(probes)}, {"twin_alarms", result.twin_alarms},
      {"failures", result.failures}};
  return json.dump(1) + "\n";
}

absl::StatusOr<SelfTestResult> SelfTestFromJson(const std::string& where, const std::string& text) {
  return ReadJson<SelfTestResult>(where, text, [](const Json& json) {
    SelfTestResult result{.date = json.at("date").get<std::string>(),
                          .seed = json.at("seed").get<uint64_t>(),
                          .noise = json.at("noise").get<double>(),
                          .rows = json.at("rows").get<size_t>(),
                          .pairs = json.at("pairs").get<size_t>()};
    for (const Json& rate : json.at("drawn"))
      result.drawn.push_back({.effect = rate.at("effect").get<double>(),
                              .repetitions = rate.at("repetitions").get<size_t>(),
                              .found = rate.at("found").get<size_t>(),
                              .false_alarms = rate.at("false_alarms").get<size_t>()});
    result.strict_false_alarm_rate = json.at("strict_false_alarm_rate").get<double>();
    for (const Json& probe : json.at("probes")) {
      ProbeRow row{.effect = probe.at("effect").get<double>(),
                   .row = probe.at("row").get<std::string>()};
      if (!WordOf(probe.at("word").get<std::string>(), row.verdict.word))
        throw Json::other_error::create(501, "there is no word " + probe.at("word").dump(), &json);
      row.verdict.ratio = probe.at("ratio").get<double>();
      row.verdict.low = probe.at("low").get<double>();
      row.verdict.high = probe.at("high").get<double>();
      row.verdict.pairs = probe.at("pairs").get<size_t>();
      row.is_right = probe.at("is_right").get<bool>();
      result.probes.push_back(std::move(row));
    }
    result.twin_alarms = json.at("twin_alarms").get<size_t>();
    result.failures = json.at("failures").get<std::vector<std::string>>();
    if (result.passed() != json.at("passed").get<bool>())
      throw Json::other_error::create(501, "passed and failed at the same time", &json);
    return result;
  });
}

std::string SelfTestText(const SelfTestResult& result) {
  std::string text = absl::StrFormat("drawn samples: %d rows, %d pairs, noise %.1f %%\n",
                                     result.rows, result.pairs, 100 * result.noise);
  for (const DrawnRate& rate : result.drawn) {
    if (rate.effect > 0)
      absl::StrAppend(&text,
                      absl::StrFormat("  %4.0f %% slower: found in %5.1f %% of %d runs",
                                      100 * rate.effect, 100 * rate.power(), rate.repetitions));
    else
      absl::StrAppend(&text, absl::StrFormat("  A/A:          %31s", ""));
    absl::StrAppend(&text,
                    absl::StrFormat("; false alarms in %.1f %%\n", 100 * rate.false_alarm_rate()));
  }
  absl::StrAppend(
      &text,
      absl::StrFormat("  A/A when every difference counts: alarms in %.1f %%, 5 %% promised\n",
                      100 * result.strict_false_alarm_rate));
  if (!result.probes.empty()) absl::StrAppend(&text, "probe, timed like any other row:\n");
  for (const ProbeRow& probe : result.probes)
    absl::StrAppend(
        &text, absl::StrFormat("  %4.0f %% more work: %-16s %.4f (%.4f to %.4f), %3d pairs: %s%s\n",
                               100 * probe.effect, probe.row, probe.verdict.ratio,
                               probe.verdict.low, probe.verdict.high, probe.verdict.pairs,
                               NameOf(probe.verdict.word), probe.is_right ? "" : "  WRONG"));
  for (const std::string& failure : result.failures)
    absl::StrAppend(&text, "FAILED ", failure, "\n");
  absl::StrAppend(&text, "self-test: ", result.passed() ? "passed" : "FAILED", "\n");
  return text;
}

}  // namespace aether::perf
