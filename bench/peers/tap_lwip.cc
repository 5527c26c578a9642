// The web server of lwip_host.h on a TAP: a peer for live runs. One read and one write per frame,
// as tap_reflector; lwIP's timers run on the monotonic clock.
//
//   tap_lwip --tap=aether0 --address=10.0.0.2 [--close] [--backoff=spin|yield|poll]
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "bench/live/default_response.h"
#include "bench/live/tap_port.h"
#include "bench/peers/lwip_host.h"

namespace aether::bench {
namespace {

volatile std::sig_atomic_t stop = 0;

struct Options {
  std::string tap = "aether0";
  uint32_t address = 0x0a000002;
  bool close = false;
  std::string backoff = "spin";
};

struct Counts {
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t system_calls = 0;
};

[[noreturn]] void Fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "tap_lwip: %s\n", sentence.c_str());
  std::exit(code);
}

Instant Now() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? "" : argument.substr(equals + 1));
    if (name == "--tap") {
      options.tap = value;
    } else if (name == "--address") {
      unsigned a, b, c, d;
      if (std::sscanf(value.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d) != 4 || (a | b | c | d) > 255)
        Fail(2, "--address takes A.B.C.D");
      options.address = a << 24 | b << 16 | c << 8 | d;
    } else if (argument == "--close") {
      options.close = true;
    } else if (name == "--backoff" && (value == "spin" || value == "yield" || value == "poll")) {
      options.backoff = value;
    } else {
      Fail(2, "unknown argument " + std::string(argument) +
                  "; known are --tap --address --close --backoff=spin|yield|poll");
    }
  }
  return options;
}

void Wait(const Options& options, int tap, Counts& counts) {
  if (options.backoff == "spin") return;
  ++counts.system_calls;
  if (options.backoff == "yield") {
    ::sched_yield();
    return;
  }
  // The timers' interval.
  pollfd poll{tap, POLLIN, 0};
  ::poll(&poll, 1, TCP_TMR_INTERVAL);
}

void Run(const Options& options, int tap, LwipHost& host, Counts& counts) {
  std::array<uint8_t, 2048> in{};
  std::array<uint8_t, 2048> out{};
  const auto send = [&](size_t size) {
    ++counts.frames_out;
    ++counts.system_calls;
    [[maybe_unused]] const ssize_t written = ::write(tap, out.data(), size);
  };
  while (stop == 0) {
    host.Advance(Now());
    while (const size_t size = host.Transmit(out)) send(size);
    ++counts.system_calls;
    const ssize_t got = ::read(tap, in.data(), in.size());
    if (got <= 0) {
      if (got < 0 && errno != EAGAIN && errno != EINTR) return;
      Wait(options, tap, counts);
      continue;
    }
    ++counts.frames_in;
    if (const size_t size = host.Receive({in.data(), static_cast<size_t>(got)}, out)) send(size);
  }
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const auto tap = OpenTap(options.tap);
  if (!tap) Fail(1, tap.error());
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    action.sa_handler = [](int) { stop = 1; };
    ::sigaction(signal, &action, nullptr);
  }
  const std::string response = DefaultResponse(options.close);
  const Ipv4Address address{options.address};
  auto host = LwipHost::Create(
      {.mac = {{0x02, 0xae, 0x7e, 0, 0, 3}},
       .network = {address, 24},
       .gateway = {0},
       .response = {reinterpret_cast<const uint8_t*>(response.data()), response.size()},
       .close = options.close,
       // As it is built: without a limit.
       .time_wait_max = std::numeric_limits<uint32_t>::max()},
      Now());
  if (!host) Fail(3, "absent: " + host.error());
  std::printf("tap_lwip: %s, response of %zu bytes%s\n", options.tap.c_str(), response.size(),
              options.close ? ", closing" : "");
  std::fflush(stdout);
  Counts counts;
  Run(options, *tap, **host, counts);
  std::printf("counters:\nframes_in %llu\nframes_out %llu\nsystem_calls %llu\nhttp_requests %llu\n",
              static_cast<unsigned long long>(counts.frames_in),
              static_cast<unsigned long long>(counts.frames_out),
              static_cast<unsigned long long>(counts.system_calls),
              static_cast<unsigned long long>((*host)->requests()));
  return 0;
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) { return aether::bench::Main(argc, argv); }
