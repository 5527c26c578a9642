#include "stack/wire/http_chunked.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "stack/base/random.h"

namespace aether {
namespace {

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

enum class Result { kDone, kMore, kFailed };

Result ResultOf(const HttpChunkedSkipper& skipper) {
  return skipper.done() ? Result::kDone : skipper.failed() ? Result::kFailed : Result::kMore;
}

// What becomes of `text` in one piece, and, which must be the same, byte for byte.
Result Skip(std::string_view text, uint32_t extra_max = 64, uint64_t data_max = 1000) {
  HttpChunkedSkipper whole(extra_max, data_max);
  const size_t taken = whole.Feed(AsBytes(text));
  HttpChunkedSkipper bytewise(extra_max, data_max);
  size_t bytewise_taken = 0;
  for (size_t at = 0; at < text.size(); ++at)
    bytewise_taken += bytewise.Feed(AsBytes(text).subspan(at, 1));
  EXPECT_EQ(taken, bytewise_taken);
  EXPECT_EQ(ResultOf(whole), ResultOf(bytewise));
  return ResultOf(whole);
}

// [RFC 9112 7.1] chunks, the last chunk, extensions, trailers.
TEST(HttpChunked, WholeBodies) {
  for (const std::string_view text :
       {"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        "00A\r\n0123456789\r\n0\r\n\r\n", "a;x=y\r\n0123456789\r\n000;z\r\n\r\n",
        "1 ; x=\"y\"\r\na\r\n0\r\nT: v\r\nU:\t\r\n\r\n", "2\r\n\r\n\r\n0\r\n\r\n"}) {
    EXPECT_EQ(Skip(text), Result::kDone) << text;
    for (size_t size = 0; size < text.size(); ++size)
      EXPECT_EQ(Skip(text.substr(0, size)), Result::kMore) << size;
  }
}

TEST(HttpChunked, StopsAtTheEnd) {
  HttpChunkedSkipper skipper(64, 1000);
  EXPECT_EQ(skipper.Feed(AsBytes("1\r\na\r\n0\r\n\r\nGET /")), 11u);
  EXPECT_TRUE(skipper.done());
  EXPECT_EQ(skipper.Feed(AsBytes("GET /")), 0u);
}

TEST(HttpChunked, Faults) {
  for (const std::string_view text :
       {"\r\n",       "x\r\n",           "-1\r\n",      "+1\r\n",       "0x1\r\n",
        " 1\r\n",     ";\r\n",           "1\n",         "1\r\r",        "1\r\nab",
        "1\r\na\n",   "1\r\na\rX",       "1 \r\n",      "1 x\r\n",      "0\r\n\n",
        "0\r\n:\r\n", "0\r\n X: y\r\n",  "0\r\nX: y\n", "0\r\nX: y\rz", "1;a\nb\r\n",
        "1;\x01\r\n", "0\r\nX: \x7f\r\n"}) {
    EXPECT_EQ(Skip(text), Result::kFailed) << text;
  }
  EXPECT_EQ(Skip(std::string_view("1;\0\r\n", 5)), Result::kFailed);
}

// [RFC 9112 7.1] sizes do not overflow; [RFC 9112 7.1.1] extensions are bounded, and so are
// trailers and leading zeros.
TEST(HttpChunked, LimitsAtTheirEdges) {
  EXPECT_EQ(Skip("3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), Result::kDone);
  EXPECT_EQ(Skip("3e9\r\n"), Result::kFailed);
  EXPECT_EQ(Skip("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n"), Result::kFailed)
      << "the sum counts";
  EXPECT_EQ(Skip("ffffffffffffffff\r\n"), Result::kFailed);
  EXPECT_EQ(Skip("10000000000000000\r\n"), Result::kFailed);
  EXPECT_EQ(Skip("10000000000000001\r\n", 64, UINT64_MAX), Result::kFailed);
  EXPECT_EQ(Skip("ffffffffffffffff\r\n", 64, UINT64_MAX), Result::kMore);
  EXPECT_EQ(Skip("0;" + std::string(62, 'x') + "\r\n\r\n"), Result::kDone)
      << "one zero, a semicolon, 62 bytes";
  EXPECT_EQ(Skip("0;" + std::string(63, 'x') + "\r\n\r\n"), Result::kFailed);
  EXPECT_EQ(Skip("0\r\n" + std::string(63, 'X') + "\r\n\r\n"), Result::kDone);
  EXPECT_EQ(Skip("0\r\n" + std::string(64, 'X') + "\r\n\r\n"), Result::kFailed);
  EXPECT_EQ(Skip(std::string(64, '0') + "\r\n\r\n"), Result::kDone);
  EXPECT_EQ(Skip(std::string(65, '0')), Result::kFailed);
}

TEST(HttpChunked, RandomChunksComeOutWhole) {
  Random random({9, 10});
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint32_t chunks = random.Below(5); chunks > 0; --chunks) {
      const uint32_t size = random.Below(40) + 1;
      char digits[16];
      std::snprintf(digits, sizeof digits, random.Below(2) == 0 ? "%x" : "%X", size);
      text += digits;
      text += "\r\n";
      for (uint32_t i = 0; i < size; ++i) text += static_cast<char>(random.Below(256));
      text += "\r\n";
    }
    text += "0\r\n\r\n";
    ASSERT_EQ(Skip(text), Result::kDone);
    text[random.Below(static_cast<uint32_t>(text.size()))] = static_cast<char>(random.Below(256));
    Skip(text);  // both ways of feeding must agree
  }
}

}  // namespace
}  // namespace aether
