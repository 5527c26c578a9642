#include "replay/celeron/measurement.h"

#include <array>
#include <string_view>
#include <utility>

namespace aether::celeron {
namespace {

std::string Need(const FlatJson& json, const std::string& name, double& value) {
  const auto found = json.numbers.find(name);
  if (found == json.numbers.end()) return "there is no " + name;
  if (found->second <= 0) return name + " is not more than nothing";
  value = found->second;
  return "";
}

std::string ReadCounts(const FlatJson& json, const std::string& prefix, Counts& counts) {
  const auto read = CountsOf(json, prefix);
  if (!read) return read.error();
  counts = *read;
  return counts.instructions > 0 ? "" : prefix + " counts no instruction";
}

// "list_l1" of "validation.list_l1.cycles"; empty for other keys.
std::string NameIn(std::string_view key, std::string_view before, std::string_view after) {
  if (!key.starts_with(before) || !key.ends_with(after)) return "";
  key.remove_prefix(before.size());
  key.remove_suffix(after.size());
  return std::string(key);
}

std::string ReadCases(const FlatJson& json, const std::string& kind,
                      std::vector<ValidationCase>& cases) {
  for (const auto& [key, cycles] : json.numbers) {
    const std::string name = NameIn(key, kind + ".", ".cycles");
    if (name.empty()) continue;
    ValidationCase one{.name = name};
    std::string wrong = Need(json, key, one.measured_cycles);
    if (wrong.empty()) wrong = ReadCounts(json, kind + "." + name, one.counts);
    if (!wrong.empty()) return wrong;
    const auto chain = json.numbers.find(kind + "." + name + ".chain");
    one.is_chain = chain != json.numbers.end() && chain->second != 0;
    cases.push_back(one);
  }
  return "";
}

std::string ReadWorkload(const FlatJson& json, const std::string& profile, Workload& workload) {
  std::string wrong = ReadCounts(json, profile + ".stack", workload.stack);
  // Nothing in a quick pass over a build without line information: then all is the stack's.
  if (const auto read = CountsOf(json, profile + ".application"); read)
    workload.application = *read;
  else if (wrong.empty())
    wrong = read.error();
  if (wrong.empty()) wrong = ReadCounts(json, "client", workload.client);
  double server_system_ns = 0;
  double client_system_ns = 0;
  if (wrong.empty()) wrong = Need(json, profile + ".server_system_ns", server_system_ns);
  if (wrong.empty()) wrong = Need(json, profile + ".client_system_ns", client_system_ns);
  if (wrong.empty()) wrong = Need(json, profile + ".client_user_ns", workload.client_user_ns);
  workload.kernel_ns = server_system_ns + client_system_ns;
  return wrong;
}

std::string ReadLive(const FlatJson& json, Measurement& measurement) {
  for (const auto& [key, value] : json.numbers) {
    if (const std::string name = NameIn(key, "live.", ".median"); !name.empty()) {
      Interval& rates = measurement.live[name];
      for (const auto& [end, rate] :
           {std::pair{".low", &rates.low}, {".median", &rates.median}, {".high", &rates.high}}) {
        if (const std::string wrong = Need(json, "live." + name + end, *rate); !wrong.empty())
          return wrong;
      }
    }
    if (const std::string name = NameIn(key, "live_cpu.", ""); !name.empty())
      measurement.live_per_cpu_s[name] = value;
  }
  for (const char* wanted : {"b.classic.python", "b.full.python", "c.classic.python",
                             "c.full.python", "b.full.wrk", "c.full.wrk"})
    if (!measurement.live.contains(wanted)) return std::string("there is no live.") + wanted;
  return "";
}

}  // namespace

double Measurement::Number(const std::string& name) const {
  const auto found = all.numbers.find(name);
  return found == all.numbers.end() ? 0 : found->second;
}

std::string Measurement::Text(const std::string& name) const {
  const auto found = all.texts.find(name);
  return found == all.texts.end() ? "unknown" : found->second;
}

std::expected<Measurement, std::string> ReadCalibration(const FlatJson& json) {
  Measurement measurement{.all = json};
  std::string wrong = ReadCases(json, "validation", measurement.kernels);
  if (wrong.empty()) wrong = Need(json, "here.c2", measurement.here.c2);
  if (wrong.empty()) wrong = Need(json, "here.cmem", measurement.here.cmem);
  if (wrong.empty()) wrong = Need(json, "here.cbr", measurement.here.cbr);
  if (wrong.empty()) wrong = Need(json, "here.clock_ghz", measurement.here_ghz);
  if (wrong.empty()) wrong = ReadCounts(json, "calibration", measurement.calibration);
  if (wrong.empty()) wrong = Need(json, "calibration.here_ns", measurement.calibration_here_ns);
  if (!wrong.empty()) return std::unexpected(wrong);
  return measurement;
}

std::expected<Measurement, std::string> ReadMeasurement(const FlatJson& json) {
  auto measurement = ReadCalibration(json);
  if (!measurement) return measurement;
  std::string wrong = ReadCases(json, "heldout", measurement->held_out);
  for (const char* profile : {"classic", "full"})
    if (wrong.empty()) wrong = ReadWorkload(json, profile, measurement->workloads[profile]);
  if (wrong.empty()) wrong = ReadLive(json, *measurement);
  if (!wrong.empty()) return std::unexpected(wrong);
  return measurement;
}

}  // namespace aether::celeron
