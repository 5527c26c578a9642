// Is the model to be believed? It predicts each of a dozen kernels on the machine at hand from what
// the others taught it, and how far it is off becomes its printed uncertainty.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "replay/celeron/counts.h"
#include "replay/celeron/priors.h"

namespace aether::celeron {

struct ValidationCase {
  std::string name;
  // Of one operation, under this machine's caches.
  Counts counts = {};
  double measured_cycles = 0;
  // Its accesses to memory wait for one another, so that h and x are 1; else they are to be learnt.
  bool is_chain = false;
};

// Of this machine, in cycles, as celeron_probe measures them.
struct HereConstants {
  double c2 = 0;
  double cmem = 0;
  double cbr = 0;
};

struct ValidationRow {
  std::string name;
  double measured_cycles = 0;
  // By a model that has not seen this kernel.
  double predicted_cycles = 0;
};

struct Validation {
  std::vector<ValidationRow> rows = {};
  // Root mean square of the logarithms of predicted by measured.
  double error = 0;
  // Learnt of all kernels.
  Coefficients here = {};
};

// Or a sentence: too few kernels to leave one out.
std::expected<Validation, std::string> Validate(const std::vector<ValidationCase>& cases,
                                                const HereConstants& here, const Priors& priors);

}  // namespace aether::celeron
