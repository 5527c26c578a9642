// The mutator and the crossover: sizes, determinism, and that they work on whole records.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fuzz/stateful/test_grammar.h"

namespace aether::fuzz {
namespace {

using Input = std::vector<uint8_t>;

Input Start() {
  const auto input = ParseInput(kTestGrammar,
                                "segment flags=S\n"
                                "time after=1ms\n"
                                "segment seq=acked+3 window=5 raw=0x01020304\n"
                                "value value=7\n"
                                "data data=\"hello\"\n");
  return input.value();
}

Input Mutated(const Input& input, size_t size_max, unsigned seed) {
  Input memory(size_max);
  std::ranges::copy(input, memory.begin());
  const size_t size = MutateInput(kTestGrammar, memory.data(), input.size(), size_max, seed);
  EXPECT_LE(size, size_max);
  memory.resize(size);
  return memory;
}

TEST(Mutator, StaysWithinBounds) {
  const Input start = Start();
  for (const size_t spare : {size_t{0}, size_t{1}, size_t{7}, size_t{100}}) {
    Input input = start;
    for (unsigned seed = 0; seed < 3000; ++seed) {
      input = Mutated(input, start.size() + spare, seed);
      if (input.size() > start.size() + spare) break;
    }
  }
  // Nothing to begin with, and no room for anything.
  for (unsigned seed = 0; seed < 100; ++seed) {
    EXPECT_LE(Mutated({}, 1, seed).size(), 1u);
    EXPECT_GE(Mutated({}, 100, seed).size(), 2u);
  }
}

TEST(Mutator, IsDeterministic) {
  for (unsigned seed = 0; seed < 500; ++seed)
    EXPECT_EQ(Mutated(Start(), 400, seed), Mutated(Start(), 400, seed));
}

TEST(Mutator, ChangesNearlyAlways) {
  std::set<Input> seen;
  for (unsigned seed = 0; seed < 1000; ++seed) seen.insert(Mutated(Start(), 400, seed));
  EXPECT_GT(seen.size(), 500u);
  // One that does nothing at all wastes an execution; few do.
  int same = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) same += Mutated(Start(), 400, seed) == Start();
  EXPECT_LT(same, 60);
}

// A record's text in most cases, with or without one more or one less: nothing of the others moves.
TEST(Mutator, WorksOnRecords) {
  const auto lines = [](const Input& input) {
    std::multiset<std::string> found;
    RecordReader reader(kTestGrammar, input);
    for (Record record; reader.Next(record);) found.insert(PrintRecord(kTestGrammar, record));
    return found;
  };
  const std::multiset<std::string> before = lines(Start());
  std::map<size_t, int> kept_counts;
  std::map<size_t, int> sizes;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const std::multiset<std::string> after = lines(Mutated(Start(), 400, seed));
    size_t kept = 0;
    for (const std::string& line : std::set<std::string>(before.begin(), before.end()))
      kept += after.contains(line) ? 1u : 0u;
    ++kept_counts[kept];
    ++sizes[after.size()];
  }
  EXPECT_GT(kept_counts[5] + kept_counts[4] + kept_counts[3], 1700);
  // Some are longer, some shorter, and it does not always grow.
  EXPECT_GT(sizes[4], 50);
  EXPECT_GT(sizes[5], 500);
  EXPECT_GT(sizes[6], 200);
}

TEST(Mutator, ReachesEveryOperand) {
  std::set<uint8_t> heads;
  std::set<uint32_t> windows;
  std::set<uint32_t> bases;
  std::set<size_t> raws;
  std::set<uint32_t> times;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    const Input input = Mutated(Start(), 400, seed);
    RecordReader reader(kTestGrammar, input);
    heads.insert(reader.head(0));
    for (Record record; reader.Next(record);) {
      if (record.operation == 1) times.insert(record.U8(0));
      if (record.operation != 0) continue;
      windows.insert(record.U16(2));
      bases.insert(record.LiveAt(1).base);
      raws.insert(record.bytes.size());
    }
  }
  EXPECT_GT(heads.size(), 3u);
  EXPECT_GT(windows.size(), 50u);
  EXPECT_GE(bases.size(), 4u);
  EXPECT_GT(raws.size(), 8u);
  EXPECT_GT(times.size(), 30u);
}

TEST(CrossInputs, TakesRecordsOfBoth) {
  const Input first = Start();
  const auto second = ParseInput(kTestGrammar, "mode: odd\nnothing\nnothing\ntime after=3s\n");
  ASSERT_TRUE(second);
  std::set<Input> seen;
  int mixed = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    Input out(seed % 100);
    const size_t size = CrossInputs(kTestGrammar, first, *second, out, seed);
    ASSERT_LE(size, out.size());
    out.resize(size);
    seen.insert(out);
    const std::string text = PrintInput(kTestGrammar, out);
    if (size >= first.size()) {
      EXPECT_EQ(text.substr(0, 12), "mode: plain\n");
    }
    mixed += text.contains("nothing") && text.contains("segment") ? 1 : 0;
  }
  EXPECT_GT(seen.size(), 30u);
  EXPECT_GT(mixed, 200);
  // Nothing of either is nothing.
  Input out(100);
  EXPECT_EQ(CrossInputs(kTestGrammar, {}, {}, out, 1), 0u);
}

}  // namespace
}  // namespace aether::fuzz
