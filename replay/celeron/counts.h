// What callgrind counts, and what it comes to on a processor: the mechanistic model
// cycles = I*b + Bm*cbr + L1m*c2*h + LLm*cmem*x + tlb*I.
#pragma once

#include <expected>
#include <string>

#include "replay/celeron/flat_json.h"

namespace aether::celeron {

struct Counts {
  double instructions = 0;
  double branch_misses = 0;
  // Instructions and data, reads and writes; those that L2 misses, too, are among them.
  double l1_misses = 0;
  double ll_misses = 0;

  Counts& operator+=(const Counts& other);
};

struct Coefficients {
  double b = 0;
  double cbr = 0;
  double c2 = 0;
  double h = 0;
  double cmem = 0;
  double x = 0;
  double tlb = 0;
};

double Cycles(const Counts& counts, const Coefficients& with);

// `prefix`.instructions and so on; or a sentence about the one that is missing or negative.
std::expected<Counts, std::string> CountsOf(const FlatJson& json, const std::string& prefix);

}  // namespace aether::celeron
