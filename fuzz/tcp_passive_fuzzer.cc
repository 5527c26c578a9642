// A connection that a peer opens, and what it may do to it: any segment at any time, with numbers
// relative to what the connection is at. The operations are stateful/tcp_script.h's.
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/tcp_script.h"

namespace aether::fuzz {
namespace {

constexpr Grammar kGrammar{
    .target = "tcp_passive",
    .head = kTcpHead,
    .operations = kTcpOperations,
    .bytes_of_interest = kTcpFlagsOfInterest,
};

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  aether::fuzz::RunTcpInput(aether::fuzz::kGrammar, {data, size}, /*active=*/false);
  return 0;
}
