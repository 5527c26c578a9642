// Rows of bench_stack that are no requests.
#pragma once

#include "bench/common/suite.h"

namespace aether::bench {

void AddBulkRows(Suite& suite);
void AddMemoryRows(Suite& suite);

}  // namespace aether::bench
