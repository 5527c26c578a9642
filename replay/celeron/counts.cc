#include "replay/celeron/counts.h"

#include <array>

namespace aether::celeron {

Counts& Counts::operator+=(const Counts& other) {
  instructions += other.instructions;
  branch_misses += other.branch_misses;
  l1_misses += other.l1_misses;
  ll_misses += other.ll_misses;
  return *this;
}

double Cycles(const Counts& counts, const Coefficients& with) {
  return counts.instructions * (with.b + with.tlb) + counts.branch_misses * with.cbr +
         counts.l1_misses * with.c2 * with.h + counts.ll_misses * with.cmem * with.x;
}

std::expected<Counts, std::string> CountsOf(const FlatJson& json, const std::string& prefix) {
  Counts counts;
  for (const auto& [name, member] : std::array{std::pair{"instructions", &Counts::instructions},
                                               std::pair{"branch_misses", &Counts::branch_misses},
                                               std::pair{"l1_misses", &Counts::l1_misses},
                                               std::pair{"ll_misses", &Counts::ll_misses}}) {
    const std::string key = prefix + "." + name;
    const auto found = json.numbers.find(key);
    if (found == json.numbers.end()) return std::unexpected("there is no " + key);
    if (found->second < 0) return std::unexpected(key + " is negative");
    counts.*member = found->second;
  }
  return counts;
}

}  // namespace aether::celeron
