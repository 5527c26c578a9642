// aether-perf: compares builds, gates, keeps the history and writes the report. Everything it does
// is in the library beside it; here are flags and exit codes.
//
// Exit codes: 0 fine, 1 usage or input, 2 regression, 3 unstable or inconclusive beyond the limit,
// 4 the self-test failed, 130 stopped.
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "bench/report/accepted.h"
#include "bench/report/compare_run.h"
#include "bench/report/comparison.h"
#include "bench/report/counted_case.h"
#include "bench/report/export.h"
#include "bench/report/files.h"
#include "bench/report/fixed_limits.h"
#include "bench/report/gate.h"
#include "bench/report/history.h"
#include "bench/report/page.h"
#include "bench/report/process.h"
#include "bench/report/row_rule.h"
#include "bench/report/self_test.h"
#include "bench/report/statistics_answer.h"

ABSL_FLAG(std::string, rules, "results/paired.tsv", "rows of the paired lane");
ABSL_FLAG(std::string, set, "standard", "which rows: quick, standard or live, or several");
ABSL_FLAG(std::string, rows, "", "only rows in which this pattern is found");
ABSL_FLAG(std::string, out, "results/bench", "folder of compare.json, compare.md and the samples");
ABSL_FLAG(std::string, comparison, "results/bench/compare.json", "what compare wrote");
ABSL_FLAG(uint64_t, pairs, 0, "pairs of each row, at least 10; 0: what the number of rows wants");
ABSL_FLAG(double, minutes, 0,
          "with --pairs=0: more pairs than that, as many as fit into so many minutes");
ABSL_FLAG(uint64_t, seed, 0, "order of everything; 0: from the clock. It is printed");
ABSL_FLAG(double, sample_ms, 10, "about how long one run of a row lasts");
ABSL_FLAG(bool, resume, false, "go on with the samples of a run that was stopped");
ABSL_FLAG(bool, time_identical, false, "time programs although they are the same machine code");
ABSL_FLAG(bool, callgrind, false,
          "count instructions of the rows that have a case, and keep profiles");
ABSL_FLAG(bool, quiet, false, "no progress");
ABSL_FLAG(std::string, limits, "results/limits.tsv", "rows without noise");
ABSL_FLAG(std::string, measured, "", "rows without noise as bench/limits --tsv measured them");
ABSL_FLAG(std::string, accepted, "results/accepted.tsv", "losses that were accepted, with reasons");
ABSL_FLAG(std::string, tree, ".", "the git tree that names the commits of a change");
ABSL_FLAG(std::string, selftest, "",
          "where the self-test writes what it found; gate: which must have passed");
ABSL_FLAG(bool, quick, false, "self-test: fewer draws, and slowdowns of 5 and 20 % only");
ABSL_FLAG(std::string, probe, "build/release/bin/bench_probe",
          "self-test: the program with known slowdowns; empty: drawn samples alone");
ABSL_FLAG(double, unresolved_percent, 10, "rows that may be UNSTABLE or INCONCLUSIVE");
ABSL_FLAG(std::string, page, "results/report/index.html", "report: where it is written");
ABSL_FLAG(std::string, prices, "results/bench/prices.json",
          "report: what bench/prices --json wrote");
ABSL_FLAG(std::string, live, "results/bench/live.json",
          "report: what bench/live/live --json wrote");
ABSL_FLAG(std::vector<std::string>, summaries,
          std::vector<std::string>({"Floors and targets:results/summary.md",
                                    "Fuzzing and coverage:results/fuzz/summary.md",
                                    "Planted bugs:results/planted.md", "Replay:results/replay.md",
                                    "The Celeron measurement:results/celeron.md"}),
          "report: Markdown of others, TITLE:FILE; those that are not there are left out");
ABSL_FLAG(std::string, source_root, "../../",
          "report: what stands before a source file's path in links");
ABSL_FLAG(std::string, history, "results/history.jsonl", "one line for each recorded run");

namespace aether::perf {
namespace {

constexpr int kStopped = 130;

int Complain(const absl::Status& status) {
  std::fprintf(stderr, "aether-perf: %s\n", std::string(status.message()).c_str());
  return absl::IsCancelled(status) ? kStopped : static_cast<int>(GateCode::kInput);
}

absl::StatusOr<std::vector<RowRule>> SelectedRules() {
  absl::StatusOr<std::vector<RowRule>> rules = ReadRowRules(absl::GetFlag(FLAGS_rules));
  if (!rules.ok()) return rules;
  rules = RulesOfSets(*std::move(rules), absl::GetFlag(FLAGS_set));
  if (!rules.ok()) return rules;
  try {
    const std::regex pattern(absl::GetFlag(FLAGS_rows));
    std::erase_if(*rules,
                  [&](const RowRule& rule) { return !std::regex_search(rule.row, pattern); });
  } catch (const std::regex_error&) {
    return absl::InvalidArgumentError("--rows is no regular expression");
  }
  if (rules->empty()) return absl::InvalidArgumentError("no row is left; look at --set and --rows");
  return rules;
}

int Compare(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2)
    return Complain(absl::InvalidArgumentError("compare takes two folders: BASE_DIR HEAD_DIR"));
  auto rules = SelectedRules();
  if (!rules.ok()) return Complain(rules.status());
  const uint64_t pairs = absl::GetFlag(FLAGS_pairs);
  if (pairs != 0 && pairs < kPairsMin)
    return Complain(
        absl::InvalidArgumentError(absl::StrCat("--pairs is ", kPairsMin, " at least")));
  const double sample_ms = absl::GetFlag(FLAGS_sample_ms);
  if (!(sample_ms > 0) || sample_ms > 10'000)
    return Complain(absl::InvalidArgumentError("--sample_ms is more than 0 and at most 10000"));
  uint64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed == 0) seed = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now())) % 1'000'000'007;
  CatchStopSignals();
  const CompareOptions options{
      .base = arguments[0],
      .head = arguments[1],
      .rules = *std::move(rules),
      .out = absl::GetFlag(FLAGS_out),
      .command = absl::StrCat(
          "aether-perf compare BASE_DIR HEAD_DIR --set=", absl::GetFlag(FLAGS_set),
          absl::GetFlag(FLAGS_rows).empty() ? "" : " --rows=", absl::GetFlag(FLAGS_rows),
          " --seed=", seed),
      .pairs = pairs,
      .minutes = absl::GetFlag(FLAGS_minutes),
      .seed = seed,
      .sample_seconds = sample_ms / 1000,
      .is_resumed = absl::GetFlag(FLAGS_resume),
      .is_identical_timed = absl::GetFlag(FLAGS_time_identical),
      .is_counting = absl::GetFlag(FLAGS_callgrind),
      .is_quiet = absl::GetFlag(FLAGS_quiet)};
  const auto comparison = RunComparison(options);
  if (!comparison.ok()) return Complain(comparison.status());
  if (absl::Status written = WriteComparison(options.out, *comparison); !written.ok())
    return Complain(written);
  std::fputs(ToText(*comparison).c_str(), stdout);
  if (comparison->is_complete) return 0;
  std::fprintf(stderr, "aether-perf: stopped; go on with the same command and --resume\n");
  return kStopped;
}

absl::StatusOr<Comparison> ReadComparison() {
  const std::string path = absl::GetFlag(FLAGS_comparison);
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ComparisonFromJson(path, *text);
}

absl::Status ReadGateInput(GateInput& input) {
  auto all = ReadRowRules(absl::GetFlag(FLAGS_rules));
  if (!all.ok()) return all.status();
  auto rules = SelectedRules();
  if (!rules.ok()) return rules.status();
  input.rules = *std::move(rules);
  auto comparison = ReadComparison();
  if (!comparison.ok()) return comparison.status();
  input.comparison = *std::move(comparison);
  // The words are what the samples say, whatever the file says that they are.
  JudgeComparison(input.comparison);
  auto accepted = ReadAccepted(absl::GetFlag(FLAGS_accepted), *all);
  if (!accepted.ok()) return accepted.status();
  input.accepted = *std::move(accepted);
  if (!input.accepted.empty()) {
    auto commits = CommitsBetween(absl::GetFlag(FLAGS_tree), input.comparison.base.commit,
                                  input.comparison.head.commit, absl::GetFlag(FLAGS_out));
    // Without them nothing is accepted.
    if (commits.ok()) input.commits = *std::move(commits);
  }
  if (const std::string path = absl::GetFlag(FLAGS_selftest); !path.empty()) {
    const auto text = ReadFile(path);
    if (!text.ok()) return text.status();
    const auto result = SelfTestFromJson(path, *text);
    if (!result.ok()) return result.status();
    input.self_test_passed = result->passed();
  }
  if (const std::string measured = absl::GetFlag(FLAGS_measured); !measured.empty()) {
    const auto limits = ReadFixedRows(absl::GetFlag(FLAGS_limits));
    if (!limits.ok()) return limits.status();
    const auto rows = ReadFixedRows(measured);
    if (!rows.ok()) return rows.status();
    input.fixed = CompareFixedRows(*limits, *rows);
  }
  return absl::OkStatus();
}

int RunGate(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return Complain(absl::InvalidArgumentError("gate takes flags only"));
  GateInput input;
  input.unresolved_max = absl::GetFlag(FLAGS_unresolved_percent) / 100;
  if (absl::Status read = ReadGateInput(input); !read.ok()) return Complain(read);
  const GateOutcome outcome = Decide(input);
  for (const std::string& sentence : outcome.sentences)
    std::printf("aether-perf gate: %s\n", sentence.c_str());
  // The last line says what was found, whatever the gate makes of it.
  if (outcome.code != GateCode::kFine)
    std::printf("aether-perf: exit code %d. %s\n", static_cast<int>(outcome.code),
                VerdictLine(input.comparison).c_str());
  return static_cast<int>(outcome.code);
}

int Record(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return Complain(absl::InvalidArgumentError("record takes flags only"));
  const auto comparison = ReadComparison();
  if (!comparison.ok()) return Complain(comparison.status());
  FixedRows fixed;
  if (const std::string measured = absl::GetFlag(FLAGS_measured); !measured.empty()) {
    auto rows = ReadFixedRows(measured);
    if (!rows.ok()) return Complain(rows.status());
    fixed = *std::move(rows);
  }
  const HistoryEntry entry = EntryOf(*comparison, fixed);
  if (entry.rows.empty())
    return Complain(absl::FailedPreconditionError("there is no row with a figure to record"));
  const std::string path = absl::GetFlag(FLAGS_history);
  if (absl::Status appended = AppendHistory(path, entry); !appended.ok()) return Complain(appended);
  std::printf("aether-perf: %zu rows of %s, machine %s, recorded in %s\n", entry.rows.size(),
              entry.commit.c_str(), entry.machine.c_str(), path.c_str());
  return 0;
}

int History(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return Complain(absl::InvalidArgumentError("history takes flags only"));
  const auto history = ReadHistory(absl::GetFlag(FLAGS_history));
  if (!history.ok()) return Complain(history.status());
  std::fputs(HistoryText(*history, FindSeries(*history)).c_str(), stdout);
  return 0;
}

int TestItself(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return Complain(absl::InvalidArgumentError("selftest takes flags only"));
  SelfTestOptions options{.seed = absl::GetFlag(FLAGS_seed),
                          .probe = absl::GetFlag(FLAGS_probe),
                          .scratch = absl::StrCat(absl::GetFlag(FLAGS_out), "/selftest"),
                          .is_quiet = absl::GetFlag(FLAGS_quiet)};
  if (options.seed == 0) options.seed = 1;
  if (absl::GetFlag(FLAGS_quick)) {
    options.repetitions = 100;
    options.effects = {5, 20};
  }
  if (!options.probe.empty() && !FileExists(options.probe))
    return Complain(absl::NotFoundError(
        absl::StrCat("no ", options.probe, "; build the target bench_probe, or say --probe=")));
  CatchStopSignals();
  const auto result = RunSelfTest(options);
  if (!result.ok()) return Complain(result.status());
  std::fputs(SelfTestText(*result).c_str(), stdout);
  if (const std::string path = absl::GetFlag(FLAGS_selftest); !path.empty())
    if (absl::Status written = WriteFile(path, SelfTestToJson(*result)); !written.ok())
      return Complain(written);
  return static_cast<int>(result->passed() ? GateCode::kFine : GateCode::kSelfTest);
}

absl::StatusOr<std::string> ReadIfThere(const std::string& path) {
  if (path.empty() || !FileExists(path)) return std::string();
  return ReadFile(path);
}

absl::StatusOr<std::optional<CallProfile>> ReadProfile(const std::string& path) {
  std::optional<CallProfile> none;
  if (!FileExists(path)) return none;
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  auto profile = ParseCallgrind(path, *text);
  if (!profile.ok()) return profile.status();
  const auto operations = ReadFile(absl::StrCat(path, ".operations"));
  if (!operations.ok()) return operations.status();
  if (!absl::SimpleAtod(*operations, &profile->operations) || !(profile->operations > 0))
    return absl::InvalidArgumentError(absl::StrCat(path, ".operations: no number of operations"));
  return std::optional<CallProfile>(*std::move(profile));
}

absl::Status ReadProfiles(ReportInput& input) {
  for (const ComparedRow& row : input.comparison->rows) {
    if (row.rule.counted_case.empty()) continue;
    const std::string folder = absl::StrCat(absl::GetFlag(FLAGS_out), "/callgrind/");
    auto head = ReadProfile(absl::StrCat(folder, "head/", ProfileName(row.rule.counted_case)));
    if (!head.ok()) return head.status();
    if (!*head) continue;
    auto base = ReadProfile(absl::StrCat(folder, "base/", ProfileName(row.rule.counted_case)));
    if (!base.ok()) return base.status();
    input.profiles.push_back({row.rule.row, **std::move(head), *std::move(base)});
  }
  return absl::OkStatus();
}

absl::Status ReadTexts(ReportInput& input) {
  for (const auto& [flag, text] : {std::pair(absl::GetFlag(FLAGS_prices), &input.prices),
                                   std::pair(absl::GetFlag(FLAGS_live), &input.live)}) {
    auto read = ReadIfThere(flag);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  for (const std::string& summary : absl::GetFlag(FLAGS_summaries)) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(summary, absl::MaxSplits(':', 1));
    auto read = ReadIfThere(parts.second);
    if (!read.ok()) return read.status();
    if (!read->empty()) input.summaries.emplace_back(parts.first, *std::move(read));
  }
  return absl::OkStatus();
}

absl::Status ReadReportInput(ReportInput& input) {
  if (FileExists(absl::GetFlag(FLAGS_comparison))) {
    auto comparison = ReadComparison();
    if (!comparison.ok()) return comparison.status();
    input.comparison = *std::move(comparison);
    if (absl::Status read = ReadProfiles(input); !read.ok()) return read;
  }
  if (FileExists(absl::GetFlag(FLAGS_history))) {
    auto history = ReadHistory(absl::GetFlag(FLAGS_history));
    if (!history.ok()) return history.status();
    input.history = *std::move(history);
    input.series = FindSeries(input.history);
  }
  if (const std::string path = absl::GetFlag(FLAGS_selftest); !path.empty() && FileExists(path)) {
    const auto text = ReadFile(path);
    if (!text.ok()) return text.status();
    auto result = SelfTestFromJson(path, *text);
    if (!result.ok()) return result.status();
    input.self_test = *std::move(result);
  }
  for (const auto& [path, rows] : {std::pair(absl::GetFlag(FLAGS_limits), &input.limits),
                                   std::pair(absl::GetFlag(FLAGS_measured), &input.measured)}) {
    if (path.empty() || !FileExists(path)) continue;
    auto read = ReadFixedRows(path);
    if (!read.ok()) return read.status();
    *rows = *std::move(read);
  }
  return ReadTexts(input);
}

int Report(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return Complain(absl::InvalidArgumentError("report takes flags only"));
  ReportInput input{
      .date = absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::Now(), absl::UTCTimeZone()),
      .source_root = absl::GetFlag(FLAGS_source_root)};
  if (absl::Status read = ReadReportInput(input); !read.ok()) return Complain(read);
  if (!input.comparison && input.history.empty())
    return Complain(absl::NotFoundError(absl::StrCat("nothing to report: neither ",
                                                     absl::GetFlag(FLAGS_comparison), " nor ",
                                                     absl::GetFlag(FLAGS_history))));
  const auto page = MakePage(input);
  if (!page.ok()) return Complain(page.status());
  const std::string path = absl::GetFlag(FLAGS_page);
  if (absl::Status written = WriteFile(path, *page); !written.ok()) return Complain(written);
  std::printf("aether-perf: %s, %zu bytes\n", path.c_str(), page->size());
  return 0;
}

int ExportRuns(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1)
    return Complain(
        absl::InvalidArgumentError("export takes a format: github, bencher, openmetrics or otava"));
  const auto history = ReadHistory(absl::GetFlag(FLAGS_history));
  if (!history.ok()) return Complain(history.status());
  const auto text = Export(arguments[0], *history);
  if (!text.ok()) return Complain(text.status());
  std::fputs(text->c_str(), stdout);
  return 0;
}

int Statistics(const std::vector<std::string>&) {
  const std::string cases{std::istreambuf_iterator<char>(std::cin), {}};
  const auto answer = AnswerStatistics(cases);
  if (!answer.ok()) return Complain(answer.status());
  std::fputs(answer->c_str(), stdout);
  return 0;
}

using Subcommand = std::function<int(const std::vector<std::string>&)>;

const std::map<std::string, Subcommand>& Subcommands() {
  static const std::map<std::string, Subcommand> all = {
      {"compare", Compare},   {"gate", RunGate},         {"record", Record},
      {"history", History},   {"selftest", TestItself},  {"report", Report},
      {"export", ExportRuns}, {"statistics", Statistics}};
  return all;
}

}  // namespace
}  // namespace aether::perf

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "compares builds and keeps the score; see bench/report/README.md\n"
      "  aether-perf compare BASE_DIR HEAD_DIR   two folders of bench programs, in turn\n"
      "  aether-perf gate                        may what was compared pass?\n"
      "  aether-perf record                      appends what was compared to the history\n"
      "  aether-perf history                     change points\n"
      "  aether-perf selftest                    does the gate fire, and at nothing else?\n"
      "  aether-perf report                      the page\n"
      "  aether-perf export FORMAT               the history for github, bencher, openmetrics, "
      "otava");
  std::vector<char*> left = absl::ParseCommandLine(argc, argv);
  const auto& all = aether::perf::Subcommands();
  const auto found = left.size() < 2 ? all.end() : all.find(left[1]);
  if (found == all.end()) {
    std::fprintf(stderr,
                 "usage: aether-perf compare|gate|record|history|selftest|report|export ...; "
                 "--help says more\n");
    return 1;
  }
  return found->second({left.begin() + 2, left.end()});
}
