// The deck of IPv4 identifications: no value comes again within half of it, the seed decides all of
// them, and every bit of it counts. Most inputs are for a deck of 256 cards.
#include <bitset>
#include <memory>
#include <optional>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/net/identification.h"

namespace aether::fuzz {
namespace {

using net::IdentificationDeck;

// To make and to go through the deck of all identifications takes as long as thousands of draws
// from a small one, which goes around as well. One of 256 inputs, whatever is in them, gets the
// large deck: were it to be had by a byte, the engine would learn to ask for it.
AETHER_UNCOUNTED uint32_t CardsOf(Bytes input) {
  Trace hash;
  hash.Add(input);
  return hash.hash() % 256 == 0 ? IdentificationDeck::kCardsMax : 256;
}

AETHER_UNCOUNTED void Run(Bytes input) {
  Records records(input);
  const uint32_t cards = CardsOf(input);
  const Seed seed{records.U64(), records.U64()};
  const uint32_t flipped = records.Below(128);
  const uint32_t draws = cards > 256 ? cards + records.Below(4096) : records.Size(2 * cards + 16);
  Seed other_seed = seed;
  other_seed[flipped / 64] ^= uint64_t{1} << (flipped % 64);
  IdentificationDeck deck(seed, cards);
  std::optional<IdentificationDeck> again;
  std::optional<IdentificationDeck> other;
  if (records.Byte() % 4 == 3) {
    again.emplace(seed, cards);
    other.emplace(other_seed, cards);
  }
  FUZZ_CHECK(P16, deck.distinct() == cards / 2);
  // The values of the last draws, and the draws in their order.
  std::bitset<IdentificationDeck::kCardsMax> recent;
  const auto drawn = std::make_unique_for_overwrite<uint16_t[]>(draws);
  uint32_t equal = 0;
  for (uint32_t i = 0; i < draws; ++i) {
    const uint16_t value = deck.Next();
    if (again) FUZZ_CHECK(P15, again->Next() == value);
    if (other) equal += other->Next() == value;
    if (i >= deck.distinct()) recent.reset(drawn[i - deck.distinct()]);
    // [RFC 6864 4.2] not again while the datagram before may be under way.
    FUZZ_CHECK(P16, !recent.test(value));
    recent.set(value);
    drawn[i] = value;
    CurrentTrace().Add(value);
  }
  // One in so many draws is the same by chance. (A small deck's values are not the same ones under
  // another seed.)
  FUZZ_CHECK(P16, equal <= 16 + draws * 4 / cards);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64) return -1;
  aether::fuzz::Run({data, size});
  return 0;
}
