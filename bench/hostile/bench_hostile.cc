// What real clients get while somebody sends ten hostile frames for each of theirs. See siege.h.
#include "bench/common/suite.h"
#include "bench/hostile/rows.h"
#include "bench/stack/operations.h"
#include "bench/stack/resident.h"

namespace aether::bench {
namespace {

void Fill(Suite& suite) {
  AddSiegeRows(suite);
  AddMemoryRows(suite);
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) {
  namespace bench = aether::bench;
  if (bench::IsOperationsCall(argc, argv))
    return bench::RunOperations(argc, argv, bench::kHostileCases, bench::RunHostileCase);
  bench::KeepTablesApart();
  const int code = bench::SuiteMain(argc, argv, bench::Fill);
  bench::PrintSieges();
  return code;
}
