// aether-replay: plays a capture to the stack. Exit codes: 0 clean, 1 the world is wrong (one
// sentence says what to do), 2 usage, 3 a request was not answered or an exact replay differs.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "replay/celeron/launch.h"
#include "replay/recording_file.h"
#include "replay/replay_options.h"
#include "replay/replay_report.h"
#include "replay/replay_run.h"
#include "replay/shrink.h"

namespace aether::replay {
namespace {

constexpr int kExitWorld = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailure = 3;

int Fail(const std::string& sentence, int code) {
  std::fprintf(stderr, "aether-replay: %s\n", sentence.c_str());
  return code;
}

// A line on a terminal, a few times a second.
class Progress {
 public:
  void Show(double share) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\raether-replay: %3.0f %%", share * 100);
  }
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r                    \r");
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  bool shown_ = false;
};

// Empty, or a sentence.
std::string WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file ? "" : "Cannot write " + path + ": name a file that can be written.";
}

int RunShrink(const ReplayOptions& options) {
  if (options.mode == ReplayMode::kExact || RecordingFile::Is(options.capture)) {
    return Fail("A recording cannot be shrunk, it is one piece; take a capture of the same run.",
                kExitUsage);
  }
  const auto shrunk = Shrink(options, ShrinkLimits{});
  if (!shrunk) return Fail(shrunk.error(), kExitWorld);
  if (shrunk->verdict.kind == Verdict::Kind::kClean) {
    std::printf("In the whole capture %s: there is nothing to shrink.\n",
                Describe(shrunk->verdict).c_str());
    return 0;
  }
  std::printf("%s: %llu of %llu packets still show it, after %u tries; they are in %s\n",
              Describe(shrunk->verdict).c_str(), static_cast<unsigned long long>(shrunk->packets),
              static_cast<unsigned long long>(shrunk->packets_before), shrunk->tries,
              options.shrink.c_str());
  return kExitFailure;
}

int RunFrames(const ReplayOptions& options) {
  Progress progress;
  ShowProgress show;
  if (::isatty(STDERR_FILENO) != 0) show = [&progress](double share) { progress.Show(share); };
  const auto result = RunReplay(options, show);
  if (!result) return Fail(result.error(), kExitWorld);
  const std::string report = options.json ? JsonReport(*result) : TextReport(*result);
  if (!options.report.empty()) {
    if (const std::string wrong = WriteFile(options.report, report); !wrong.empty())
      return Fail(wrong, kExitWorld);
  } else {
    std::fputs(report.c_str(), stdout);
  }
  if (!options.summary.empty()) {
    if (const std::string wrong = WriteFile(options.summary, Summary(*result)); !wrong.empty())
      return Fail(wrong, kExitWorld);
  }
  return result->HasFailure() ? kExitFailure : 0;
}

int Main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (celeron::IsAsked(arguments)) return celeron::Launch(argv[0], arguments);
  const auto options = ParseReplayOptions(arguments);
  if (!options) return Fail(options.error(), kExitUsage);
  if (options->help) {
    std::fputs(ReplayUsage().c_str(), stdout);
    return 0;
  }
  return options->shrinks ? RunShrink(*options) : RunFrames(*options);
}

}  // namespace
}  // namespace aether::replay

int main(int argc, char** argv) { return aether::replay::Main(argc, argv); }
