#include "replay/replay_run.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "replay/adaptive_replay.h"
#include "replay/exact_replay.h"
#include "replay/open_replay.h"
#include "replay/recording_file.h"
#include "replay/replay_setup.h"
#include "replay/speed_log.h"
#include "stack/device/pcap_writer.h"

namespace aether::replay {
namespace {

using RealClock = std::chrono::steady_clock;

int64_t Since(RealClock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(RealClock::now() - begin).count();
}

// Waits until virtual time may be what it is.
void Pace(RealClock::time_point begin, double speed, Duration virtual_time) {
  const std::chrono::duration<double, std::nano> real(static_cast<double>(virtual_time.count()) /
                                                      speed);
  const auto until = begin + std::chrono::duration_cast<std::chrono::nanoseconds>(real);
  if (until > RealClock::now() + std::chrono::milliseconds(1)) std::this_thread::sleep_until(until);
}

std::expected<ReplayResult, std::string> RunOne(const ReplayOptions& options, ReplaySetup setup) {
  Survey survey;
  if (const auto read = ReadSurvey(setup, survey); !read) return std::unexpected(read.error());
  ReplayHostOptions host = HostOptionsFor(setup, survey);
  host.patient = options.mode == ReplayMode::kAdaptive;
  SpeedLog log;
  SpeedLog* const kept = options.rounds > 0 && !options.speed ? &log : nullptr;
  const RealClock::time_point begin = RealClock::now();
  auto result = options.mode == ReplayMode::kOpen ? RunOpenReplay(setup, host, kept)
                                                  : AdaptiveReplay(setup, survey, host, kept).Run();
  if (!result) return result;
  result->wall_ns = Since(begin);
  if (kept == nullptr) return result;
  const SpeedLog::Outcome outcome = log.Run(host, Instant{}, options.rounds);
  if (!outcome.wrong.empty()) return std::unexpected(outcome.wrong);
  result->speed_ns = outcome.nanoseconds;
  result->speed_frames = outcome.frames_in + outcome.frames_out;
  result->speed_requests = outcome.requests;
  return result;
}

std::expected<ReplayResult, std::string> RunExact(const ReplayOptions& options,
                                                  const ReplaySetup& setup) {
  const RealClock::time_point begin = RealClock::now();
  auto result = RunExactReplay({.path = options.capture, .out = setup.out, .pace = setup.pace});
  if (!result) return result;
  result->wall_ns = Since(begin);
  // All of it is the host's: there are no clients.
  result->speed_ns = result->wall_ns;
  result->speed_frames = result->frames_in + result->frames_out;
  result->speed_requests = result->http.requests;
  return result;
}

std::expected<ReplayResult, std::string> RunWorkers(const ReplayOptions& options,
                                                    const ReplaySetup& setup) {
  std::vector<std::expected<ReplayResult, std::string>> results(options.workers);
  std::vector<std::jthread> threads;
  for (uint32_t i = 0; i < options.workers; ++i) {
    ReplaySetup own = setup;
    own.share = i;
    own.shares = options.workers;
    if (i != 0) own.pace = nullptr;
    threads.emplace_back([&options, own, &result = results[i]] { result = RunOne(options, own); });
  }
  threads.clear();
  ReplayResult sum;
  for (const auto& result : results) {
    if (!result) return result;
    sum.Add(*result);
  }
  sum.mode = results.front()->mode;
  return sum;
}

}  // namespace

std::expected<ReplayResult, std::string> RunReplay(const ReplayOptions& asked,
                                                   const ShowProgress& show) {
  ReplayOptions options = asked;
  const bool is_recording = RecordingFile::Is(options.capture);
  if (is_recording && !options.mode_given) options.mode = ReplayMode::kExact;
  if (is_recording != (options.mode == ReplayMode::kExact)) {
    return std::unexpected(is_recording
                               ? options.capture + " is a recording: replay it with --mode=exact."
                               : options.capture +
                                     " is no recording of aether-run --record: "
                                     "--mode=exact cannot replay it.");
  }
  ReplaySetup setup;
  setup.path = options.capture;
  setup.filter = options.filter;
  setup.profile = options.profile;
  setup.seed = {options.seed, 0};
  setup.mac = options.mac;
  setup.address = options.address;
  std::unique_ptr<device::PcapWriter> out;
  if (!options.out.empty()) {
    auto created = device::PcapWriter::Create(options.out, {});
    if (!created) return std::unexpected(created.error() + " Name another file with --out.");
    out = *std::move(created);
    setup.out = out.get();
  }
  const RealClock::time_point begin = RealClock::now();
  if (options.speed || show) {
    setup.pace = [&options, &show, begin](Duration virtual_time, uint64_t read, uint64_t in_all) {
      if (options.speed) Pace(begin, *options.speed, virtual_time);
      if (show && in_all > 0) show(static_cast<double>(read) / static_cast<double>(in_all));
    };
  }
  auto result = options.mode == ReplayMode::kExact ? RunExact(options, setup)
                : options.workers == 1             ? RunOne(options, setup)
                                                   : RunWorkers(options, setup);
  if (result && out != nullptr) {
    out->Flush();
    if (!out->error().empty()) return std::unexpected(out->error());
  }
  return result;
}

}  // namespace aether::replay
