// A comparison as JSON and back. Ratios, samples and counts are written in full, so that whoever
// doubts a word can compute it anew.
#include <string>

#include "bench/report/comparison.h"
#include "bench/report/json.h"

namespace aether::perf {

namespace {

constexpr int kFormat = 1;

Json OfVerdict(const RowVerdict& verdict) {
  return {{"word", NameOf(verdict.word)},
          {"ratio", verdict.ratio},
          {"low", verdict.low},
          {"high", verdict.high},
          {"level", verdict.level},
          {"adjusted_p", verdict.adjusted_p},
          {"pairs", verdict.pairs},
          {"pairs_needed", verdict.pairs_needed},
          {"smallest_visible", verdict.smallest_visible}};
}

RowVerdict VerdictOf(const Json& json) {
  RowVerdict verdict;
  if (!WordOf(json.at("word").get<std::string>(), verdict.word))
    throw Json::other_error::create(501, "there is no word " + json.at("word").dump(), &json);
  verdict.ratio = json.at("ratio").get<double>();
  verdict.low = json.at("low").get<double>();
  verdict.high = json.at("high").get<double>();
  verdict.level = json.at("level").get<double>();
  verdict.adjusted_p = json.at("adjusted_p").get<double>();
  verdict.pairs = json.at("pairs").get<size_t>();
  verdict.pairs_needed = json.at("pairs_needed").get<size_t>();
  verdict.smallest_visible = json.at("smallest_visible").get<double>();
  return verdict;
}

Json OfSide(const Side& side) {
  Json context = Json::object();
  for (const auto& [name, value] : side.context) context[name] = value;
  return {{"folder", side.folder}, {"commit", side.commit}, {"context", context}};
}

Side SideOf(const Json& json) {
  Side side{.folder = json.at("folder").get<std::string>(),
            .commit = json.at("commit").get<std::string>()};
  for (const auto& [name, value] : json.at("context").items())
    side.context.emplace_back(name, value.get<std::string>());
  return side;
}

Json OfRow(const ComparedRow& row) {
  Json json = {{"row", row.rule.row},
               {"program", row.rule.program},
               {"unit", row.rule.unit},
               {"minimum_effect", row.rule.minimum_effect},
               {"direction", row.rule.is_higher_better ? "higher" : "lower"},
               {"set", row.rule.set},
               {"bound_row", row.rule.bound},
               {"case", row.rule.counted_case},
               {"source", row.rule.source},
               {"iterations", row.iterations},
               {"identical", row.identical},
               {"verdict", OfVerdict(row.verdict)},
               {"twin_verdict", OfVerdict(row.twin_verdict)},
               {"base", row.base},
               {"head", row.head},
               {"twin", row.twin},
               {"bound", row.bound}};
  if (row.base_instructions && row.head_instructions)
    json["instructions"] = {{"base", *row.base_instructions}, {"head", *row.head_instructions}};
  return json;
}

ComparedRow RowOf(const Json& json) {
  ComparedRow row;
  row.rule = {.row = json.at("row").get<std::string>(),
              .program = json.at("program").get<std::string>(),
              .unit = json.at("unit").get<std::string>(),
              .minimum_effect = json.at("minimum_effect").get<double>(),
              .is_higher_better = json.at("direction").get<std::string>() == "higher",
              .set = json.at("set").get<std::string>(),
              .bound = json.at("bound_row").get<std::string>(),
              .counted_case = json.at("case").get<std::string>(),
              .source = json.at("source").get<std::string>()};
  row.iterations = json.at("iterations").get<uint64_t>();
  row.identical = json.at("identical").get<std::string>();
  row.verdict = VerdictOf(json.at("verdict"));
  row.twin_verdict = VerdictOf(json.at("twin_verdict"));
  row.base = json.at("base").get<std::vector<double>>();
  row.head = json.at("head").get<std::vector<double>>();
  row.twin = json.at("twin").get<std::vector<double>>();
  row.bound = json.at("bound").get<std::vector<double>>();
  if (row.base.size() != row.head.size())
    throw Json::other_error::create(501, row.rule.row + ": base and head differ in number", &json);
  if (json.contains("instructions")) {
    row.base_instructions = json.at("instructions").at("base").get<double>();
    row.head_instructions = json.at("instructions").at("head").get<double>();
  }
  return row;
}

}  // namespace

std::string ToJson(const Comparison& comparison) {
  Json rows = Json::array();
  for (const ComparedRow& row : comparison.rows) rows.push_back(OfRow(row));
  Json json = {{"format", kFormat},
               {"says", VerdictLine(comparison)},
               {"seed", comparison.seed},
               {"alpha", comparison.alpha},
               {"date", comparison.date},
               {"command", comparison.command},
               {"seconds", comparison.seconds},
               {"is_complete", comparison.is_complete},
               {"pairs_planned", comparison.pairs_planned},
               {"load", comparison.load},
               {"base", OfSide(comparison.base)},
               {"head", OfSide(comparison.head)},
               {"rows", std::move(rows)}};
  return json.dump(1) + "\n";
}

absl::StatusOr<Comparison> ComparisonFromJson(const std::string& where, const std::string& text) {
  return ReadJson<Comparison>(where, text, [](const Json& json) {
    if (json.at("format").get<int>() != kFormat)
      throw Json::other_error::create(501, "another format of comparison", &json);
    Comparison comparison{.seed = json.at("seed").get<uint64_t>(),
                          .alpha = json.at("alpha").get<double>(),
                          .date = json.at("date").get<std::string>(),
                          .command = json.at("command").get<std::string>(),
                          .seconds = json.at("seconds").get<double>(),
                          .is_complete = json.at("is_complete").get<bool>(),
                          .pairs_planned = json.at("pairs_planned").get<size_t>(),
                          .load = json.at("load").get<double>(),
                          .base = SideOf(json.at("base")),
                          .head = SideOf(json.at("head"))};
    for (const Json& row : json.at("rows")) comparison.rows.push_back(RowOf(row));
    return comparison;
  });
}

}  // namespace aether::perf
