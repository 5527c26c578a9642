// The cases of bench_stack that callgrind counts: requests, and bulk. Other programs that vary what
// a case runs on use them, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/stack/operations.h"
#include "stack/tcp/profile.h"

namespace aether::bench {

inline constexpr char kStackCases[] =
    "bulk/one_way, bulk/both_ways or [http/|bare/|reflector/](keepalive|close)/N/batch_B";

std::optional<std::string> RunStackCase(std::string_view name, uint64_t operations,
                                        OperationTotals& totals,
                                        const tcp::Profile& profile = tcp::kFull);

}  // namespace aether::bench
