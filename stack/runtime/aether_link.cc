// aether-link: a bad cable between two TAPs. It copies frames from each to the other through our
// fault injector, so that whoever stands behind them, a kernel or one of our stacks, meets the same
// network. Either TAP may be moved into another network namespace once the start line is printed.
//
// It blocks while there is nothing to do and wakes by the clock for what is delayed. Exit codes: 0
// clean, 1 the world is wrong (one sentence says what to do), 2 usage.
#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "stack/runtime/command_line.h"
#include "stack/runtime/link_direction.h"
#include "stack/runtime/link_options.h"
#include "stack/runtime/process.h"
#include "stack/runtime/steady_clock.h"
#include "stack/runtime/tap.h"

namespace aether::runtime {
namespace {

constexpr char kProgram[] = "aether-link";
using Direction = LinkDirection<Tap, Tap>;

absl::StatusOr<Tap> OpenEnd(const std::string& name) {
  absl::StatusOr<std::vector<Tap>> queues = OpenTapQueues({.name = name}, 1);
  if (!queues.ok()) return queues.status();
  return std::move(queues->front());
}

// The places of a direction are address space, most of it never touched; but the system may refuse.
absl::Status CheckMemory(const LinkOptions& options) {
  if (!options.faults.in.Any() && !options.faults.out.Any()) return absl::OkStatus();
  const size_t bytes = options.faults.held_frames_max * device::kFrameBytesMax;
  const std::unique_ptr<uint8_t[]> tried(new (std::nothrow) uint8_t[2 * bytes]);
  if (tried != nullptr) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "no memory for --queue_frames=", options.faults.held_frames_max, ": ask for fewer frames"));
}

void AppendCounters(const char* name, const Direction& direction, const Tap& from, const Tap& to,
                    std::string& text) {
  const device::FaultCounts& faults = direction.faults();
  const auto line = [&](const char* counter, uint64_t value) {
    absl::StrAppend(&text, name, "_", counter, " ", value, "\n");
  };
  line("frames", direction.counts().frames_in);
  line("bytes", direction.counts().bytes_in);
  line("dropped", faults.dropped);
  line("duplicated", faults.duplicated);
  line("reordered", faults.reordered);
  line("corrupted", faults.corrupted);
  line("overflowed", faults.overflowed);
  line("frames_out", direction.counts().frames_out);
  line("bytes_out", direction.counts().bytes_out);
  line("held_at_end", direction.held_frames());
  line("read_failures", from.failures().reads);
  line("write_failures", to.failures().writes);
}

timespec TimespecOf(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((duration - seconds).count())};
}

// Until a signal, the end of the time, or the end of a TAP.
void Forward(const Tap& a, const Tap& b, Direction& a_to_b, Direction& b_to_a, Duration duration,
             int signal_fd) {
  const SteadyClock clock;
  const Instant end = duration > Duration(0) ? clock.Now() + duration : kNever;
  while (!a.gone() && !b.gone()) {
    const Instant now = clock.Now();
    if (now >= end) return;
    const bool more_at_a = a_to_b.Turn(now);
    const bool more_at_b = b_to_a.Turn(clock.Now());
    const Instant until = std::min({end, a_to_b.NextDeadline(), b_to_a.NextDeadline()});
    timespec timeout{};
    const Instant asked = clock.Now();
    if (!more_at_a && !more_at_b && until > asked) timeout = TimespecOf(until - asked);
    // Frames where they are wanted, room where it is missing.
    const auto wanted = [](const Direction& from_here, const Direction& to_here) {
      return static_cast<short>((from_here.WantsFrames() ? POLLIN : 0) |
                                (to_here.blocked() ? POLLOUT : 0));
    };
    std::array<pollfd, 3> fds = {{{signal_fd, POLLIN, 0},
                                  {a.fd(), wanted(a_to_b, b_to_a), 0},
                                  {b.fd(), wanted(b_to_a, a_to_b), 0}}};
    const bool for_ever = until == kNever && !more_at_a && !more_at_b;
    ::ppoll(fds.data(), fds.size(), for_ever ? nullptr : &timeout, nullptr);
    if (fds[0].revents != 0) return;
  }
}

int Run(const LinkOptions& options) {
  const FileDescriptor signals = TakeSignals();
  // A delay of 20 ms means 20, not 20.05.
  ::prctl(PR_SET_TIMERSLACK, 1ul);
  if (const absl::Status memory = CheckMemory(options); !memory.ok())
    return Fail(kProgram, memory, kExitWorld);
  absl::StatusOr<Tap> a = OpenEnd(options.a);
  if (!a.ok()) return Fail(kProgram, a.status(), kExitWorld);
  absl::StatusOr<Tap> b = OpenEnd(options.b);
  if (!b.ok()) return Fail(kProgram, b.status(), kExitWorld);
  const device::FaultOptions& faults = options.faults;
  Direction a_to_b(*a, *b, faults.in, Seed{faults.seed, 1}, faults.held_frames_max,
                   faults.held_bytes_max);
  Direction b_to_a(*b, *a, faults.out, Seed{faults.seed, 2}, faults.held_frames_max,
                   faults.held_bytes_max);
  Say(absl::StrCat("aether-link: ", options.a, " and ", options.b, ", fault ",
                   options.fault_text.empty() ? "none" : options.fault_text,
                   ", each direction holds ", faults.held_frames_max, " frames and ",
                   faults.held_bytes_max, " bytes\n"));
  Forward(*a, *b, a_to_b, b_to_a, options.duration, signals.get());
  std::string report = "counters:\n";
  AppendCounters("a_to_b", a_to_b, *a, *b, report);
  AppendCounters("b_to_a", b_to_a, *b, *a, report);
  Say(report);
  if (a->gone() || b->gone()) {
    return Fail(
        kProgram,
        absl::UnavailableError(absl::StrCat("TAP ", a->gone() ? options.a : options.b,
                                            " was deleted while we ran: make it again and start "
                                            "anew")),
        kExitWorld);
  }
  return 0;
}

int Main(int argc, char** argv) {
  FillStandardDescriptors();
  CommandLine line{.program = kProgram};
  const std::span<const char* const> arguments(argv + 1,
                                               static_cast<size_t>(std::max(argc - 1, 0)));
  if (const absl::Status parsed = ParseCommandLine(arguments, line); !parsed.ok())
    return Fail(kProgram, parsed, kExitUsage);
  if (line.help) {
    Say(
        absl::StrCat("aether-link: copies frames between two TAP devices, with faults.\n\n"
                     "aether-link --a=TAP --b=TAP [--flag=value ...]\n\n",
                     FlagHelp()));
    return 0;
  }
  const absl::StatusOr<LinkOptions> options = LinkOptionsFromFlags();
  if (!options.ok()) return Fail(kProgram, options.status(), kExitUsage);
  return Run(*options);
}

}  // namespace
}  // namespace aether::runtime

int main(int argc, char** argv) { return aether::runtime::Main(argc, argv); }
