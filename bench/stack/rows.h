// Rows of bench_stack that are no requests.
#pragma once

#include "bench/common/suite.h"

namespace aether::bench {

void AddBulkRows(Suite& suite);
void AddMemoryRows(Suite& suite);
// To be called before anything large is allocated: every table comes from the kernel and goes back
// to it, so that none lies in what another one has used.
void KeepTablesApart();

}  // namespace aether::bench
