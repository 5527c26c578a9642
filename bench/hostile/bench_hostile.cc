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
  using namespace aether::bench;
  if (IsOperationsCall(argc, argv)) return RunOperations(argc, argv, kHostileCases, RunHostileCase);
  KeepTablesApart();
  const int code = SuiteMain(argc, argv, Fill);
  PrintSieges();
  return code;
}
