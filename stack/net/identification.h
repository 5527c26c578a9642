// Identifications of the datagrams that we send and that may be split, by us or on their way (RFC
// 791 3.2, RFC 6864): a deck of all 65,536 values of which the next card is drawn at random from
// the half that was drawn longest ago. So no value comes again within 32,768 datagrams, and which
// of the others comes next cannot be told (the idea is that of OpenBSD's ip_id.c).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "stack/base/random.h"

namespace aether::net {

class IdentificationDeck {
 public:
  static constexpr uint32_t kCardsMax = 65536;

  // `cards`: how many of the values are dealt, two bytes of memory each; cut to a power of two in
  // [2, kCardsMax].
  explicit IdentificationDeck(Seed seed, uint32_t cards = kCardsMax)
      : random_(seed), cards_(std::bit_floor(std::clamp(cards, 2u, kCardsMax))) {
    // Every half of the fresh deck holds values from everywhere; the draws shuffle the rest.
    const uint32_t step = random_.Next32() | 1;
    uint32_t card = random_.Next32();
    for (uint16_t& value : cards_) value = static_cast<uint16_t>(card += step);
  }

  uint16_t Next() {
    if (draws_left_ == 0) {
      draws_ = random_.Next64();
      draws_left_ = 4;
    }
    --draws_left_;
    const uint32_t mask = static_cast<uint32_t>(cards_.size()) - 1;
    const uint32_t ahead = static_cast<uint32_t>(draws_) & mask >> 1;
    draws_ >>= 16;
    const uint32_t at = top_;
    top_ = (top_ + 1) & mask;
    std::swap(cards_[at], cards_[(at + ahead) & mask]);
    return cards_[at];
  }

  // A value returns after this many others at the earliest.
  uint32_t distinct() const { return static_cast<uint32_t>(cards_.size()) / 2; }

 private:
  Random random_;
  std::vector<uint16_t> cards_;
  uint32_t top_ = 0;    // the next place to be dealt; goes around
  uint64_t draws_ = 0;  // 16 bits each, drawn four at a time
  int draws_left_ = 0;
};

}  // namespace aether::net
