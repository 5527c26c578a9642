// Identifications of the datagrams that we send and that may be split, by us or on their way (RFC
// 791 3.2, RFC 6864): a deck of all 65,536 values of which the next card is drawn at random from
// the half that was drawn longest ago. So no value comes again within 32,768 datagrams, and which
// of the others comes next cannot be told (the idea is that of OpenBSD's ip_id.c).
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "stack/base/random.h"

namespace aether::net {

// `Cards` is a power of two; other decks than that of all identifications are for trying the
// algorithm with many rounds in little time.
template <uint32_t Cards>
class BasicIdentificationDeck {
 public:
  static constexpr uint32_t kCards = Cards;
  static_assert(std::has_single_bit(kCards) && kCards >= 4 && kCards <= 65536);
  // A value returns after this many others at the earliest.
  static constexpr uint32_t kDistinct = kCards / 2;

  explicit BasicIdentificationDeck(Seed seed) : random_(seed), cards_(kCards) {
    // Every half of the fresh deck holds values from everywhere; the draws shuffle the rest.
    const uint32_t step = random_.Next32() | 1;
    uint32_t card = random_.Next32();
    for (uint16_t& value : cards_) value = static_cast<uint16_t>((card += step) % kCards);
  }

  uint16_t Next() {
    if (draws_left_ == 0) {
      draws_ = random_.Next64();
      draws_left_ = 4;
    }
    --draws_left_;
    const uint32_t ahead = static_cast<uint32_t>(draws_) % kDistinct;
    draws_ >>= 16;
    const uint32_t at = top_;
    top_ = (top_ + 1) % kCards;
    std::swap(cards_[at], cards_[(at + ahead) % kCards]);
    return cards_[at];
  }

 private:
  Random random_;
  std::vector<uint16_t> cards_;
  uint32_t top_ = 0;    // the next place to be dealt; goes around
  uint64_t draws_ = 0;  // 16 bits each, drawn four at a time
  int draws_left_ = 0;
};

using IdentificationDeck = BasicIdentificationDeck<65536>;

}  // namespace aether::net
