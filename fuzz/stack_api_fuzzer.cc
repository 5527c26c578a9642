// Every call of stack.h, with arguments as they should be and as they should not: stale handles,
// sizes beyond the limits, ports in use, addresses that change in the middle; over pools that are
// nearly empty (P14) and a device that takes nothing for a while. The operations are
// stateful/api_script.h's, and stateful/api_world.h carries them out.
#include "fuzz/stateful/api_script.h"
#include "fuzz/stateful/api_world.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/target.h"

namespace aether::fuzz::stack_api {
namespace {

constexpr size_t kRecordsMax = 40;

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  Choices choices;
  for (size_t i = 0; i < choices.head.size(); ++i) choices.head[i] = reader.head(i);
  ApiWorld world(choices);
  world.Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  world.Finish();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz::stack_api

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  if (size > 1024) return -1;
  aether::fuzz::stack_api::RunOne({data, size});
  return 0;
}
