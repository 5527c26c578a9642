// The deck of IPv4 identifications, of any size: no value comes again within half of it, the seed
// decides all of them, and every bit of it counts.
#include <algorithm>
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

AETHER_UNCOUNTED void Run(Records records) {
  const Seed seed{records.U64(), records.U64()};
  const uint32_t flipped = records.Below(128);
  // Usually a few, at times more than the deck has.
  const uint32_t draws =
      records.Byte() % 16 == 15 ? 65536u + records.Below(4096) : records.Size(4096);
  Seed other_seed = seed;
  other_seed[flipped / 64] ^= uint64_t{1} << (flipped % 64);
  // Decks take long to make: the others only every now and then, and one of them is rarely large.
  const bool compare = records.Byte() % 4 == 3;
  const uint32_t cards = 1u << std::max(1, (records.Byte() + 12) % 17);
  IdentificationDeck deck(seed, cards);
  std::optional<IdentificationDeck> again;
  std::optional<IdentificationDeck> other;
  if (compare) {
    again.emplace(seed, cards);
    other.emplace(other_seed, cards);
  }
  // The values of the last draws, and the draws in their order.
  std::bitset<65536> recent;
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
  // One in 65,536 draws is the same by chance.
  if (cards == 65536) FUZZ_CHECK(P16, equal <= 8 + draws / 4096);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64) return -1;
  aether::fuzz::Run(aether::fuzz::Records({data, size}));
  return 0;
}
