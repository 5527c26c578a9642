// The sums of every unit against a reference that shares nothing with them: RFC 1071 written down
// in big-endian words.
#include "stack/wire/checksum.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

// A sanitizer sees the alignments around the edges of words and vectors only, to be done in time.
const std::vector<unsigned>& Alignments() {
  static const std::vector<unsigned> all = [] {
    std::vector<unsigned> alignments = {0, 1, 2, 7, 31, 33, 62, 63};
    if (kUnderSanitizer) return alignments;
    alignments.clear();
    for (unsigned i = 0; i < 64; ++i) alignments.push_back(i);
    return alignments;
  }();
  return all;
}

constexpr size_t kEveryLengthMax = 2048;

// The field value in host order.
uint16_t SlowChecksum(Bytes data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); i += 2) {
    const uint32_t high = data[i];
    const uint32_t low = i + 1 < data.size() ? data[i + 1] : 0;
    sum += high << 8 | low;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(~sum);
}

std::vector<ChecksumUnit> AvailableUnits() {
  std::vector<ChecksumUnit> units;
  for (const ChecksumUnit unit : {ChecksumUnit::kReference, ChecksumUnit::kPortable,
                                  ChecksumUnit::kAvx2, ChecksumUnit::kAvx512}) {
    if (IsAvailable(unit)) units.push_back(unit);
  }
  return units;
}

class ChecksumUnitTest : public testing::TestWithParam<ChecksumUnit> {};

TEST_P(ChecksumUnitTest, EveryLengthAtEveryAlignment) {
  Random random(Seed{1, 2});
  std::vector<uint8_t> buffer(64 + kEveryLengthMax + 64);
  const size_t to_aligned = (64 - reinterpret_cast<uintptr_t>(buffer.data()) % 64) % 64;
  const std::vector<uint8_t> data = RandomBytes(random, kEveryLengthMax);
  std::vector<uint16_t> expected;
  for (size_t size = 0; size <= kEveryLengthMax; ++size)
    expected.push_back(SlowChecksum(Bytes(data).first(size)));
  for (const unsigned alignment : Alignments()) {
    const auto at = buffer.begin() + static_cast<ptrdiff_t>(to_aligned + alignment);
    for (size_t size = 0; size <= kEveryLengthMax; ++size) {
      // Bytes around the data that would change the sum if they were counted.
      std::fill(buffer.begin(), buffer.end(), uint8_t{0x5a});
      std::copy_n(data.begin(), size, at);
      ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), Bytes(&*at, size))), expected[size])
          << "size " << size << " alignment " << alignment;
    }
  }
}

TEST_P(ChecksumUnitTest, ReadsNothingOutsideOfAnExactBuffer) {
  Random random(Seed{3, 4});
  const std::vector<uint8_t> data = RandomBytes(random, kEveryLengthMax + 64);
  for (size_t size = 0; size <= kEveryLengthMax; ++size) {
    const size_t skip = size % 61;
    const ExactBytes exact(Bytes(data).first(size + skip));
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), Bytes(exact).subspan(skip))),
              SlowChecksum(Bytes(data).subspan(skip, size)));
  }
}

TEST_P(ChecksumUnitTest, CopiesAndSumsEveryLength) {
  Random random(Seed{5, 6});
  constexpr size_t kGuard = 64;
  constexpr uint8_t kGuardByte = 0xa7;
  const std::vector<uint8_t> data = RandomBytes(random, kEveryLengthMax + 128);
  std::vector<uint8_t> copy(kGuard + 64 + kEveryLengthMax + kGuard);
  for (const unsigned alignment : Alignments()) {
    for (size_t size = 0; size <= kEveryLengthMax; ++size) {
      const size_t from_alignment = (alignment * 7 + size) % 64;
      const Bytes from = Bytes(data).subspan(from_alignment, size);
      std::fill(copy.begin(), copy.end(), kGuardByte);
      const size_t start = kGuard + alignment;
      const uint16_t sum = CopyAndSumWith(GetParam(), copy.data() + start, from);
      ASSERT_EQ(ChecksumOf(sum), SlowChecksum(from))
          << "size " << size << " alignment " << alignment;
      ASSERT_TRUE(
          std::equal(from.begin(), from.end(), copy.begin() + static_cast<ptrdiff_t>(start)))
          << "size " << size << " alignment " << alignment;
      const auto is_guard = [](uint8_t byte) { return byte == kGuardByte; };
      ASSERT_TRUE(
          std::all_of(copy.begin(), copy.begin() + static_cast<ptrdiff_t>(start), is_guard));
      ASSERT_TRUE(
          std::all_of(copy.begin() + static_cast<ptrdiff_t>(start + size), copy.end(), is_guard))
          << "size " << size << " alignment " << alignment;
    }
  }
}

TEST_P(ChecksumUnitTest, CopiesBetweenExactBuffers) {
  Random random(Seed{7, 8});
  for (size_t size = 0; size <= kEveryLengthMax; ++size) {
    const ExactBytes from(RandomBytes(random, size));
    ExactBytes to((RandomBytes(random, size)));
    ASSERT_EQ(ChecksumOf(CopyAndSumWith(GetParam(), to.mutable_bytes().data(), from)),
              SlowChecksum(from));
    ASSERT_EQ(ToVector(to), ToVector(from));
  }
}

// All ones carry wherever a carry can be lost, all zeros must stay zero, and only they may be zero.
TEST_P(ChecksumUnitTest, ExtremeBytesAtEveryLength) {
  const std::vector<uint8_t> ones(kEveryLengthMax, 0xff);
  const std::vector<uint8_t> zeros(kEveryLengthMax, 0);
  for (size_t size = 0; size <= kEveryLengthMax; ++size) {
    ASSERT_EQ(SumBytesWith(GetParam(), Bytes(zeros).first(size)), 0);
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), Bytes(ones).first(size))),
              SlowChecksum(Bytes(ones).first(size)));
    std::vector<uint8_t> one(size, 0);
    if (size == 0) continue;
    one[size - 1] = 0x80;
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), one)), SlowChecksum(one)) << size;
  }
}

TEST_P(ChecksumUnitTest, LargeSizes) {
  Random random(Seed{9, 10});
  for (const size_t size : {4096u, 9000u, 16384u, 65535u, 65536u, 1000003u, 16u << 20}) {
    std::vector<uint8_t> data(size, 0xff);
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), data)), SlowChecksum(data)) << size;
    FillRandom(random, MutableBytes(data).first(std::min<size_t>(size, 70000)));
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), data)), SlowChecksum(data)) << size;
    ASSERT_EQ(ChecksumOf(SumBytesWith(GetParam(), Bytes(data).subspan(1))),
              SlowChecksum(Bytes(data).subspan(1)));
    std::vector<uint8_t> copy(size);
    ASSERT_EQ(ChecksumOf(CopyAndSumWith(GetParam(), copy.data(), data)), SlowChecksum(data))
        << size;
    ASSERT_EQ(copy, data);
  }
}

TEST_P(ChecksumUnitTest, PiecesAddUp) {
  Random random(Seed{11, 12});
  for (int round = 0; round < 3000; ++round) {
    const std::vector<uint8_t> data = RandomBytes(random, random.Below(1600));
    uint16_t sum = 0;
    for (size_t at = 0; at < data.size();) {
      const size_t size = std::min<size_t>(data.size() - at, 1 + random.Below(400));
      const uint16_t piece = SumBytesWith(GetParam(), Bytes(data).subspan(at, size));
      // [RFC 1071 2(B)] a piece at an odd offset has its bytes in the other halves of the words.
      sum = SumAdd(sum, at % 2 == 0 ? piece : SumSwap(piece));
      at += size;
    }
    ASSERT_EQ(ChecksumOf(sum), SlowChecksum(data));
  }
}

INSTANTIATE_TEST_SUITE_P(Units, ChecksumUnitTest, testing::ValuesIn(AvailableUnits()),
                         [](const auto& unit) {
                           switch (unit.param) {
                             case ChecksumUnit::kReference:
                               return "Reference";
                             case ChecksumUnit::kPortable:
                               return "Portable";
                             case ChecksumUnit::kAvx2:
                               return "Avx2";
                             case ChecksumUnit::kAvx512:
                               return "Avx512";
                           }
                           return "Unknown";
                         });

TEST(ChecksumTest, ChosenUnitAgrees) {
  Random random(Seed{13, 14});
  for (size_t size = 0; size < 600; ++size) {
    const std::vector<uint8_t> data = RandomBytes(random, size);
    std::vector<uint8_t> copy(size);
    ASSERT_EQ(ChecksumOf(SumBytes(data)), SlowChecksum(data));
    ASSERT_EQ(ChecksumOf(CopyAndSum(copy.data(), data)), SlowChecksum(data));
    ASSERT_EQ(copy, data);
  }
}

// [RFC 1071 1] words in memory order with the carry taken around; the example of RFC 1071 section
// 3: 0001 f203 f4f5 f6f7 sums to ddf2.
TEST(ChecksumTest, ExampleOfTheRfc) {
  const std::vector<uint8_t> data = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(NetworkOrder(SumBytes(data)), 0xddf2);
  EXPECT_EQ(ChecksumOf(SumBytes(data)), 0x220d);
}

TEST(ChecksumTest, ReferenceAndPortableAreEverywhere) {
  EXPECT_TRUE(IsAvailable(ChecksumUnit::kReference));
  EXPECT_TRUE(IsAvailable(ChecksumUnit::kPortable));
}

TEST(ChecksumTest, DataWithItsChecksumIsValidAndAnyOtherValueIsNot) {
  Random random(Seed{15, 16});
  std::vector<uint8_t> data = RandomBytes(random, 64);
  data[10] = data[11] = 0;
  const uint16_t checksum = ChecksumOf(SumBytes(data));
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    StoreBe<uint16_t>(data.data() + 10, static_cast<uint16_t>(value));
    ASSERT_EQ(SumIsValid(SumBytes(data)), value == checksum) << value;
  }
}

TEST(ChecksumTest, SumHeaderIsSumBytes) {
  Random random(Seed{17, 18});
  for (size_t size = 0; size <= 60; size += 4) {
    const ExactBytes data(RandomBytes(random, size));
    EXPECT_EQ(SumHeader(Bytes(data).data(), size), SumBytes(data));
    const ExactBytes ones(std::vector<uint8_t>(size, 0xff));
    EXPECT_EQ(SumHeader(Bytes(ones).data(), size), SumBytes(ones));
  }
}

// [RFC 768] the pseudo header is the addresses, a zero byte, the protocol, and the length.
TEST(ChecksumTest, PseudoHeaderIsThatOfTheRfc) {
  Random random(Seed{19, 20});
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> pseudo = RandomBytes(random, 12);
    pseudo[8] = 0;
    const Ipv4Address source{LoadBe<uint32_t>(pseudo.data())};
    const Ipv4Address destination{LoadBe<uint32_t>(pseudo.data() + 4)};
    const uint16_t sum =
        SumPseudoHeader(source, destination, pseudo[9], LoadBe<uint16_t>(pseudo.data() + 10));
    ASSERT_EQ(ChecksumOf(sum), SlowChecksum(pseudo));
  }
  const Ipv4Address ones = Ipv4Address::Broadcast();
  EXPECT_EQ(
      ChecksumOf(SumPseudoHeader(ones, ones, 0xff, 0xffff)),
      SlowChecksum(std::vector<uint8_t>{255, 255, 255, 255, 255, 255, 255, 255, 0, 255, 255, 255}));
}

TEST(ChecksumTest, FoldKeepsTheValueModulo65535) {
  Random random(Seed{21, 22});
  EXPECT_EQ(SumFold(0), 0);
  EXPECT_EQ(SumFold(~uint64_t{0}), 0xffff);
  for (int round = 0; round < 100000; ++round) {
    const uint64_t sum = random.Next64() >> random.Below(64);
    const uint16_t folded = SumFold(sum);
    ASSERT_EQ(folded % 0xffff, sum % 0xffff);
    ASSERT_EQ(folded == 0, sum == 0);
  }
}

}  // namespace
}  // namespace aether
