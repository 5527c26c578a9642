#include "stack/base/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace aether {
namespace {

TEST(Bytes, FieldsAreBigEndianAtAnyAlignment) {
  std::array<uint8_t, 16> buffer{};
  using Length = Field<uint16_t, 3>;
  using Word = Field<uint32_t, 5>;
  using Long = Field<uint64_t, 7>;
  Length::Store(buffer.data(), 0x1234);
  EXPECT_EQ(buffer[3], 0x12);
  EXPECT_EQ(buffer[4], 0x34);
  EXPECT_EQ(Length::Load(buffer.data()), 0x1234);
  Word::Store(buffer.data(), 0xa1b2c3d4u);
  EXPECT_EQ(buffer[5], 0xa1);
  EXPECT_EQ(Word::Load(buffer.data()), 0xa1b2c3d4u);
  Long::Store(buffer.data(), 0x0102030405060708u);
  EXPECT_EQ(buffer[14], 8);
  EXPECT_EQ(Long::Load(buffer.data()), 0x0102030405060708u);
  static_assert(Length::kEnd == 5 && Word::kEnd == 9);
}

}  // namespace
}  // namespace aether
