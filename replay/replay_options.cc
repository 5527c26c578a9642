#include "replay/replay_options.h"

#include <charconv>
#include <utility>

#include "stack/tcp/profile_text.h"
#include "stack/wire/address_text.h"

namespace aether::replay {
namespace {

template <typename T>
bool ReadNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ReadSpeed(std::string_view text, ReplayOptions& options) {
  constexpr double kSpeedMax = 1e9;
  if (text == "max") {
    options.speed.reset();
    return true;
  }
  double factor = 1;
  if (text != "recorded") {
    if (!text.starts_with('x') || !ReadNumber(text.substr(1), factor)) return false;
    if (!(factor > 0 && factor <= kSpeedMax)) return false;
  }
  options.speed = factor;
  return true;
}

bool ReadMode(std::string_view text, ReplayOptions& options) {
  options.mode_given = true;
  for (const auto& [name, mode] : {std::pair{"adaptive", ReplayMode::kAdaptive},
                                   {"open", ReplayMode::kOpen},
                                   {"exact", ReplayMode::kExact}}) {
    if (text != name) continue;
    options.mode = mode;
    return true;
  }
  return false;
}

template <typename T>
bool Read(std::optional<T> parsed, std::optional<T>& value) {
  value = parsed;
  return parsed.has_value();
}

// What the flag wants when the value is none; empty when it is.
std::string ReadFlag(std::string_view name, std::string_view value, ReplayOptions& options) {
  const auto wanted = [](bool good, const char* what) { return good ? "" : what; };
  if (name == "mode") return wanted(ReadMode(value, options), "adaptive, open or exact");
  if (name == "speed") return wanted(ReadSpeed(value, options), "recorded, max, or x and a factor");
  if (name == "profile") {
    const auto profile = tcp::ProfileOfText(value);
    if (profile) options.profile = *profile;
    return wanted(profile.has_value(), "full or classic, with mechanisms switched after it");
  }
  if (name == "workers") {
    return wanted(ReadNumber(value, options.workers) && options.workers >= 1 &&
                      options.workers <= ReplayOptions::kWorkersMax,
                  "a number from 1 to 64");
  }
  if (name == "seed") return wanted(ReadNumber(value, options.seed), "a whole number");
  if (name == "rounds")
    return wanted(ReadNumber(value, options.rounds) && options.rounds <= 1000, "0 to 1000");
  if (name == "mac") return wanted(Read(ParseMac(value), options.mac), "six octets");
  if (name == "address")
    return wanted(Read(ParseNetwork(value), options.address), "an address, as 10.0.0.2/24");
  for (const auto& [flag, text] : {std::pair{"filter", &options.filter},
                                   {"out", &options.out},
                                   {"report", &options.report},
                                   {"summary", &options.summary},
                                   {"shrink", &options.shrink}}) {
    if (name != flag) continue;
    *text = value;
    return wanted(!value.empty(), "something behind the equals sign");
  }
  return "?";
}

}  // namespace

std::string ReplayUsage() {
  return "aether-replay: plays a capture to the stack, on virtual time.\n\n"
         "aether-replay CAPTURE [--flag=value ...]\n\n"
         "  CAPTURE            pcap or pcapng (Ethernet, raw IP, Linux cooked); exact: a recording "
         "of aether-run --record\n"
         "  --mode=MODE        adaptive (clients that follow the live stack; the default), open "
         "(frames as they are), exact\n"
         "  --speed=SPEED      max (the default), recorded, or xN: N seconds of the capture in "
         "one\n"
         "  --profile=PROFILE  full, classic, and any mechanism switched, as aether-run has it\n"
         "  --workers=N        connections are shared out among so many stacks, each in a thread\n"
         "  --filter=EXPR      only packets that an expression of tcpdump matches\n"
         "  --out=FILE         a pcap file for all frames of the replay\n"
         "  --json             the report as JSON\n"
         "  --report[=FILE]    the report, into a file or as always onto the standard output\n"
         "  --summary=FILE     what does not depend on the machine into a file\n"
         "  --celeron          no capture: measures, as root; --celeron --help says more\n"
         "  --shrink[=FILE]    writes the smallest part of the capture that still fails or "
         "differs\n"
         "  --seed=N           what the stack draws its numbers from (1)\n"
         "  --address=A/N, --mac=MAC   of the stack, instead of the capture's server's\n"
         "  --rounds=N         times that the frames are run alone at full speed, 0 to 1000 (3)\n\n"
         "Exit codes: 0 clean, 1 the world is wrong, 2 usage, 3 a request was not answered or an "
         "exact replay differs.\n";
}

std::expected<ReplayOptions, std::string> ParseReplayOptions(
    std::span<const std::string_view> arguments) {
  ReplayOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with("--")) {
      if (!options.capture.empty())
        return std::unexpected("Only one capture can be replayed: " + std::string(argument) +
                               " is one too many.");
      options.capture = argument;
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == argument.npos ? equals : equals - 2);
    if (name == "help" || name == "json") {
      (name == "help" ? options.help : options.json) = true;
      continue;
    }
    // These two need no value.
    if ((name == "report" || name == "shrink") && equals == argument.npos) {
      if (name == "shrink") options.shrinks = true;
      continue;
    }
    std::string_view value;
    if (equals != argument.npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    const std::string wanted = ReadFlag(name, value, options);
    if (wanted == "?")
      return std::unexpected("--" + std::string(name) + " is no flag; --help lists them.");
    if (!wanted.empty())
      return std::unexpected("--" + std::string(name) + "=" + std::string(value) +
                             " is malformed: give " + wanted + ".");
  }
  if (options.capture.empty() && !options.help)
    return std::unexpected("Name a capture; --help says more.");
  if (!options.shrink.empty()) options.shrinks = true;
  if (options.shrinks && options.shrink.empty())
    options.shrink = options.out.empty() ? options.capture + ".shrunk.pcap" : options.out;
  if (options.workers > 1 && (!options.out.empty() || !options.shrink.empty()))
    return std::unexpected("--out and --shrink go with one worker: leave --workers away.");
  return options;
}

}  // namespace aether::replay
