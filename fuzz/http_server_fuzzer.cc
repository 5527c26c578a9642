// The HTTP server over simulated TCP: requests from templates and from raw bytes, cut anywhere,
// slow clients, half closes and resets, windows that are shut while a file is sent. The operations
// are stateful/http_script.h's, and stateful/http_world.h carries them out.
#include <array>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/http_client.h"
#include "fuzz/stateful/http_script.h"
#include "fuzz/stateful/http_world.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/target.h"
#include "stack/app/http_responses.h"

namespace aether::fuzz::http_server {
namespace {

constexpr size_t kRecordsMax = 40;

void RunOne(Bytes input) {
  static std::array<HttpClient, kFlows> clients;
  static std::array<HttpClient, kFlows> others;
  RecordReader reader(kGrammar, input);
  const Choices choices{static_cast<uint8_t>(reader.head(0) % 4), reader.head(1), reader.head(2)};
  HttpWorld world(choices, clients);
  world.Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  const bool again = (choices.limits & kAgain) != 0 && world.is_smooth() && IsRunAgain();
  world.Finish();
  if (again) {
    HttpWorld plain(choices, others);
    plain.Repeat(clients);
  }
  world.Expire();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz::http_server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // It outlives the execution that asks for it first.
  aether::app::HttpResponses::Instance();
  const aether::fuzz::Execution execution;
  if (size > 2048) return -1;
  aether::fuzz::http_server::RunOne({data, size});
  return 0;
}
