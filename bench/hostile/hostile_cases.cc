// The cases of bench_hostile that callgrind counts; bench/floods drives it.
#include "bench/hostile/rows.h"
#include "bench/stack/counted_region.h"

namespace aether::bench {
namespace {

constexpr std::string_view kKnownKey = "hash_collision_known_key";

bool TakeTraffic(std::string_view text, SiegeOptions& options) {
  options.close = text == "close";
  return options.close || text == "keepalive";
}

bool TakeFloodAndTraffic(std::string_view text, SiegeOptions& options) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const std::string_view name = text.substr(0, slash);
  options.knows_key = name == kKnownKey;
  const auto kind = options.knows_key ? FloodKind::kHashCollision : FloodOfName(name);
  if (!kind) return false;
  options.flood = *kind;
  return TakeTraffic(text.substr(slash + 1), options);
}

std::optional<SiegeOptions> ParseCase(std::string_view text) {
  SiegeOptions options{.frames_per_chunk = 2048};
  if (TakePrefix(text, "unattacked/")) {
    if (TakeTraffic(text, options)) return options;
    return std::nullopt;
  }
  options.real_requests = !TakePrefix(text, "flood_alone/");
  if (options.real_requests && !TakePrefix(text, "under_flood/")) return std::nullopt;
  if (TakeFloodAndTraffic(text, options)) return options;
  return std::nullopt;
}

}  // namespace

// An operation is a real request, its share of the flood, or both.
std::optional<std::string> RunHostileCase(std::string_view name, uint64_t operations,
                                          OperationTotals& totals) {
  const std::optional<SiegeOptions> options = ParseCase(name);
  if (!options) return std::nullopt;
  Siege siege(*options);
  totals.answered = 0;
  while (totals.operations < operations) {
    siege.Record();
    aether_counted_region([&] { siege.RunWhole(); });
    totals.operations += siege.operations_per_chunk();
    totals.frames_in += siege.frames_in();
    totals.frames_out += siege.frames_out();
    *totals.answered += siege.answered();
  }
  return siege.Wrong();
}

}  // namespace aether::bench
