// What requests and responses read in the same way; the rest is tested through them.
#include "stack/wire/http_text.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace aether::http_text {
namespace {

TEST(HttpTextTest, ElementsOfAListAreTrimmedAndEmptyOnesCome) {
  std::string_view list = " a ,, b\t,c";
  std::vector<std::string_view> seen;
  std::string_view element;
  while (NextElement(list, element)) seen.push_back(element);
  EXPECT_EQ(seen, (std::vector<std::string_view>{"a", "", "b", "c"}));
}

std::optional<uint64_t> Length(std::vector<std::string_view> values) {
  bool has = false;
  uint64_t length = 0;
  for (const std::string_view value : values) {
    if (!TakeContentLength(value, has, length)) return std::nullopt;
  }
  return has ? std::optional(length) : std::nullopt;
}

// [RFC 9110 8.6] decimal digits, and repetitions of the same number.
TEST(HttpTextTest, ContentLength) {
  EXPECT_EQ(Length({"0"}), 0u);
  EXPECT_EQ(Length({"00012"}), 12u);
  EXPECT_EQ(Length({"18446744073709551615"}), UINT64_MAX);
  EXPECT_EQ(Length({"5, 5"}), 5u);
  EXPECT_EQ(Length({"5", "5"}), 5u);
  for (const char* wrong : {"", "-1", "+1", "1x", "0x10", "1 2", "5,", "5,6", "1.0",
                            "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_EQ(Length({wrong}), std::nullopt) << wrong;
  }
  EXPECT_EQ(Length({"5", "6"}), std::nullopt);
}

TEST(HttpTextTest, FindControlSeesEveryPlace) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (const uint8_t control : std::vector<uint8_t>{0x00, 0x0a, 0x0d, 0x1f, 0x7f}) {
        std::vector<uint8_t> text(size, 'x');
        text[size / 2] = '\t';
        text[at] = control;
        EXPECT_EQ(FindControl(text.data(), text.data() + size) - text.data(),
                  static_cast<ptrdiff_t>(at));
      }
    }
    const std::vector<uint8_t> plain(size, 0xff);
    EXPECT_EQ(FindControl(plain.data(), plain.data() + size), plain.data() + size);
  }
}

}  // namespace
}  // namespace aether::http_text
