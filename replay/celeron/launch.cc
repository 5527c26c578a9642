#include "replay/celeron/launch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

namespace aether::celeron {
namespace {

constexpr int kExitWorld = 1;
constexpr int kExitUsage = 2;

constexpr std::string_view kMeasure = "--celeron";
constexpr std::string_view kTarget = "--celeron-target";
// --march= is here to be refused.
constexpr std::array<std::string_view, 7> kFlags = {
    "--celeron-constants=", "--out=", "--markdown=", "--seed=", "--bin=", "--build=", "--march="};

std::string FindScript(const std::string& program) {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::canonical("/proc/self/exe", error);
  if (error) folder = program;
  for (folder = folder.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    const std::filesystem::path script = folder / "replay/celeron/measure";
    if (std::filesystem::exists(script, error)) return script.string();
    if (folder == folder.root_path()) break;
  }
  return "";
}

}  // namespace

bool IsAsked(const std::vector<std::string_view>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](std::string_view argument) {
    return argument == kMeasure || argument == kTarget || argument.starts_with("--celeron-");
  });
}

std::string BuildTarget() {
#if defined(__SSE3__) && defined(__core2__) && !defined(__SSE4_1__)
  return "core2";
#elif defined(__x86_64__) && !defined(__SSE3__)
  return "x86-64";
#else
  return "other";
#endif
}

std::string Refusal(const std::vector<std::string_view>& arguments) {
  if (std::find(arguments.begin(), arguments.end(), kMeasure) == arguments.end())
    return "--celeron asks for the measurement; say it beside its flags.";
  for (const std::string_view argument : arguments) {
    if (argument == kMeasure || argument == "--quick" || argument == "--help") continue;
    if (argument.starts_with("--march=") && argument != "--march=core2")
      return "The Celeron is modelled from code built with -march=core2; instructions of " +
             std::string(argument.substr(2)) + " are not counted, it could not run them.";
    const bool known = std::any_of(kFlags.begin(), kFlags.end(), [argument](std::string_view flag) {
      return argument.starts_with(flag);
    });
    if (!known) return "--celeron does not take " + std::string(argument) + ".";
  }
  return "";
}

int Launch(const std::string& program, const std::vector<std::string_view>& arguments) {
  if (arguments.size() == 1 && arguments[0] == kTarget) {
    std::printf("%s\n", BuildTarget().c_str());
    return 0;
  }
  if (const std::string refusal = Refusal(arguments); !refusal.empty()) {
    std::fprintf(stderr, "aether-replay: %s\n", refusal.c_str());
    return kExitUsage;
  }
  const std::string script = FindScript(program);
  if (script.empty()) {
    std::fprintf(stderr,
                 "aether-replay: --celeron measures in the tree that it was built in; there is no "
                 "replay/celeron/measure above this program.\n");
    return kExitWorld;
  }
  std::vector<std::string> words = {"python3", script};
  for (const std::string_view argument : arguments)
    if (argument != kMeasure) words.emplace_back(argument);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp("python3", pointers.data());
  std::perror("aether-replay: python3");
  return kExitWorld;
}

}  // namespace aether::celeron
