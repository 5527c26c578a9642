// From counts to requests a second on one core of the modelled processor: Monte Carlo over the
// priors, and what each of them moves. Nothing here knows what anybody measured on a Celeron.
#pragma once

#include <string>
#include <vector>

#include "replay/celeron/counts.h"
#include "replay/celeron/priors.h"

namespace aether::celeron {

// A connection with its request, in all that one core does for it.
struct Workload {
  Counts stack = {};
  Counts application = {};
  // The client's own code.
  Counts client = {};
  // CPU time here, of the same run on one core: in the kernel for server and client, and in the
  // client's own code.
  double kernel_ns = 0;
  double client_user_ns = 0;
};

// 5 %, 50 % and 95 % of the draws.
struct Interval {
  double low = 0;
  double median = 0;
  double high = 0;
};

struct Part {
  std::string name;
  Interval cycles;
};

// Requests a second with one assumption at its ends and all others in their middles.
struct Swing {
  std::string name;
  double at_low = 0;
  double at_high = 0;
};

struct Estimate {
  std::vector<Part> parts = {};
  Interval cycles = {};
  Interval rate_per_s = {};
  // Were stack and application all that the core had to do.
  Interval stack_rate_per_s = {};
  // The largest first.
  std::vector<Swing> swings = {};
};

struct EstimateOptions {
  uint64_t seed = 1;
  int draws = 20'000;
  // Standard deviation of the logarithm of measured by predicted, of the validation.
  double model_error = 0;
};

Estimate EstimateRate(const Workload& workload, const Priors& priors,
                      const EstimateOptions& options);

// How long `counts` take on the modelled processor.
Interval EstimateNs(const Counts& counts, const Priors& priors, const EstimateOptions& options);

}  // namespace aether::celeron
