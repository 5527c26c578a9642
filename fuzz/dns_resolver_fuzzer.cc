// The DNS resolver over a simulated link: lookups of a few names, answers that are right, wrong by
// a bit, or raw bytes, and time. The operations are stateful/dns_script.h's; stateful/dns_world.h
// carries them out, and stateful/dns_reading.h says what a message says.
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/dns_script.h"
#include "fuzz/stateful/dns_world.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/target.h"

namespace aether::fuzz::dns_resolver {
namespace {

constexpr size_t kRecordsMax = 32;

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  DnsWorld world(reader.head(1));
  world.Stage(reader.head(0));
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

}  // namespace aether::fuzz::dns_resolver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  if (size > 1024) return -1;
  aether::fuzz::dns_resolver::RunOne({data, size});
  return 0;
}
