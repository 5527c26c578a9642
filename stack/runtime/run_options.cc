#include "stack/runtime/run_options.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "stack/runtime/flag_values.h"

// Each text says what the flag takes; a malformed value is answered with it.
ABSL_FLAG(std::string, workers, "auto",
          "auto, or a number of threads from 1 to 64; auto leaves one CPU to the clients");
ABSL_FLAG(int32_t, http_port, 80, "the TCP port of the HTTP server, from 0 (no server) to 65535");
ABSL_FLAG(std::string, http_root, "",
          "a directory whose files are served; empty: the built-in page alone");
ABSL_FLAG(int32_t, echo_port, 7,
          "the TCP and UDP port of the echo server, from 0 (no server) to 65535");
ABSL_FLAG(bool, original_echo, false,
          "true or false: answer what is not HTTP on the HTTP port as the original did");
ABSL_FLAG(std::string, backoff, "adaptive",
          "adaptive, spin or poll: what to do when there is nothing to do");
ABSL_FLAG(double, duration, 0, "the seconds to run for; 0: until a signal");
ABSL_FLAG(double, stats, 0, "the seconds between two lines of statistics; 0: none");

ABSL_FLAG(std::string, record, "",
          "the name of a file for a recording that aether-replay --mode=exact repeats; one worker");

namespace aether::runtime {
namespace {

absl::Status ReadEngineFlags(RunOptions& options) {
  const std::string workers = absl::GetFlag(FLAGS_workers);
  if (workers != "auto" && (!ParseNumber(workers, options.workers) || options.workers == 0 ||
                            options.workers > kWorkersMax)) {
    return Malformed("workers", workers, "auto or a number from 1 to 64");
  }
  options.backoff_name = absl::GetFlag(FLAGS_backoff);
  if (options.backoff_name == "adaptive") {
    options.backoff = BackoffMode::kAdaptive;
  } else if (options.backoff_name == "spin") {
    options.backoff = BackoffMode::kSpin;
  } else if (options.backoff_name == "poll") {
    options.backoff = BackoffMode::kPoll;
  } else {
    return Malformed("backoff", options.backoff_name, "adaptive, spin or poll");
  }
  return absl::OkStatus();
}

absl::Status ReadPort(std::string_view name, int32_t value, uint16_t& port) {
  if (value < 0 || value > 65535)
    return Malformed(name, absl::StrCat(value), "a port from 0 to 65535");
  port = static_cast<uint16_t>(value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunOptions> RunOptionsFromFlags() {
  RunOptions options;
  options.http_root = absl::GetFlag(FLAGS_http_root);
  options.record = absl::GetFlag(FLAGS_record);
  options.original_echo = absl::GetFlag(FLAGS_original_echo);
  absl::Status status = ReadPort("http_port", absl::GetFlag(FLAGS_http_port), options.http_port);
  status.Update(ReadPort("echo_port", absl::GetFlag(FLAGS_echo_port), options.echo_port));
  status.Update(ReadSeconds("duration", absl::GetFlag(FLAGS_duration), options.duration));
  status.Update(ReadSeconds("stats", absl::GetFlag(FLAGS_stats), options.stats_every));
  status.Update(ReadEngineFlags(options));
  status.Update(ReadStackFlags(options));
  if (!status.ok()) return status;
  if (!options.record.empty()) {
    if (options.workers > 1) {
      return absl::FailedPreconditionError(
          "--record is for one worker: what several do to each other is in no recording; leave "
          "--workers away");
    }
    options.workers = 1;
  }
  if (options.http_port != 0 && options.http_port == options.echo_port) {
    return absl::FailedPreconditionError(
        absl::StrCat("port ", options.http_port,
                     " is taken twice: give --http_port and --echo_port different values"));
  }
  return options;
}

uint32_t AutoWorkers(uint32_t usable_cpus) {
  constexpr uint32_t kAutoMax = 8;
  return usable_cpus <= 2 ? 1 : std::min(usable_cpus - 1, kAutoMax);
}

}  // namespace aether::runtime
