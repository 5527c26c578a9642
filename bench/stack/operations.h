// A number of operations and nothing else: no timing, no Google Benchmark. For callgrind, which
// counts the instructions of `aether_counted_region` alone; bench/instructions drives it.
//
//   bench_stack --operations=N --case=[http/|bare/|reflector/]keepalive/100/batch_32
//   bench_stack --operations=N --case=bulk/one_way
#pragma once

namespace aether::bench {

bool IsOperationsCall(int argc, char** argv);
// Does N or some more, in whole chunks; prints how many operations and frames. The exit code.
int RunOperations(int argc, char** argv);

}  // namespace aether::bench
