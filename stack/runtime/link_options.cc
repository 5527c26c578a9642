#include "stack/runtime/link_options.h"

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "stack/runtime/tap.h"

// Each text says what the flag takes; a malformed value is answered with it.
ABSL_FLAG(std::string, a, "", "the name of a TAP device, created when missing and permitted");
ABSL_FLAG(std::string, b, "", "the name of another TAP device");
ABSL_FLAG(std::string, fault, "",
          "faults to inject, as drop=0.01,delay=10ms,dup=0.01,reorder=0.01,corrupt=0.01,rate=10M,"
          "jitter=1ms,seed=1, in both directions; in. before a key for what comes in at --a and "
          "leaves at --b, out. for the way back");
ABSL_FLAG(double, duration, 0, "the seconds to run for; 0: until a signal");
ABSL_FLAG(
    int64_t, queue_frames, 8192,
    "the frames that each direction may hold, from 1 to 65536: what is on its way (rate times "
    "delay) and what waits");
ABSL_FLAG(int64_t, queue_bytes, 16777216,
          "the bytes that each direction may hold, from 1514 to 4294967296");

namespace aether::runtime {
namespace {

constexpr double kSecondsMax = 1e9;

absl::Status Malformed(const char* flag, const std::string& value, const char* wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, "=", value, " is malformed: give ", wanted));
}

absl::Status CheckName(const char* flag, const std::string& name) {
  if (name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " is missing: name the two TAPs with --a=TAP and --b=TAP"));
  }
  return IsTapName(name) ? absl::OkStatus() : Malformed(flag, name, kTapNameRule);
}

}  // namespace

absl::StatusOr<LinkOptions> LinkOptionsFromFlags() {
  LinkOptions options;
  options.a = absl::GetFlag(FLAGS_a);
  options.b = absl::GetFlag(FLAGS_b);
  absl::Status status = CheckName("a", options.a);
  status.Update(CheckName("b", options.b));
  if (!status.ok()) return status;
  if (options.a == options.b) {
    return absl::InvalidArgumentError(
        absl::StrCat("--a and --b are both ", options.a, ": a link has two ends, name two TAPs"));
  }

  options.fault_text = absl::GetFlag(FLAGS_fault);
  const auto faults = device::FaultOptions::Parse(options.fault_text);
  if (!faults) {
    return absl::InvalidArgumentError(
        absl::StrCat("--fault=", options.fault_text, " is malformed: ", faults.error()));
  }
  options.faults = *faults;

  const int64_t frames = absl::GetFlag(FLAGS_queue_frames);
  if (frames < 1 || frames > LinkOptions::kQueueFramesMax)
    return Malformed("queue_frames", absl::StrCat(frames), "a number of frames from 1 to 65536");
  options.faults.held_frames_max = static_cast<size_t>(frames);
  const int64_t bytes = absl::GetFlag(FLAGS_queue_bytes);
  if (bytes < 1514 || bytes > LinkOptions::kQueueBytesMax)
    return Malformed("queue_bytes", absl::StrCat(bytes), "bytes from 1514 to 4294967296");
  options.faults.held_bytes_max = static_cast<size_t>(bytes);

  const double seconds = absl::GetFlag(FLAGS_duration);
  if (!(seconds >= 0) || seconds > kSecondsMax)
    return Malformed("duration", absl::StrCat(seconds), "seconds, from 0 to a billion");
  options.duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return options;
}

}  // namespace aether::runtime
