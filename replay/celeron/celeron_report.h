// A, B and C in words, bars and tables: Markdown for people and for the report's page, JSON for
// programs.
#pragma once

#include <map>
#include <string>

#include "replay/celeron/estimate.h"
#include "replay/celeron/measurement.h"
#include "replay/celeron/priors.h"
#include "replay/celeron/validation.h"

namespace aether::celeron {

struct Findings {
  Measurement measurement = {};
  Priors priors = {};
  Validation validation = {};
  // A, by profile.
  std::map<std::string, Estimate> modelled = {};
  // Of this machine's CPU time, what a core gets in B.
  Interval share = {};
  // Whether an owner of such a machine sent the constants; else all are assumed.
  bool has_constants = false;
  EstimateOptions options = {};
};

std::string CeleronMarkdown(const Findings& findings);
std::string CeleronJson(const Findings& findings);

}  // namespace aether::celeron
