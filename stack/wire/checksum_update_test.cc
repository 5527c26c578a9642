// ChecksumUpdate (RFC 1624) against a checksum computed anew.
#include <gtest/gtest.h>

#include <vector>

#include "stack/wire/checksum.h"
#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

// One's-complement addition the slow way.
constexpr uint32_t AddOnes(uint32_t a, uint32_t b) {
  const uint32_t sum = a + b;
  return sum > 0xffff ? sum - 0xffff : sum;
}

// The update must be right for a field that goes from any old to any new value in data with any
// other contents. The other contents enter only through their sum, `rest`, so there are 2^48 cases;
// two tests share them. This one takes every rest (with it every checksum before) with old and new
// words from both ends of every carry; the one after it takes every old word with every new word
// for one rest.
TEST(ChecksumUpdateTest, EveryChecksumAndOldWordWithChosenNewWords) {
  for (uint32_t old_word :
       {0x0000u, 0x0001u, 0x00ffu, 0x0100u, 0x7fffu, 0x8000u, 0xff00u, 0xfffeu, 0xffffu}) {
    for (uint32_t new_word :
         {0x0000u, 0x0001u, 0x00ffu, 0x0100u, 0x7fffu, 0x8000u, 0xff00u, 0xfffeu, 0xffffu}) {
      for (uint32_t rest = 0; rest <= 0xffff; ++rest) {
        const uint16_t before = static_cast<uint16_t>(~AddOnes(rest, old_word));
        const uint16_t after = static_cast<uint16_t>(~AddOnes(rest, new_word));
        const uint16_t updated = ChecksumUpdate(before, static_cast<uint16_t>(old_word),
                                                static_cast<uint16_t>(new_word));
        // [RFC 1624 3] only data of nothing but zeros sums to zero, and an update cannot know that
        // it has met them: it gives the other zero.
        const bool all_zero = rest == 0 && new_word == 0;
        ASSERT_EQ(updated, all_zero ? 0x0000 : after) << rest << " " << old_word << " " << new_word;
      }
    }
  }
}

// Every old word to every new word, 2^32 pairs for one rest of the data. The expected checksum
// depends on the new word alone and comes from a table, so a pair costs some instructions; blocks
// of pairs are compared at once and looked at one by one only when a block is wrong. Sanitizers and
// builds without optimisation see every 257th old word.
#if defined(NDEBUG)
constexpr uint32_t kOldStep = kUnderSanitizer ? 257 : 1;
#else
constexpr uint32_t kOldStep = 257;
#endif

TEST(ChecksumUpdateTest, EveryOldWordToEveryNewWord) {
  // A rest that is not zero keeps the sum from being zero, so that the checksum is one value and
  // not two.
  constexpr uint32_t kRest = 0x9c3b;
  std::vector<uint16_t> expected(0x10000);
  for (uint32_t word = 0; word <= 0xffff; ++word)
    expected[word] = static_cast<uint16_t>(~AddOnes(kRest, word));
  for (uint32_t old_word = 0; old_word <= 0xffff; old_word += kOldStep) {
    const uint16_t before = expected[old_word];
    uint32_t wrong = 0;
    for (uint32_t new_word = 0; new_word <= 0xffff; ++new_word) {
      wrong |= static_cast<uint32_t>(
          ChecksumUpdate(before, static_cast<uint16_t>(old_word), static_cast<uint16_t>(new_word)) ^
          expected[new_word]);
    }
    ASSERT_EQ(wrong, 0u) << "old word " << old_word;
  }
}

// [RFC 1624 4] the example that equation 4 of RFC 1141 gets wrong: 5555 in the place of 3285 in a
// header whose checksum becomes 0000, not ffff.
TEST(ChecksumUpdateTest, CornerOfTheRfc) {
  EXPECT_EQ(ChecksumUpdate(0xdd2f, 0x5555, 0x3285), 0x0000);
}

// The same field changed in real bytes; the checksum field is one of them.
TEST(ChecksumUpdateTest, UpdatesAHeaderThatStaysValid) {
  Random random(Seed{1, 2});
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> header = RandomBytes(random, 20);
    StoreBe<uint16_t>(header.data() + 10, 0);
    StoreBe<uint16_t>(header.data() + 10, ChecksumOf(SumBytes(header)));
    ASSERT_TRUE(SumIsValid(SumBytes(header)));
    const size_t at = 2 * random.Below(5);
    const uint16_t old_word = LoadBe<uint16_t>(header.data() + at);
    const uint16_t new_word = static_cast<uint16_t>(random.Next32());
    StoreBe<uint16_t>(header.data() + at, new_word);
    StoreBe<uint16_t>(header.data() + 10,
                      ChecksumUpdate(LoadBe<uint16_t>(header.data() + 10), old_word, new_word));
    ASSERT_TRUE(SumIsValid(SumBytes(header)));
  }
}

}  // namespace
}  // namespace aether
