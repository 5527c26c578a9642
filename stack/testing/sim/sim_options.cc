#include "stack/testing/sim/sim_options.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace aether::testing::sim {
namespace {

using Problem = std::optional<std::string>;

// Values as they stood on the command line, before scenarios and seeds are combined.
struct Raw {
  std::vector<std::string> scenarios;
  std::string profile = "full";
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  Reductions reductions;
  SimOptions options{};  // the rest, as it is
};

std::optional<uint64_t> Number(std::string_view text, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || value > max) {
    return std::nullopt;
  }
  return value;
}

std::string Join(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Problem TakeSeeds(std::string_view value, Raw& raw) {
  const size_t dots = value.find("..");
  const std::string_view from = value.substr(0, dots);
  const std::string_view to = dots == std::string_view::npos ? from : value.substr(dots + 2);
  const std::optional<uint64_t> first = Number(from, std::numeric_limits<uint64_t>::max() - 1);
  const std::optional<uint64_t> last = Number(to, std::numeric_limits<uint64_t>::max() - 1);
  if (!first || !last || *last < *first || *last - *first >= 100'000'000) {
    return "--seeds takes a range such as 1..2000, not \"" + std::string(value) + "\".";
  }
  raw.first_seed = *first;
  raw.last_seed = *last;
  return std::nullopt;
}

Problem TakeScenarios(std::string_view value, Raw& raw) {
  for (std::string& name : Split(value, ',')) {
    if (name != "all" && !NeedsReliable(name)) {
      return "There is no scenario \"" + name + "\"; there are all, " + Join(ScenarioNames()) + ".";
    }
    raw.scenarios.push_back(std::move(name));
  }
  return std::nullopt;
}

Problem TakeWithout(std::string_view value, Raw& raw) {
  const std::vector<std::string_view> names = FeatureNames();
  for (std::string& name : Split(value, ',')) {
    if (std::ranges::find(names, name) == names.end()) {
      return "There is no feature \"" + name + "\"; there are " + Join(names) + ".";
    }
    raw.reductions.without.insert(std::move(name));
  }
  return std::nullopt;
}

template <typename T>
Problem TakeNumber(std::string_view name, std::string_view value, uint64_t least, T& out) {
  const std::optional<uint64_t> number = Number(value, std::numeric_limits<T>::max());
  if (!number || *number < least) {
    return "--" + std::string(name) + " takes a whole number from " + std::to_string(least) +
           " on, not \"" + std::string(value) + "\".";
  }
  out = static_cast<T>(*number);
  return std::nullopt;
}

Problem TakeProfile(std::string_view value, Raw& raw) {
  if (!FindProfile(value)) {
    return "There is no profile \"" + std::string(value) + "\"; there are " + ProfileHelp() + ".";
  }
  raw.profile = value;
  return std::nullopt;
}

Problem TakeValue(std::string_view name, std::string_view value, Raw& raw) {
  if (name == "seed" || name == "seeds") return TakeSeeds(value, raw);
  if (name == "scenario") return TakeScenarios(value, raw);
  if (name == "profile") return TakeProfile(value, raw);
  if (name == "without") return TakeWithout(value, raw);
  if (name == "bytes-max") return TakeNumber(name, value, 1, raw.reductions.bytes_max);
  if (name == "first-connection") {
    return TakeNumber(name, value, 0, raw.reductions.first_connection);
  }
  if (name == "connections-max") return TakeNumber(name, value, 1, raw.reductions.connections_max);
  if (name == "jobs") {
    if (Problem problem = TakeNumber(name, value, 1, raw.options.jobs)) return problem;
    if (raw.options.jobs > 256) return "--jobs takes at most 256.";
    return std::nullopt;
  }
  if (name == "replay") {
    raw.options.replays.emplace_back(value);
    return std::nullopt;
  }
  const std::pair<std::string_view, std::string*> texts[] = {{"pcap", &raw.options.pcap},
                                                             {"save", &raw.options.save},
                                                             {"reaching", &raw.options.reaching}};
  for (const auto& [known, text] : texts) {
    if (name != known) continue;
    *text = value;
    return std::nullopt;
  }
  return "There is no flag --" + std::string(name) + "; see --help.";
}

bool TakeSwitch(std::string_view name, Raw& raw) {
  const std::pair<std::string_view, bool*> switches[] = {{"twice", &raw.options.twice},
                                                         {"shrink", &raw.options.shrink},
                                                         {"table", &raw.options.table},
                                                         {"reached", &raw.options.reached},
                                                         {"help", &raw.options.help}};
  for (const auto& [known, value] : switches) {
    if (name != known) continue;
    *value = true;
    return true;
  }
  return false;
}

Problem Take(std::span<const std::string_view> arguments, Raw& raw) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    // More files to replay may follow the first.
    if (!name.starts_with("--") && !raw.options.replays.empty()) {
      raw.options.replays.emplace_back(name);
      continue;
    }
    if (!name.starts_with("--")) return "\"" + std::string(name) + "\" is not a flag; see --help.";
    name.remove_prefix(2);
    if (TakeSwitch(name, raw)) continue;
    std::string_view value;
    if (const size_t equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return "--" + std::string(name) + " needs a value, or does not exist; see --help.";
    }
    if (Problem problem = TakeValue(name, value, raw)) return problem;
  }
  return std::nullopt;
}

// "all" leaves out what a profile that does not retransmit cannot do; a name alone does not.
std::vector<RunSpec> Combine(const Raw& raw) {
  const bool is_reliable = FindProfile(raw.profile)->is_reliable;
  std::vector<std::string> names;
  for (const std::string& name : raw.scenarios) {
    if (name != "all") {
      names.push_back(name);
      continue;
    }
    for (const std::string_view each : ScenarioNames()) {
      if (is_reliable || !*NeedsReliable(each)) names.emplace_back(each);
    }
  }
  std::vector<RunSpec> runs;
  for (uint64_t seed = raw.first_seed; seed <= raw.last_seed; ++seed) {
    for (const std::string& name : names) {
      runs.push_back(
          {.scenario = name, .seed = seed, .profile = raw.profile, .reductions = raw.reductions});
    }
  }
  return runs;
}

}  // namespace

std::expected<SimOptions, std::string> ParseSimOptions(
    std::span<const std::string_view> arguments) {
  Raw raw;
  if (Problem problem = Take(arguments, raw)) return std::unexpected(*problem);
  if (raw.scenarios.empty()) raw.scenarios.emplace_back("all");
  SimOptions options = std::move(raw.options);
  options.profile = raw.profile;
  if (options.replays.empty()) options.runs = Combine(raw);
  if (!options.pcap.empty() && options.runs.size() + options.replays.size() != 1) {
    return std::unexpected(
        "--pcap records one run: give one --scenario and one --seed, or one file to --replay.");
  }
  if (options.table && !FindProfile(raw.profile)->is_random) return options;
  if (options.table) return std::unexpected("--table is for a profile, not for random ones.");
  return options;
}

std::string SimUsage() {
  return "aether-sim: stacks on simulated links, in virtual time, everything from one seed.\n"
         "  --scenario NAME[,NAME]   all, or " +
         Join(ScenarioNames()) +
         "\n"
         "  --seed N, --seeds A..B   which draws of it (1)\n"
         "  --profile NAME           " +
         ProfileHelp() +
         " (full)\n"
         "  --jobs N                 processes (1)\n"
         "  --twice                  run everything twice: the traces must be the same\n"
         "  --shrink                 look for the smallest form of a failure\n"
         "  --pcap FILE              what node 0 sends and gets, of one run or one saved run\n"
         "  --save DIR               where failing runs become files (corpora/scripts if there is "
         "one)\n"
         "  --replay FILE...         runs such files instead\n"
         "  --reached                what all runs together made happen\n"
         "  --reaching NAME          runs in which this happened\n"
         "  --table                  print the transfer table of the profile\n"
         "Making one run smaller:\n"
         "  --without F[,F]          switch off " +
         Join(FeatureNames()) +
         "\n"
         "  --bytes-max N            of each piece that an application sends\n"
         "  --first-connection N, --connections-max N\n"
         "Exit status: 0 clean, 1 violation, 2 usage.\n";
}

}  // namespace aether::testing::sim
