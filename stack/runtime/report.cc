#include "stack/runtime/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace aether::runtime {
namespace {

void AppendLine(std::string& text, const char* name, uint64_t value) {
  absl::StrAppend(&text, name, " ", value, "\n");
}

}  // namespace

void Report::Add(const Report& other) {
  stack.Add(other.stack);
  http.Add(other.http);
  loop.Add(other.loop);
  tap.reads += other.tap.reads;
  tap.writes += other.tap.writes;
  wake_ups += other.wake_ups;
  ring_overflows += other.ring_overflows;
  connections += other.connections;
  time_wait += other.time_wait;
}

std::string FormatReport(const Report& report) {
  std::string text = "counters:\n";
#define AETHER_REPORT_COUNTER(member, meaning) AppendLine(text, #member, report.stack.member);
  AETHER_COUNTERS(AETHER_REPORT_COUNTER)
#undef AETHER_REPORT_COUNTER
  AppendLine(text, "tcp_connections_now", report.connections);
  AppendLine(text, "tcp_time_wait_now", report.time_wait);

  text += "drops:\n";
  for (size_t i = 0; i < kDropCount; ++i) {
    if (report.stack.drops[i] != 0)
      AppendLine(text, std::string(kDropNames[i]).c_str(), report.stack.drops[i]);
  }

  text += "http:\n";
  const app::HttpCounters& http = report.http;
  AppendLine(text, "http_connections", http.connections);
  AppendLine(text, "http_refused", http.refused);
  AppendLine(text, "http_requests", http.requests);
  for (size_t i = 1; i < http.responses.size(); ++i) {
    AppendLine(text, absl::StrCat("http_responses_", i, "xx").c_str(), http.responses[i]);
  }
  AppendLine(text, "http_bytes_out", http.bytes_out);
  AppendLine(text, "http_timeouts", http.timeouts);
  AppendLine(text, "http_aborted", http.aborted);
  AppendLine(text, "http_echoes", http.echoes);

  text += "loop:\n";
#define AETHER_REPORT_LOOP(member, meaning) AppendLine(text, #member, report.loop.member);
  AETHER_LOOP_COUNTERS(AETHER_REPORT_LOOP)
#undef AETHER_REPORT_LOOP
  AppendLine(text, "wake_ups", report.wake_ups);
  AppendLine(text, "system_calls", report.loop.SystemCalls() + report.wake_ups);
  AppendLine(text, "ring_overflows", report.ring_overflows);
  AppendLine(text, "tap_reads_failed", report.tap.reads);
  AppendLine(text, "tap_writes_failed", report.tap.writes);
  return text;
}

std::string FormatStatistics(const Report& before, const Report& after, double seconds) {
  const auto rate = [&](uint64_t from, uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  return absl::StrFormat(
      "stats: %.0f frames/s in, %.0f out, %.0f requests/s, %u connections, %u in TIME-WAIT, %u "
      "drops, %.0f system calls/s\n",
      rate(before.stack.frames_in, after.stack.frames_in),
      rate(before.stack.frames_out, after.stack.frames_out),
      rate(before.http.requests, after.http.requests), after.connections, after.time_wait,
      after.stack.TotalDrops() - before.stack.TotalDrops(),
      rate(before.loop.SystemCalls() + before.wake_ups, after.loop.SystemCalls() + after.wake_ups));
}

}  // namespace aether::runtime
