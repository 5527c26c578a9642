// Segments and ICMP errors that say what their sender cannot know, or that cannot be: what they
// name is looked up in the snapshot of the connection before they arrive, and what they want must
// not have come about afterwards.
#include "fuzz/stateful/tcp_world.h"

namespace aether::fuzz {
namespace {

constexpr uint8_t kRst = 4;

bool IsOpen(tcp::State state) {
  return state >= tcp::State::kSynSent && state < tcp::State::kTimeWait;
}

}  // namespace

// True when the connection of `flow` has nothing with this number in flight.
bool TcpWorld::IsGuessedNumber(const TcpFlow& flow, uint32_t quoted_seq) {
  for (size_t i = 0; i < owned_count_; ++i) {
    if (owned_[i].flow == kFlows || &flows_[owned_[i].flow] != &flow) continue;
    const auto snapshot = stack().Inspect(owned_[i].id);
    if (!snapshot || snapshot->local != flow.stack() || !IsOpen(snapshot->state)) continue;
    return quoted_seq - snapshot->snd_una.value() >=
           snapshot->snd_nxt.DistanceFrom(snapshot->snd_una);
  }
  return false;
}

TcpWorld::Guess TcpWorld::GuessOf(Bytes frame) {
  // Resets, and what has more options than a timestamp.
  if (frame.size() < 54 || ((frame[47] & kRst) == 0 && frame[46] >> 4 <= 8)) return {};
  const auto parsed = testing::NaiveParse(frame);
  if (!parsed || !parsed->tcp) return {};
  const testing::NaiveTcp& tcp = *parsed->tcp;
  Guess guess;
  for (size_t i = 0; i < kFlows; ++i) {
    const TcpFlow& flow = flows_[i];
    if (parsed->ip->source != flow.peer().address.value || tcp.source_port != flow.peer().port ||
        parsed->ip->destination != flow.stack().address.value ||
        tcp.destination_port != flow.stack().port) {
      continue;
    }
    // TCP024: [RFC 5961 3.2] [RFC 1337] only the reset at exactly RCV.NXT ends TIME-WAIT.
    const auto rcv_nxt = seats_[i].judge.time_wait_rcv_nxt();
    if ((tcp.flags & kRst) != 0 && rcv_nxt && tcp.sequence != *rcv_nxt) {
      guess.ends_time_wait = true;
      guess.time_wait_records = stack().memory_in_use().time_wait_records;
    }
    for (size_t k = 0; k < owned_count_ && !tcp.sack_blocks.empty(); ++k) {
      const auto snapshot = stack().Inspect(owned_[k].id);
      if (owned_[k].flow != i || !snapshot || snapshot->local != flow.stack()) continue;
      // TCP014: [RFC 2018 4] blocks report what was sent and is not acknowledged.
      const uint32_t una = snapshot->snd_una.value();
      const uint32_t flight = snapshot->snd_nxt.DistanceFrom(snapshot->snd_una);
      bool all = true;
      for (const auto& block : tcp.sack_blocks) all = all && block[0] - una >= flight;
      if (!all) continue;
      guess.sacks = owned_[k].id;
      guess.sacked_bytes = snapshot->sacked_bytes;
    }
  }
  return guess;
}

void TcpWorld::CheckGuess(const Guess& guess) {
  FUZZ_CHECK(P2, !guess.ends_time_wait ||
                     stack().memory_in_use().time_wait_records >= guess.time_wait_records);
  if (!guess.sacks) return;
  const auto snapshot = stack().Inspect(*guess.sacks);
  FUZZ_CHECK(P2, !snapshot || snapshot->sacked_bytes <= guess.sacked_bytes);
}

}  // namespace aether::fuzz
