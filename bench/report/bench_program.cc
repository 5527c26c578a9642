#include "bench/report/bench_program.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "bench/report/files.h"
#include "bench/report/json.h"
#include "bench/report/process.h"

namespace aether::perf {

namespace {

// Of one run. Whoever takes the core away for a while makes one of them slower, nothing makes one
// faster: the best of them is the sample.
constexpr int kRepetitions = 5;
constexpr const char* kIterationsMark = "/iterations:";

double NsOf(const std::string& unit) {
  if (unit == "ns") return 1;
  if (unit == "us") return 1e3;
  if (unit == "ms") return 1e6;
  return 1e9;
}

// Google Benchmark writes what is not a number as no JSON knows it (a deviation in zeros, say).
std::string WithoutNan(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\": NaN", "\": null"},
                                    {"\": -NaN", "\": null"},
                                    {"\": Infinity", "\": null"},
                                    {"\": -Infinity", "\": null"}});
}

}  // namespace

std::string PatternOf(const std::string& row) {
  std::string pattern = "^";
  for (const char c : row) {
    if (std::string_view(".[]()*+?{}|^$\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return absl::StrCat(pattern, "(", kIterationsMark, "[0-9]+)?$");
}

absl::StatusOr<Sample> SampleFromJson(const std::string& where, const std::string& text,
                                      const std::string& row) {
  return ReadJson<Sample>(where, WithoutNan(text), [&](const Json& json) {
    std::optional<Sample> best;
    for (const Json& entry : json.at("benchmarks")) {
      std::string name = entry.at("name").get<std::string>();
      name = name.substr(0, name.find(kIterationsMark));
      if (name != row || entry.at("run_type").get<std::string>() != "iteration") continue;
      if (entry.value("error_occurred", false))
        throw Json::other_error::create(
            501, row + ": " + entry.at("error_message").get<std::string>(), &json);
      Sample sample{.value = entry.at("cpu_time").get<double>() *
                             NsOf(entry.at("time_unit").get<std::string>()),
                    .iterations = entry.at("iterations").get<uint64_t>()};
      if (entry.contains("bytes_each")) sample.value = entry.at("bytes_each").get<double>();
      if (!(sample.value > 0) || !std::isfinite(sample.value))
        throw Json::other_error::create(501, row + ": not more than zero", &json);
      if (!best || sample.value < best->value) best = sample;
    }
    if (best) return *best;
    throw Json::other_error::create(501, "there is no row " + row, &json);
  });
}

BenchProgram::BenchProgram(std::string folder, std::string name, std::string scratch)
    : path_(absl::StrCat(folder, "/", name)),
      name_(std::move(name)),
      scratch_(std::move(scratch)) {}

BenchProgram::~BenchProgram() {
  for (const char* file : {"row.json", "row.txt", "check.txt"}) ::unlink(ScratchFile(file).c_str());
}

std::string BenchProgram::ScratchFile(const std::string& file) const {
  return absl::StrCat(scratch_, "/", ::getpid(), ".", file);
}

absl::Status BenchProgram::Check() {
  if (!FileExists(path_))
    return absl::NotFoundError(absl::StrCat("no ", path_, "; build the target ", name_, " first"));
  const std::string log = ScratchFile("check.txt");
  const absl::Status checked =
      RunOrSay({.arguments = {path_, "--check", "--iterations=1"}, .output = log});
  if (checked.ok() || absl::IsCancelled(checked)) return checked;
  return absl::FailedPreconditionError(absl::StrCat(
      "a result is wrong, or the program is older than `--iterations`: ", checked.message()));
}

absl::StatusOr<Sample> BenchProgram::Execute(const std::string& row,
                                             std::vector<std::string> arguments) {
  const std::string out = ScratchFile("row.json");
  arguments.insert(arguments.begin(), path_);
  arguments.insert(arguments.end(),
                   {"--unchecked", absl::StrCat("--benchmark_filter=", PatternOf(row)),
                    absl::StrCat("--benchmark_out=", out), "--benchmark_out_format=json"});
  const absl::Status ran = RunOrSay({.arguments = arguments, .output = ScratchFile("row.txt")});
  if (!ran.ok()) return ran;
  const absl::StatusOr<std::string> text = ReadFile(out);
  if (!text.ok()) return text.status();
  if (context_.empty()) {
    // Where it was measured, but not under whose roof.
    const auto read = ReadJson<int>(out, WithoutNan(*text), [this](const Json& json) {
      for (const auto& [name, value] : json.at("context").items())
        if (value.is_string() && name != "executable" && name != "host_name")
          context_.emplace_back(name, value.get<std::string>());
      return 0;
    });
    if (!read.ok()) return read.status();
  }
  return SampleFromJson(path_, *text, row);
}

absl::StatusOr<uint64_t> BenchProgram::Calibrate(const std::string& row, double seconds) {
  const absl::StatusOr<Sample> sample =
      Execute(row, {absl::StrFormat("--benchmark_min_time=%g", seconds / kRepetitions)});
  if (!sample.ok()) return sample.status();
  return std::max<uint64_t>(sample->iterations, 1);
}

absl::StatusOr<Sample> BenchProgram::Time(const std::string& row, uint64_t iterations) {
  return Execute(row, {absl::StrCat("--iterations=", iterations),
                       absl::StrCat("--benchmark_repetitions=", kRepetitions)});
}

}  // namespace aether::perf
