#include "stack/base/siphash.h"

#include <gtest/gtest.h>

#include <array>

namespace aether {
namespace {

constexpr SipKey kKey{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

// The first and some later vectors of the SipHash-2-4 authors: key 00..0f, input 00 01 02 ...
TEST(SipHash, AuthorsVectors) {
  std::array<uint8_t, 16> input;
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(SipHash24Bytes(kKey, Bytes(input).first(0)), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(SipHash24Bytes(kKey, Bytes(input).first(1)), 0x74f839c593dc67fdu);
  EXPECT_EQ(SipHash24Bytes(kKey, Bytes(input).first(8)), 0x93f5f5799a932462u);
  EXPECT_EQ(SipHash24Bytes(kKey, Bytes(input).first(15)), 0xa129ca6149be45e5u);
}

TEST(SipHash, WordsAndBytesAgree) {
  const uint64_t words[2] = {0x1122334455667788u, 0x99aabbccddeeff00u};
  std::array<uint8_t, 16> bytes;
  for (size_t i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(words[i / 8] >> (8 * (i % 8)));
  EXPECT_EQ(SipHash24(kKey, words[0], words[1]), SipHash24Bytes(kKey, bytes));
  EXPECT_NE(SipHash13(kKey, words[0], words[1]), SipHash24(kKey, words[0], words[1]));
}

}  // namespace
}  // namespace aether
