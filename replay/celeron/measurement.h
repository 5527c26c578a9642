// What replay/celeron/measure counted and timed, read from its one flat JSON file.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "replay/celeron/counts.h"
#include "replay/celeron/estimate.h"
#include "replay/celeron/flat_json.h"
#include "replay/celeron/validation.h"

namespace aether::celeron {

struct Measurement {
  // By profile: classic and full.
  std::map<std::string, Workload> workloads = {};
  std::vector<ValidationCase> kernels = {};
  // Whole programs that no fit sees.
  std::vector<ValidationCase> held_out = {};
  HereConstants here = {};
  double here_ghz = 0;
  // A round of the calibration kernel, under the Celeron's caches, and what it takes here.
  Counts calibration = {};
  double calibration_here_ns = 0;
  // live.b.full.python and so on: the lowest, the median and the highest round, requests/s.
  std::map<std::string, Interval> live = {};
  // live_cpu.c.full.python and so on: requests for each second of CPU time.
  std::map<std::string, double> live_per_cpu_s = {};
  // What else there is: shares, errors, load.
  FlatJson all = {};

  double Number(const std::string& name) const;
  std::string Text(const std::string& name) const;
};

// The part of it that the share of B needs; the rest is measured with that share.
std::expected<Measurement, std::string> ReadCalibration(const FlatJson& json);

// Or a sentence about what is missing.
std::expected<Measurement, std::string> ReadMeasurement(const FlatJson& json);

}  // namespace aether::celeron
