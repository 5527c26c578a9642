// celeron_model: the arithmetic of the Celeron measurement; replay/celeron/measure runs what it
// needs and calls it. Exit codes: 0 fine, 1 an input is none (one sentence says why), 2 usage.
//
//   celeron_model counts CALLGRIND_FILE    counts of stack, application and both, as JSON
//   celeron_model share MEASURED.json      of a core's time, what B gets, as JSON
//   celeron_model report MEASURED.json     A, B and C; --markdown=FILE --json=FILE
//
// share and report: --priors=FILE --constants=FILE --seed=N
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "replay/celeron/callgrind_file.h"
#include "replay/celeron/celeron_report.h"

namespace aether::celeron {
namespace {

constexpr int kExitInput = 1;
constexpr int kExitUsage = 2;

using Flags = std::map<std::string, std::string>;

int Fail(const std::string& sentence) {
  std::fprintf(stderr, "celeron_model: %s\n", sentence.c_str());
  return kExitInput;
}

std::expected<std::string, std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// `parse` of the file's text; the file's name stands before what is wrong with it.
template <typename Parse>
auto ParseFile(const std::string& path, const Parse& parse) -> decltype(parse(std::string_view())) {
  const auto text = ReadFile(path);
  if (!text) return std::unexpected(text.error());
  auto parsed = parse(std::string_view(*text));
  if (!parsed) return std::unexpected(path + ": " + parsed.error());
  return parsed;
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return static_cast<bool>(file);
}

void PrintCounts(const char* name, const Counts& counts) {
  std::printf("\"%s.instructions\": %.0f,\n\"%s.branch_misses\": %.0f,\n", name,
              counts.instructions, name, counts.branch_misses);
  std::printf("\"%s.l1_misses\": %.0f,\n\"%s.ll_misses\": %.0f", name, counts.l1_misses, name,
              counts.ll_misses);
}

// What stands in the applications' folder; all else, and the C library, is the stack's.
int RunCounts(const std::string& path) {
  const auto file = ParseFile(path, ReadCallgrind);
  if (!file) return Fail(file.error());
  Counts application;
  Counts stack;
  for (const auto& [source, counts] : file->by_source)
    (source.find("stack/app/") != source.npos ? application : stack) += counts;
  std::printf("{\n");
  PrintCounts("stack", stack);
  std::printf(",\n");
  PrintCounts("application", application);
  std::printf(",\n");
  PrintCounts("total", file->total);
  std::printf("\n}\n");
  return 0;
}

std::expected<Findings, std::string> Find(const std::string& path, const Flags& flags,
                                          bool is_share_only) {
  Findings found;
  const auto json = ParseFile(path, ReadFlatJson);
  if (!json) return std::unexpected(json.error());
  auto measurement = is_share_only ? ReadCalibration(*json) : ReadMeasurement(*json);
  if (!measurement) return std::unexpected(path + ": " + measurement.error());
  found.measurement = *std::move(measurement);
  auto priors = ParseFile(flags.at("priors"), ReadPriors);
  if (!priors) return std::unexpected(priors.error());
  found.priors = *std::move(priors);
  std::optional<double> round_ns;
  if (const std::string& constants_path = flags.at("constants"); !constants_path.empty()) {
    const auto constants = ParseFile(constants_path, ReadFlatJson);
    if (!constants) return std::unexpected(constants.error());
    auto measured = WithConstants(std::move(found.priors), *constants);
    if (!measured) return std::unexpected(constants_path + ": " + measured.error());
    found.priors = *std::move(measured);
    found.has_constants = true;
    const auto round = constants->numbers.find("calibration_round_ns");
    if (round == constants->numbers.end() || round->second <= 0)
      return std::unexpected(constants_path + ": there is no calibration_round_ns");
    round_ns = round->second;
  }
  auto validation = Validate(found.measurement.kernels, found.measurement.here, found.priors);
  if (!validation) return std::unexpected(path + ": " + validation.error());
  found.validation = *std::move(validation);
  found.options = {.seed = std::strtoull(flags.at("seed").c_str(), nullptr, 10),
                   .model_error = found.validation.error};
  const Interval there_ns =
      round_ns ? Interval{*round_ns, *round_ns, *round_ns}
               : EstimateNs(found.measurement.calibration, found.priors, found.options);
  const double here_ns = found.measurement.calibration_here_ns;
  found.share = {here_ns / there_ns.high, here_ns / there_ns.median, here_ns / there_ns.low};
  return found;
}

int RunShare(const std::string& path, const Flags& flags) {
  const auto found = Find(path, flags, true);
  if (!found) return Fail(found.error());
  std::printf("{\"share.low\": %.4f, \"share.median\": %.4f, \"share.high\": %.4f}\n",
              found->share.low, found->share.median, found->share.high);
  return 0;
}

int RunReport(const std::string& path, const Flags& flags) {
  auto found = Find(path, flags, false);
  if (!found) return Fail(found.error());
  for (const auto& [profile, workload] : found->measurement.workloads)
    found->modelled[profile] = EstimateRate(workload, found->priors, found->options);
  const std::string markdown = CeleronMarkdown(*found);
  std::fputs(markdown.c_str(), stdout);
  if (!flags.at("markdown").empty() && !WriteFile(flags.at("markdown"), markdown))
    return Fail("cannot write " + flags.at("markdown"));
  if (!flags.at("json").empty() && !WriteFile(flags.at("json"), CeleronJson(*found)))
    return Fail("cannot write " + flags.at("json"));
  return 0;
}

int Usage() {
  std::fprintf(stderr,
               "usage: celeron_model counts CALLGRIND_FILE\n"
               "       celeron_model share|report MEASURED.json [--priors=FILE] "
               "[--constants=FILE] [--seed=N] [--markdown=FILE] [--json=FILE]\n");
  return kExitUsage;
}

int Main(int argc, char** argv) {
  Flags flags = {{"priors", "replay/celeron/priors.tsv"},
                 {"constants", ""},
                 {"seed", "3109"},
                 {"markdown", ""},
                 {"json", ""}};
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (!word.starts_with("--")) {
      words.push_back(word);
    } else {
      const auto flag = flags.find(word.substr(2, equals - 2));
      if (equals == word.npos || flag == flags.end()) return Usage();
      flag->second = word.substr(equals + 1);
    }
  }
  if (words.size() != 2) return Usage();
  if (words[0] == "counts") return RunCounts(words[1]);
  if (words[0] == "share") return RunShare(words[1], flags);
  if (words[0] == "report") return RunReport(words[1], flags);
  return Usage();
}

}  // namespace
}  // namespace aether::celeron

int main(int argc, char** argv) { return aether::celeron::Main(argc, argv); }
