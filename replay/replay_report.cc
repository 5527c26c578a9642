#include "replay/replay_report.h"

#include <cstdarg>
#include <cstdio>
#include <vector>

namespace aether::replay {
namespace {

__attribute__((format(printf, 1, 2))) std::string Format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char text[512];
  const int size = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return std::string(text,
                     size < 0 ? 0 : std::min<size_t>(static_cast<size_t>(size), sizeof text - 1));
}

using Number = std::pair<std::string, uint64_t>;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double Micros(Duration duration) { return Seconds(duration) * 1e6; }

std::vector<Number> FlowNumbers(const ReplayResult& result) {
  std::vector<Number> numbers;
#define AETHER_FLOW_NUMBER(member, meaning) numbers.emplace_back(#member, result.flows.member);
  AETHER_FLOW_COUNTS(AETHER_FLOW_NUMBER)
#undef AETHER_FLOW_NUMBER
  for (size_t i = 1; i < result.responses_by_class.size(); ++i)
    numbers.emplace_back("responses_" + std::to_string(i) + "xx", result.responses_by_class[i]);
  return numbers;
}

std::vector<Number> SkippedNumbers(const ReplayResult& result) {
  std::vector<Number> numbers;
#define AETHER_SKIPPED_NUMBER(member, meaning) numbers.emplace_back(#member, result.skipped.member);
  AETHER_SKIPPED(AETHER_SKIPPED_NUMBER)
#undef AETHER_SKIPPED_NUMBER
  return numbers;
}

std::vector<Number> StackNumbers(const ReplayResult& result) {
  std::vector<Number> numbers;
#define AETHER_STACK_NUMBER(member, meaning) numbers.emplace_back(#member, result.stack.member);
  AETHER_COUNTERS(AETHER_STACK_NUMBER)
#undef AETHER_STACK_NUMBER
  return numbers;
}

std::vector<Number> DropNumbers(const ReplayResult& result) {
  std::vector<Number> numbers;
  for (size_t i = 0; i < kDropCount; ++i)
    numbers.emplace_back(kDropNames[i], result.stack.drops[i]);
  return numbers;
}

std::vector<Number> DifferenceNumbers(const ReplayResult& result) {
  std::vector<Number> numbers;
  for (size_t i = 0; i < Difference::kKinds; ++i)
    numbers.emplace_back(Difference::Name(static_cast<Difference::Kind>(i)),
                         result.differences_by_kind[i]);
  return numbers;
}

void AddSection(std::string& text, const char* name, const std::vector<Number>& numbers) {
  text += name;
  text += ":\n";
  for (const auto& [what, value] : numbers) {
    if (value != 0)
      text += Format("  %-28s %llu\n", what.c_str(), static_cast<unsigned long long>(value));
  }
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += Format("\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void AddObject(std::string& json, const char* name, const std::vector<Number>& numbers) {
  json += Format("  \"%s\": {", name);
  const char* comma = "";
  for (const auto& [what, value] : numbers) {
    json += Format("%s\"%s\": %llu", comma, what.c_str(), static_cast<unsigned long long>(value));
    comma = ", ";
  }
  json += "},\n";
}

std::string DifferenceLine(const FlowDifference& difference) {
  return Format("%s, segment %llu at %.6f s: ", difference.flow.c_str(),
                static_cast<unsigned long long>(difference.difference.segment),
                Seconds(difference.difference.at.time_since_epoch()) - 1.0) +
         difference.difference.text;
}

std::string LatencyLine(const Histogram& latency) {
  return Format("p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us",
                Micros(latency.Percentile(50)), Micros(latency.Percentile(90)),
                Micros(latency.Percentile(99)), Micros(latency.max()));
}

}  // namespace

std::string TextReport(const ReplayResult& result) {
  std::string text =
      Format("%s replay of %llu packets, %.6f s of virtual time\n", result.mode.c_str(),
             static_cast<unsigned long long>(result.packets), Seconds(result.virtual_time));
  text += Format("frames: %llu in (%llu bytes), %llu out (%llu bytes), trace %016llx\n",
                 static_cast<unsigned long long>(result.frames_in),
                 static_cast<unsigned long long>(result.bytes_in),
                 static_cast<unsigned long long>(result.frames_out),
                 static_cast<unsigned long long>(result.bytes_out),
                 static_cast<unsigned long long>(result.trace_hash));
  if (result.mode == "adaptive") {
    text += Format("connections: %llu; requests: %llu, answered: %llu; segments rewritten: %llu\n",
                   static_cast<unsigned long long>(result.flows.connections),
                   static_cast<unsigned long long>(result.flows.requests),
                   static_cast<unsigned long long>(result.flows.responses),
                   static_cast<unsigned long long>(result.flows.rewritten));
    if (result.latency.count() > 0)
      text += "latency, virtual: " + LatencyLine(result.latency) + "\n";
  }
  if (result.wall_ns > 0)
    text += Format("the replay took %.3f s\n", static_cast<double>(result.wall_ns) / 1e9);
  if (result.speed_ns > 0 && result.speed_frames > 0) {
    const double seconds = static_cast<double>(result.speed_ns) / 1e9;
    text += Format("the frames alone, at full speed: %.0f frames/s, %.1f ns a frame, %.0f req/s\n",
                   static_cast<double>(result.speed_frames) / seconds,
                   static_cast<double>(result.speed_ns) / static_cast<double>(result.speed_frames),
                   static_cast<double>(result.speed_requests) / seconds);
  }
  if (!result.exact.empty()) text += result.exact + "\n";
  if (!result.damage.empty()) text += result.damage + " What is before it was played.\n";
  if (result.mode == "adaptive") AddSection(text, "flows", FlowNumbers(result));
  AddSection(text, "skipped", SkippedNumbers(result));
  AddSection(text, "counters", StackNumbers(result));
  AddSection(text, "drops", DropNumbers(result));
  if (result.flows.compared > 0) {
    text += Format("difference: %llu of %llu compared connections part from the capture\n",
                   static_cast<unsigned long long>(result.flows.different),
                   static_cast<unsigned long long>(result.flows.compared));
    AddSection(text, "differences by kind", DifferenceNumbers(result));
    for (const FlowDifference& one : result.differences) text += "  " + DifferenceLine(one) + "\n";
  }
  return text;
}

std::string JsonReport(const ReplayResult& result) {
  std::string json = "{\n";
  json += Format("  \"mode\": \"%s\",\n", result.mode.c_str());
  AddObject(json, "replay",
            {{"packets", result.packets},
             {"datagrams", result.datagrams},
             {"frames_in", result.frames_in},
             {"frames_out", result.frames_out},
             {"bytes_in", result.bytes_in},
             {"bytes_out", result.bytes_out},
             {"virtual_ns", static_cast<uint64_t>(result.virtual_time.count())},
             {"wall_ns", static_cast<uint64_t>(result.wall_ns)},
             {"speed_ns", static_cast<uint64_t>(result.speed_ns)},
             {"speed_frames", result.speed_frames},
             {"speed_requests", result.speed_requests}});
  json += Format("  \"trace\": \"%016llx\",\n", static_cast<unsigned long long>(result.trace_hash));
  json += "  \"exact\": " + Quoted(result.exact) + ",\n";
  json += "  \"damage\": " + Quoted(result.damage) + ",\n";
  AddObject(json, "flows", FlowNumbers(result));
  AddObject(json, "skipped", SkippedNumbers(result));
  AddObject(json, "counters", StackNumbers(result));
  AddObject(json, "drops", DropNumbers(result));
  AddObject(json, "latency_ns",
            {{"count", result.latency.count()},
             {"p50", static_cast<uint64_t>(result.latency.Percentile(50).count())},
             {"p90", static_cast<uint64_t>(result.latency.Percentile(90).count())},
             {"p99", static_cast<uint64_t>(result.latency.Percentile(99).count())},
             {"max", static_cast<uint64_t>(result.latency.max().count())}});
  AddObject(json, "differences_by_kind", DifferenceNumbers(result));
  json += "  \"differences\": [";
  const char* comma = "";
  for (const FlowDifference& one : result.differences) {
    json += comma + Quoted(DifferenceLine(one));
    comma = ", ";
  }
  return json + "]\n}\n";
}

std::string Summary(const ReplayResult& result) {
  std::string text = "mode " + result.mode + "\n";
  const auto add = [&text](const std::string& prefix, const std::vector<Number>& numbers) {
    for (const auto& [what, value] : numbers) {
      if (value != 0) text += prefix + what + " " + std::to_string(value) + "\n";
    }
  };
  add("", {{"packets", result.packets},
           {"datagrams", result.datagrams},
           {"frames_in", result.frames_in},
           {"frames_out", result.frames_out},
           {"bytes_in", result.bytes_in},
           {"bytes_out", result.bytes_out}});
  if (result.mode == "adaptive") add("flows_", FlowNumbers(result));
  add("skipped_", SkippedNumbers(result));
  add("", StackNumbers(result));
  add("drop_", DropNumbers(result));
  add("difference_", DifferenceNumbers(result));
  return text;
}

}  // namespace aether::replay
