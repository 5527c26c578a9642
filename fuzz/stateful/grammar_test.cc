#include "fuzz/stateful/grammar.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "fuzz/stateful/test_grammar.h"
#include "stack/base/random.h"

namespace aether::fuzz {
namespace {

using Input = std::vector<uint8_t>;

Input Parsed(std::string_view text) {
  const auto input = ParseInput(kTestGrammar, text);
  EXPECT_TRUE(input) << input.error();
  return input.value_or(Input{});
}

std::string ErrorOf(std::string_view text) {
  const auto input = ParseInput(kTestGrammar, text);
  return input ? "none" : input.error();
}

std::string Printed(const Input& input) { return PrintInput(kTestGrammar, input); }

TEST(RecordReader, ReadsHeadAndRecords) {
  const Input input = {1, 4, 0, 0x02, 0x14, 0xff, 0xff, 0x12, 0x34, 2, 7, 8, 6, 44, 2};
  RecordReader reader(kTestGrammar, input);
  EXPECT_EQ(reader.head(0), 1);
  EXPECT_EQ(reader.head(1), 4);
  EXPECT_EQ(reader.head(2), 0);
  Record record;
  ASSERT_TRUE(reader.Next(record));
  EXPECT_EQ(record.operation, 0);
  EXPECT_EQ(record.turns, 0);
  EXPECT_EQ(record.U8(0), 2);
  EXPECT_EQ(record.LiveAt(1).base, 1);
  EXPECT_EQ(record.LiveAt(1).scale, 4);
  EXPECT_EQ(record.LiveAt(1).distance, -1);
  EXPECT_EQ(record.U16(2), 0x1234);
  EXPECT_EQ(Input(record.bytes.begin(), record.bytes.end()), (Input{7, 8}));
  ASSERT_TRUE(reader.Next(record));
  EXPECT_EQ(record.operation, 1);
  EXPECT_EQ(record.turns, 1);
  EXPECT_EQ(record.TimeAt(0, Duration::max()), Duration(2048));
  EXPECT_EQ(record.TimeAt(0, Duration(2000)), Duration(2000));
  ASSERT_TRUE(reader.Next(record));
  EXPECT_EQ(record.operation, 2);
  EXPECT_EQ(reader.offset(), input.size());
  EXPECT_FALSE(reader.Next(record));
}

TEST(RecordReader, BeyondTheEndEverythingIsZero) {
  const Input input = {1};
  EXPECT_EQ(RecordReader(kTestGrammar, input).head(1), 0);
  const Input cut = {1, 0, 3, 0xab};
  RecordReader reader(kTestGrammar, cut);
  Record record;
  ASSERT_TRUE(reader.Next(record));
  EXPECT_EQ(record.U32(0), 0xab000000);
  EXPECT_EQ(record.U8(1), 0);
  EXPECT_FALSE(reader.Next(record));
}

TEST(RecordReader, TimeIsLogarithmic) {
  Record record;
  EXPECT_EQ(record.TimeAt(0, Duration::max()), Duration(0));
  Duration before{0};
  for (uint32_t step = 1; step < 244; ++step) {
    record.values[0] = step;
    EXPECT_GE(record.TimeAt(0, Duration::max()), before);
    before = record.TimeAt(0, Duration::max());
  }
  EXPECT_GT(before, std::chrono::years(30));
  record.values[0] = 255;
  EXPECT_GT(record.TimeAt(0, Duration::max()), std::chrono::years(30));
}

TEST(Live, IsRelativeToAnyBase) {
  EXPECT_EQ((Live{.distance = -1}).Of(0), 0xffffffff);
  EXPECT_EQ((Live{.scale = 10, .distance = 2}).Of(100), 3020u);
  EXPECT_EQ((Live{.scale = 15, .distance = -128}).Of(5), 0x80000005);
}

TEST(GrammarText, IsReadable) {
  const Input input = {1,  4, 0, 0x02, 0x1a, 0xff, 0xff, 0x12, 0x34, 2, 7,   8,   6,
                       44, 2, 3, 0,    0,    1,    0,    2,    4,    3, 'a', '"', '\r'};
  const std::string text =
      "mode: small\n"
      "switches: R\n"
      "segment flags=S seq=acked-1*1460 window=4660 raw=0x0708\n"
      "time^1 after=44~2.048us\n"
      "nothing\n"
      "value value=0x100 mode=odd\n"
      "data data=\"a\\\"\\r\"\n";
  EXPECT_EQ(Printed(input), text);
  EXPECT_EQ(Parsed(text), input);
}

TEST(GrammarText, IsWrittenByHand) {
  EXPECT_EQ(Parsed("# nothing but a comment\n\n"), Input{});
  EXPECT_EQ(Parsed("mode: odd"), Input{2});
  EXPECT_EQ(Parsed("switches: F|R # both"), (Input{0, 5}));
  // What is not given is 0, and heads that records follow are there.
  EXPECT_EQ(Parsed("nothing"), (Input{0, 0, 2}));
  EXPECT_EQ(Parsed("segment window=7 # seven"), (Input{0, 0, 0, 0, 0, 0, 0, 0, 7, 0}));
  EXPECT_EQ(Parsed("segment window=7 flags=S|0x80"), (Input{0, 0, 0, 0x82, 0, 0, 0, 0, 7, 0}));
  EXPECT_EQ(Parsed("data data=\" # \\\\\""), (Input{0, 0, 4, 4, ' ', '#', ' ', '\\'}));
  // Times in units are the next step.
  EXPECT_EQ(Parsed("time after=1ns"), (Input{0, 0, 1, 1}));
  EXPECT_EQ(Parsed("time after=2.0us"), (Input{0, 0, 1, 44}));
  EXPECT_EQ(Parsed("time after=44"), (Input{0, 0, 1, 44}));
  EXPECT_EQ(Parsed("time after=0s"), (Input{0, 0, 1, 0}));
  // Every base and scale has a text.
  EXPECT_EQ(Parsed("segment seq=#9-32768*#2"), (Input{0, 0, 0, 0, 0x92, 0x80, 0, 0, 0, 0}));
}

TEST(GrammarText, MistakesNameTheLine) {
  EXPECT_EQ(ErrorOf("nothing\nsomething"), "line 2: no operation 'something'");
  EXPECT_EQ(ErrorOf("nothing^60"), "line 1: no operation 'nothing^60'");
  EXPECT_EQ(ErrorOf("time before=1"), "line 1: time has no operand 'before=1'");
  EXPECT_EQ(ErrorOf("time ="), "line 1: time has no operand '='");
  EXPECT_EQ(ErrorOf("time after=1 apple"), "line 1: time has no operand 'apple'");
  EXPECT_EQ(ErrorOf("time after=soon"), "line 1: after cannot be 'soon'");
  EXPECT_EQ(ErrorOf("segment window=65536"), "line 1: window cannot be '65536'");
  EXPECT_EQ(ErrorOf("segment seq=next+40000"), "line 1: seq cannot be 'next+40000'");
  EXPECT_EQ(ErrorOf("segment seq=next+1*7"), "line 1: seq cannot be 'next+1*7'");
  EXPECT_EQ(ErrorOf("data data=0x123"), "line 1: data cannot be '0x123'");
  EXPECT_EQ(ErrorOf("data data=\"open"), "line 1: data cannot be '\"open'");
  EXPECT_EQ(ErrorOf("color: red"), "line 1: no head byte 'color'");
  EXPECT_EQ(ErrorOf("mode: red"), "line 1: mode cannot be 'red'");
  EXPECT_EQ(ErrorOf("nothing\nmode: odd"), "line 2: a head byte after the first record");
}

// Any bytes have a text that encodes back to them, but for operands cut off by the end: those come
// back as 0.
TEST(GrammarText, EveryInputComesBack) {
  Random random({1, 2});
  int exact = 0;
  for (int i = 0; i < 20000; ++i) {
    Input input(random.Below(60));
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random.Next32());
    const std::string text = Printed(input);
    const Input again = Parsed(text);
    EXPECT_EQ(Printed(again), text);
    // All but the last record.
    size_t begin = 0;
    RecordReader reader(kTestGrammar, input);
    Record record;
    for (size_t at = reader.offset(); reader.Next(record); at = reader.offset()) begin = at;
    ASSERT_GE(again.size(), begin) << text;
    EXPECT_TRUE(
        std::equal(input.begin(), input.begin() + static_cast<ptrdiff_t>(begin), again.begin()))
        << text;
    exact += again == input ? 1 : 0;
  }
  EXPECT_GT(exact, 1000);
}

}  // namespace
}  // namespace aether::fuzz
