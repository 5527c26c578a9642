// Two stacks with applications, and a link between them that the records hold in their hands: it
// loses, doubles, reorders, damages and cuts frames, or shifts the sequence numbers of one side.
// The operations are stateful/two_stacks_script.h's, and stateful/two_stacks_hosts.h carries them
// out.
#include <optional>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/two_stacks_hosts.h"
#include "fuzz/stateful/two_stacks_script.h"
#include "fuzz/stateful/two_stacks_setup.h"
#include "fuzz/target.h"

namespace aether::fuzz::two_stacks {
namespace {

using std::chrono::seconds;

constexpr size_t kRecordsMax = 40;

Hosts& Run(std::optional<Hosts>& hosts, const Choices& choices, const Origin& origin, Bytes input) {
  hosts.emplace(choices, origin);
  RecordReader reader(kGrammar, input);
  hosts->Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !hosts->IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), hosts->now());
    hosts->Carry(record);
  }
  return *hosts;
}

// P11: an origin with which the first connection of host 0 begins just below the end of the
// sequence space. The clock is shifted by multiples of what all times are rounded to: ticks of 2^25
// ns of TIME-WAIT, and whole seconds. Each step moves the numbers, one for 4 us, by 2^20 * 15625;
// so steps bring every number to within 2^20 of every other.
const Origin& NearWrap() {
  static const Origin origin = [] {
    constexpr Duration kStep = seconds(65536);
    constexpr uint64_t kRounded = 1 << 20;
    constexpr uint64_t kCycle = 1 << 12;
    constexpr uint64_t kInverse = [] {
      for (uint64_t i = 1;; i += 2) {
        if (i * 15625 % kCycle == 1) return i;
      }
    }();
    // Where a seed is that is good enough; the search is for the day when it is not any more.
    constexpr uint64_t kFirst = 1747;
    // The search is no part of any execution.
    const Trace trace = CurrentTrace();
    Origin best;
    uint64_t best_distance = UINT64_MAX;
    for (uint64_t i = kFirst; i < kFirst + 2000 && best_distance > 1500; ++i) {
      Origin tried{.seed = {i, ~i}};
      Hosts hosts(Choices{.stage = 1}, tried);
      hosts.Stage();
      const uint64_t distance = (uint64_t{1} << 32) - *hosts.first_iss();
      if (distance % kRounded >= best_distance) continue;
      best_distance = distance % kRounded;
      tried.shift = kStep * static_cast<int64_t>(distance / kRounded * kInverse % kCycle);
      best = tried;
    }
    CurrentTrace() = trace;
    return best;
  }();
  return origin;
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  const Choices choices{reader.head(0), reader.head(1), reader.head(2)};
  std::optional<Hosts> hosts;
  const Origin origin = choices.Has(kNearWrap) ? NearWrap() : Origin{};
  Run(hosts, choices, origin, input).Finish();
  // How many challenges there are depends on where a second of the clock begins.
  if (!choices.Has(kAgain) || hosts->was_tampered_with() || !IsRunAgain()) return;
  const uint64_t behaviour = hosts->behaviour();
  hosts.reset();
  Run(hosts, choices, choices.Has(kNearWrap) ? Origin{} : NearWrap(), input).Finish();
  FUZZ_CHECK(P11, hosts->behaviour() == behaviour);
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz::two_stacks

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  if (size > 1024) return -1;
  aether::fuzz::two_stacks::RunOne({data, size});
  return 0;
}
