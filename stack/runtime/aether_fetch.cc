// aether-fetch: fetches http URLs over a TAP with our own stack. Reads its flags, attaches to the
// TAP, drives one host in one thread until all fetches are over or a signal comes. Exit codes: 0
// all were fetched, 1 not (one sentence says why), 2 usage.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "stack/device/capture.h"
#include "stack/device/describe.h"
#include "stack/device/fault.h"
#include "stack/runtime/command_line.h"
#include "stack/runtime/doorbell.h"
#include "stack/runtime/fetch_host.h"
#include "stack/runtime/fetch_options.h"
#include "stack/runtime/link_state.h"
#include "stack/runtime/loop.h"
#include "stack/runtime/process.h"
#include "stack/runtime/program.h"
#include "stack/runtime/steady_clock.h"
#include "stack/runtime/tap.h"
#include "stack/runtime/waiter.h"

namespace aether::runtime {
namespace {

// More connections than this are never open.
constexpr uint32_t kConnectionsMax = 4096;
constexpr uint32_t kArpQueueMax = 64;

int Fail(const absl::Status& status, int code) {
  return runtime::Fail("aether-fetch", status, code);
}
int Fail(const std::string& sentence, int code) { return Fail(absl::UnknownError(sentence), code); }

// For the handler of signals, which can be given nothing.
std::atomic<bool> stop_asked{false};
std::atomic<Doorbell*> bell_of_loop{nullptr};

void OnSignal(int) {
  stop_asked.store(true, std::memory_order_release);
  if (Doorbell* bell = bell_of_loop.load(std::memory_order_acquire)) bell->Ring();
}

void TakeSignals(Doorbell& bell) {
  bell_of_loop.store(&bell, std::memory_order_release);
  struct sigaction action{};
  action.sa_handler = OnSignal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // Whoever reads our output may be gone; writing says so.
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

template <typename Device>
void Drive(FetchHost& host, Tap& tap, Device& device, Doorbell& bell) {
  SteadyClock clock;
  Waiter waiter(tap.fd(), tap.fd(), bell);
  Loop loop(host, clock, device, waiter, BackoffMode::kAdaptive, host.stack().frame_size_max());
  while (!host.finished() && !tap.gone() && !stop_asked.load(std::memory_order_acquire))
    loop.Turn();
  if (tap.gone()) return;
  host.Stop(clock.Now());
  loop.Flush();
}

// The capture sees what the host sees, faults included.
void DriveOn(const FetchProgramOptions& options, FetchHost& host, Tap& tap,
             device::CaptureSink* capture, Doorbell& bell) {
  if (capture == nullptr && !options.faults) {
    Drive(host, tap, tap, bell);
    return;
  }
  const SteadyClock clock;
  device::FaultDevice<Tap, SteadyClock> fault(tap, clock,
                                              options.faults.value_or(device::FaultOptions{}));
  device::CaptureDevice<decltype(fault), SteadyClock> captured(fault, clock, capture);
  Drive(host, tap, captured, bell);
}

absl::StatusOr<Config> ConfigFor(const FetchProgramOptions& options) {
  const absl::StatusOr<LinkState> link = ReadLinkState(options.tap);
  if (!link.ok()) return link.status();
  if (!link->up) {
    std::fprintf(stderr, "aether-fetch: %s is down: bring it up (ip link set %s up)\n",
                 options.tap.c_str(), options.tap.c_str());
  }
  Config config;
  options.Apply(MachineName(), config);
  config.mtu = static_cast<uint16_t>(std::clamp<uint32_t>(link->mtu_bytes, 68, 65535));
  // All our packets may wait for the same neighbour.
  config.net.arp_queue_per_neighbor_max = kArpQueueMax;
  config.tcp.connections_max = kConnectionsMax;
  config.tcp.time_wait_max = kConnectionsMax;
  return config;
}

// What became of it all, as an exit code; what went wrong with single fetches has been said.
int Outcome(const FetchProgramOptions& options, FetchHost& host, const Tap& tap) {
  FetchSession& session = host.session();
  if (tap.gone()) {
    return Fail(absl::StrCat("TAP ", options.tap,
                             " was deleted while we ran: make it again and start anew"),
                kExitWorld);
  }
  if (!host.trouble().empty()) return Fail(host.trouble(), kExitWorld);
  if (stop_asked.load(std::memory_order_acquire) && !host.finished())
    return Fail("stopped by a signal before all was fetched", kExitWorld);
  if (session.failed() > 0) {
    if (session.total() > 1) {
      return Fail(absl::StrCat(session.failed(), " of ", session.total(), " fetches failed"),
                  kExitWorld);
    }
    return kExitWorld;
  }
  if (const absl::Status closed = session.Close(); !closed.ok()) return Fail(closed, kExitWorld);
  return 0;
}

int Run(const FetchProgramOptions& options) {
  Doorbell bell;
  TakeSignals(bell);
  absl::StatusOr<std::vector<Tap>> taps = OpenTapQueues({.name = options.tap}, 1);
  if (!taps.ok()) return Fail(taps.status(), kExitWorld);
  Tap& tap = taps->front();
  const absl::StatusOr<Config> config = ConfigFor(options);
  if (!config.ok()) return Fail(config.status(), kExitWorld);
  absl::StatusOr<std::unique_ptr<device::PcapWriter>> capture = OpenCapture(options.capture);
  if (!capture.ok()) return Fail(capture.status(), kExitWorld);
  FetchHost host(options, *config, stop_asked, SteadyClock().Now());
  DriveOn(options, host, tap, capture->get(), bell);
  const int code = Outcome(options, host, tap);
  const absl::Status written = FinishCapture(capture->get());
  bell_of_loop.store(nullptr, std::memory_order_release);
  return written.ok() ? code : Fail(written, kExitWorld);
}

int Main(int argc, char** argv) {
  FillStandardDescriptors();
  CommandLine line{.program = "aether-fetch", .takes_arguments = true};
  const std::span<const char* const> arguments(argv + 1,
                                               static_cast<size_t>(std::max(argc - 1, 0)));
  if (const absl::Status parsed = ParseCommandLine(arguments, line); !parsed.ok())
    return Fail(parsed, kExitUsage);
  if (line.help) {
    const std::string text = absl::StrCat(
        "aether-fetch: fetches http URLs with a TCP/IP stack in user space, over a TAP device.\n\n"
        "aether-fetch [--flag=value ...] URL...\n\n",
        FlagHelp());
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const absl::StatusOr<FetchProgramOptions> options = FetchOptionsFromFlags(line.arguments);
  if (!options.ok()) {
    return Fail(options.status(), options.status().code() == absl::StatusCode::kInvalidArgument
                                      ? kExitUsage
                                      : kExitWorld);
  }
  return Run(*options);
}

}  // namespace
}  // namespace aether::runtime

int main(int argc, char** argv) { return aether::runtime::Main(argc, argv); }
