#include "stack/testing/sim/saved_run.h"

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "stack/testing/sim/sim_options.h"

namespace aether::testing::sim {
namespace {

constexpr std::string_view kProgram = "aether-sim ";
constexpr std::string_view kViolated = "violated: ";
constexpr std::string_view kReaches = "reaches: ";
constexpr std::string_view kTrace = "trace: ";

std::string Hex(uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, value);
  return text.data();
}

std::vector<std::string> SplitNames(std::string_view text) {
  std::vector<std::string> names;
  std::string name;
  for (const char c : text) {
    if (c != ',' && c != ' ') {
      name += c;
    } else if (!name.empty()) {
      names.push_back(std::move(name));
      name.clear();
    }
  }
  if (!name.empty()) names.push_back(std::move(name));
  return names;
}

std::expected<RunSpec, std::string> ParseCommand(std::string_view command) {
  std::istringstream stream{std::string(command)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  const std::vector<std::string_view> views(words.begin(), words.end());
  const std::expected<SimOptions, std::string> options = ParseSimOptions(views);
  if (!options) return std::unexpected(options.error());
  if (options->runs.size() != 1) return std::unexpected("A saved run is one run.");
  return options->runs.front();
}

// One line; false when it is none that a file may have.
bool TakeLine(std::string_view line, SavedRun& run) {
  if (line.starts_with(kViolated)) {
    run.violated = line.substr(kViolated.size());
    return true;
  }
  if (line.starts_with(kReaches)) {
    run.reaches = SplitNames(line.substr(kReaches.size()));
    return true;
  }
  if (!line.starts_with(kTrace)) return false;
  line.remove_prefix(kTrace.size());
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  run.trace = value;
  return error == std::errc() && end == line.data() + line.size();
}

}  // namespace

std::string FormatSavedRun(const SavedRun& run) {
  std::string text;
  for (const std::string& remark : run.remarks) text += "# " + remark + "\n";
  text += CommandOf(run.spec) + "\n";
  if (!run.violated.empty()) text += std::string(kViolated) + run.violated + "\n";
  for (size_t i = 0; i < run.reaches.size(); ++i) {
    text += (i == 0 ? std::string(kReaches) : std::string(", ")) + run.reaches[i];
  }
  if (!run.reaches.empty()) text += "\n";
  if (run.trace) text += std::string(kTrace) + Hex(*run.trace) + "\n";
  return text;
}

std::expected<SavedRun, std::string> ParseSavedRun(std::string_view text) {
  SavedRun run;
  bool has_command = false;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string_view view = line;
    if (view.empty()) continue;
    if (view.starts_with('#')) {
      run.remarks.emplace_back(view.substr(view.starts_with("# ") ? 2 : 1));
    } else if (view.starts_with(kProgram) && !has_command) {
      std::expected<RunSpec, std::string> spec = ParseCommand(view.substr(kProgram.size()));
      if (!spec) return std::unexpected(spec.error());
      run.spec = std::move(*spec);
      has_command = true;
    } else if (!TakeLine(view, run)) {
      return std::unexpected("A saved run has no line \"" + line + "\".");
    }
  }
  if (!has_command) return std::unexpected("A saved run needs a line that begins \"aether-sim\".");
  return run;
}

std::expected<SavedRun, std::string> ReadSavedRun(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return std::unexpected("Cannot read " + path + ".");
  std::expected<SavedRun, std::string> run = ParseSavedRun(text.str());
  if (!run) return std::unexpected(path + ": " + run.error());
  return run;
}

std::expected<std::string, std::string> WriteSavedRun(const SavedRun& run,
                                                      const std::string& directory) {
  std::string profile = run.spec.profile.substr(0, run.spec.profile.find(','));
  if (profile != run.spec.profile) profile += "-switched";
  std::string path = directory + "/" + run.spec.scenario + "-" + std::to_string(run.spec.seed) +
                     "-" + profile + ".sim";
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::ofstream file(path);
  file << FormatSavedRun(run);
  file.close();
  if (!file) return std::unexpected("Cannot write " + path + ".");
  return path;
}

std::string CheckReplay(const SavedRun& run, const Outcome& outcome) {
  if (outcome.violation) return outcome.violation->oracle + " " + outcome.violation->text;
  for (const std::string& name : run.reaches) {
    if (!outcome.reached.contains(name)) return "it does not reach " + name + " any more";
  }
  return "";
}

}  // namespace aether::testing::sim
