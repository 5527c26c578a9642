// A number of operations and nothing else: no timing, no Google Benchmark. For callgrind, which
// counts the instructions of `aether_counted_region` alone; bench/instructions drives it.
//
//   bench_stack --operations=N --case=[http/|bare/|reflector/]keepalive/100/batch_32
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace aether::bench {

struct OperationTotals {
  uint64_t operations = 0;
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  // Of the server that is measured; zero for what is no stack, and for bulk.
  uint64_t bytes_out = 0;
  uint64_t pure_acks_out = 0;
  uint64_t retransmissions = 0;
  // In the whole region; what is ours must have none.
  uint64_t allocations = 0;
  uint64_t locks = 0;
  uint64_t waits = 0;
  // Of the operations, where not all have to be.
  std::optional<uint64_t> answered{};
};

// Does `operations` of a case or some more, in whole chunks, and counts them. What was wrong, empty
// when nothing was; nothing when there is no such case.
using RunCase = std::function<std::optional<std::string>(std::string_view name, uint64_t operations,
                                                         OperationTotals& totals)>;

bool IsOperationsCall(int argc, char** argv);
// Prints how many operations and frames. `cases` is for those who ask for another. The exit code.
int RunOperations(int argc, char** argv, const char* cases, const RunCase& run);

bool TakePrefix(std::string_view& text, std::string_view prefix);

}  // namespace aether::bench
