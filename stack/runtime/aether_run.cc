// aether-run: the stack on a TAP. Reads its flags, starts the workers, waits for a signal or the
// end of its time, and prints what was counted. Exit codes: 0 clean, 1 the world is wrong (one
// sentence says what to do), 2 usage.
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "stack/device/describe.h"
#include "stack/runtime/command_line.h"
#include "stack/runtime/link_state.h"
#include "stack/runtime/process.h"
#include "stack/runtime/program.h"
#include "stack/runtime/run_options.h"
#include "stack/runtime/steady_clock.h"
#include "stack/runtime/workers.h"

namespace aether::runtime {
namespace {

constexpr char kProgram[] = "aether-run";

uint32_t UsableCpus() {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return static_cast<uint32_t>(CPU_COUNT(&cpus));
}

WorkersOptions WorkersOptionsFor(const RunOptions& run) {
  WorkersOptions options;
  options.tap.name = run.tap;
  options.workers = run.workers != 0 ? run.workers : AutoWorkers(UsableCpus());
  options.backoff = run.backoff;
  run.Apply(MachineName(), options.host.stack);
  options.host.address = run.address;
  options.host.dhcp = !run.address.has_value();
  options.host.gateway = run.gateway;
  options.host.http_port = run.http_port;
  options.host.echo_port = run.echo_port;
  options.host.original_echo = run.original_echo;
  options.http_root = run.http_root;
  options.seed = options.host.stack.seed;
  options.faults = run.faults;
  options.record = run.record;
  options.profile_name = run.profile_name;
  return options;
}

std::string StartLine(const RunOptions& run, const WorkersOptions& options,
                      const Workers& workers) {
  std::string line = "aether-run: ";
  if (run.address) {
    absl::StrAppend(&line, NetworkText(*run.address), " on ", run.tap);
  } else {
    absl::StrAppend(&line, "waiting for DHCP on ", run.tap);
  }
  absl::StrAppend(&line, " (", device::ToString(options.host.stack.mac), ")");
  absl::StrAppend(&line, ", http ", run.http_port == 0 ? "off" : absl::StrCat(run.http_port));
  absl::StrAppend(&line, ", echo ", run.echo_port == 0 ? "off" : absl::StrCat(run.echo_port));
  absl::StrAppend(&line, ", workers ", workers.size());
  if (workers.sharing() == Workers::Sharing::kSteered) line += " (steered)";
  if (workers.sharing() == Workers::Sharing::kDispatched) line += " (dispatched)";
  absl::StrAppend(&line, ", profile ", run.profile_name, ", backoff ", run.backoff_name, "\n");
  return line;
}

std::string AddressLine(const AddressState& state) {
  if (!state.address) return "aether-run: the address is gone, waiting for DHCP\n";
  if (!state.lease_seconds) {
    return absl::StrCat("aether-run: no DHCP answer, fell back to ", NetworkText(*state.address),
                        "\n");
  }
  const std::string lease = *state.lease_seconds == AddressState::kNoEnd
                                ? "without end"
                                : absl::StrCat(*state.lease_seconds, " s");
  return absl::StrCat("aether-run: address ", NetworkText(*state.address), " from DHCP (gateway ",
                      state.gateway ? device::ToString(*state.gateway) : "none", ", lease ", lease,
                      ")\n");
}

// Until a signal, the end of the time, or the end of the TAP; prints what happens meanwhile.
void Watch(const RunOptions& run, Workers& workers, int signal_fd) {
  const SteadyClock clock;
  const Instant started = clock.Now();
  const Instant end = run.duration > Duration(0) ? started + run.duration : kNever;
  const bool wants_statistics = run.stats_every > Duration(0);
  Instant next_statistics = wants_statistics ? started + run.stats_every : kNever;
  Instant last_statistics = started;
  Report before;
  uint64_t address_version = 0;
  while (!workers.Gone()) {
    const Instant now = clock.Now();
    if (now >= end) return;
    if (now >= next_statistics) {
      const Report report = workers.Collect();
      Say(FormatStatistics(before, report,
                           std::chrono::duration<double>(now - last_statistics).count()));
      before = report;
      last_statistics = now;
      next_statistics = std::max(next_statistics + run.stats_every, now);
    }
    const Instant until = std::min(end, next_statistics);
    int timeout_ms = -1;
    if (until != kNever) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
      timeout_ms = static_cast<int>(std::min<int64_t>(left.count(), 1'000'000'000));
    }
    std::array<pollfd, 2> fds = {{{signal_fd, POLLIN, 0}, {workers.notice_fd(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), timeout_ms);
    if (fds[0].revents != 0) return;
    uint64_t notices = 0;
    if (::read(workers.notice_fd(), &notices, sizeof notices) < 0) continue;
    if (workers.address().version() != address_version)
      Say(AddressLine(workers.address().Read(address_version)));
  }
}

int Run(const RunOptions& run) {
  const FileDescriptor signals = TakeSignals();
  const WorkersOptions options = WorkersOptionsFor(run);
  absl::StatusOr<std::unique_ptr<Workers>> workers = Workers::Create(options);
  if (!workers.ok()) return Fail(kProgram, workers.status(), kExitWorld);

  // Last of all, so that a start that fails leaves no file behind.
  absl::StatusOr<std::unique_ptr<device::PcapWriter>> capture = OpenCapture(run.capture);
  if (!capture.ok()) return Fail(kProgram, capture.status(), kExitWorld);

  Say(StartLine(run, options, **workers));
  if (const auto link = ReadLinkState(run.tap); link.ok() && !link->up) {
    std::fprintf(stderr, "aether-run: %s is down: bring it up (ip link set %s up)\n",
                 run.tap.c_str(), run.tap.c_str());
  }
  (*workers)->Start(capture->get());
  Watch(run, **workers, signals.get());
  (*workers)->Stop();
  Say(FormatReport((*workers)->Collect()));
  if ((*workers)->Gone()) {
    return Fail(kProgram,
                absl::UnavailableError(absl::StrCat(
                    "TAP ", run.tap, " was deleted while we ran: make it again and start anew")),
                kExitWorld);
  }
  if (const Recorder* recorder = (*workers)->recorder(); recorder != nullptr) {
    Say(absl::StrCat("recording: ", recorder->frames_sent(), " frames out, trace ",
                     absl::Hex(recorder->hash(), absl::kZeroPad16), "\n"));
    if (!recorder->status().ok()) return Fail(kProgram, recorder->status(), kExitWorld);
  }
  if (const absl::Status written = FinishCapture(capture->get()); !written.ok())
    return Fail(kProgram, written, kExitWorld);
  return 0;
}

int Main(int argc, char** argv) {
  FillStandardDescriptors();
  CommandLine line;
  const std::span<const char* const> arguments(argv + 1,
                                               static_cast<size_t>(std::max(argc - 1, 0)));
  if (const absl::Status parsed = ParseCommandLine(arguments, line); !parsed.ok())
    return Fail(kProgram, parsed, kExitUsage);
  if (line.help) {
    Say(
        absl::StrCat("aether-run: a TCP/IP stack in user space, with an HTTP and an echo server, "
                     "on a TAP device.\n\n"
                     "aether-run [--flag=value ...]\n\n",
                     FlagHelp()));
    return 0;
  }
  const absl::StatusOr<RunOptions> run = RunOptionsFromFlags();
  if (!run.ok()) {
    return Fail(
        kProgram, run.status(),
        run.status().code() == absl::StatusCode::kInvalidArgument ? kExitUsage : kExitWorld);
  }
  return Run(*run);
}

}  // namespace
}  // namespace aether::runtime

int main(int argc, char** argv) { return aether::runtime::Main(argc, argv); }
