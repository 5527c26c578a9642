// The rules of reassembly one by one, its limits at the limit, and the known attacks on it by name.
// fragments_model_test.cc compares it with a slow model.
#include "stack/net/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "stack/net/fragments_test_util.h"

namespace aether::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FragmentsTest : public ::testing::Test {
 protected:
  FragmentsTest() { Make({}); }
  ~FragmentsTest() override { fragments_->CheckInvariants(); }

  void Make(const NetLimits& limits) {
    limits_ = limits;
    fragments_ = std::make_unique<Fragments>(limits_, SipKey{1, 2});
  }

  Drop Add(const FragmentSpec& spec) {
    const ExactPacket packet(spec);
    const Fragments::Verdict verdict = fragments_->Add(packet.view(), link_group_, now_, counters_);
    if (verdict.whole != kNoIndex) {
      EXPECT_EQ(verdict.drop, Drop::kNone);
      const Bytes bytes = fragments_->Packet(verdict.whole);
      whole_.assign(bytes.begin(), bytes.end());
      whole_link_group_ = fragments_->link_group(verdict.whole);
      ++wholes_;
      fragments_->Release(verdict.whole);
    }
    fragments_->CheckInvariants();
    return verdict.drop;
  }
  // A piece of the position-coded datagram 1.
  Drop AddPiece(uint32_t offset, size_t size, bool more) {
    return Add({.offset = offset, .more = more, .payload = CodedBytes(offset, size, 1)});
  }
  void ExpectWhole(size_t size, uint32_t seed = 1) {
    EXPECT_EQ(wholes_, 1);
    const std::expected<Ipv4View, Drop> view = Ipv4View::Parse(whole_);
    ASSERT_TRUE(view.has_value());
    EXPECT_FALSE(view->IsFragment());
    const ByteVector expected = CodedBytes(0, size, seed);
    EXPECT_TRUE(std::ranges::equal(view->payload(), expected));
  }
  // Everything that time has ended; the fragments zero of it.
  std::vector<ByteVector> Expire() {
    std::vector<ByteVector> firsts;
    for (uint32_t index = fragments_->TakeExpired(now_); index != kNoIndex;
         index = fragments_->TakeExpired(now_)) {
      const Bytes first = fragments_->Packet(index);
      firsts.emplace_back(first.begin(), first.end());
      fragments_->Release(index);
    }
    return firsts;
  }

  NetLimits limits_;
  std::unique_ptr<Fragments> fragments_;
  Counters counters_;
  Instant now_{};
  bool link_group_ = false;
  ByteVector whole_;
  bool whole_link_group_ = false;
  int wholes_ = 0;
};

TEST_F(FragmentsTest, PutsPiecesTogetherInAnyOrder) {
  ByteVector order{0, 1, 2, 3};
  do {
    wholes_ = 0;
    for (const uint8_t i : order) {
      EXPECT_EQ(AddPiece(i * 16u, i == 3 ? 5 : 16, i != 3), Drop::kNone);
    }
    ExpectWhole(53);
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(fragments_->datagrams(), 0u);
  EXPECT_EQ(fragments_->bytes(), 0u);
  EXPECT_EQ(counters_.ipv4_fragments_in, 24u * 4);
  EXPECT_EQ(counters_.ipv4_reassembled, 24u);
}

// [RFC 791 3.2] the header of the datagram is fragment zero's, its options included.
TEST_F(FragmentsTest, HeaderIsThatOfFragmentZero) {
  EXPECT_EQ(Add({.offset = 16,
                 .more = false,
                 .payload = CodedBytes(16, 3, 1),
                 .type_of_service = 0x20,
                 .option_bytes = 40}),
            Drop::kNone);
  EXPECT_EQ(Add({.payload = CodedBytes(0, 16, 1), .type_of_service = 0x48, .option_bytes = 8}),
            Drop::kNone);
  ExpectWhole(19);
  const std::expected<Ipv4View, Drop> view = Ipv4View::Parse(whole_);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->header_size(), 28u);
  EXPECT_EQ(view->total_length(), 28u + 19);
  EXPECT_EQ(view->type_of_service(), 0x48);
  EXPECT_EQ(view->identification(), 1);
}

// [RFC 791 3.2] what belongs together agrees in source, destination, protocol and identification.
TEST_F(FragmentsTest, KeyHasFourParts) {
  const FragmentSpec first{.payload = CodedBytes(0, 8, 1)};
  EXPECT_EQ(Add(first), Drop::kNone);
  FragmentSpec other{.offset = 8, .more = false, .payload = CodedBytes(8, 8, 1)};
  other.source = Ipv4Address::Of(10, 0, 0, 3);
  EXPECT_EQ(Add(other), Drop::kNone);
  other.source = first.source;
  other.destination = Ipv4Address::Of(224, 0, 0, 1);
  EXPECT_EQ(Add(other), Drop::kNone);
  other.destination = first.destination;
  other.protocol = 1;
  EXPECT_EQ(Add(other), Drop::kNone);
  other.protocol = first.protocol;
  other.identification = 2;
  EXPECT_EQ(Add(other), Drop::kNone);
  EXPECT_EQ(wholes_, 0);
  EXPECT_EQ(fragments_->datagrams(), 5u);
  other.identification = first.identification;
  EXPECT_EQ(Add(other), Drop::kNone);
  ExpectWhole(16);
}

TEST_F(FragmentsTest, LinkGroupOfOneFragmentIsThatOfTheDatagram) {
  link_group_ = true;
  AddPiece(0, 8, true);
  link_group_ = false;
  AddPiece(8, 8, false);
  ExpectWhole(16);
  EXPECT_TRUE(whole_link_group_);
}

// FRG007. [RFC 791 3.1] only the last fragment may end between two units of 8 bytes.
TEST_F(FragmentsTest, FRG007MiddleFragmentThatIsNoMultipleOf8) {
  for (size_t size = 1; size < 24; ++size) {
    EXPECT_EQ(AddPiece(0, size, true), size % 8 == 0 ? Drop::kNone : Drop::kIpv4FragmentBadLength)
        << size;
    EXPECT_EQ(fragments_->datagrams(), size % 8 == 0 ? 1u : 0u);
    fragments_->Clear();
  }
  // A misshapen fragment says nothing about the datagram that it names.
  EXPECT_EQ(AddPiece(0, 8, true), Drop::kNone);
  EXPECT_EQ(AddPiece(8, 9, true), Drop::kIpv4FragmentBadLength);
  EXPECT_EQ(AddPiece(8, 9, false), Drop::kNone);
  ExpectWhole(17);
}

TEST_F(FragmentsTest, EmptyFragments) {
  EXPECT_EQ(AddPiece(0, 0, true), Drop::kIpv4FragmentEmpty);
  EXPECT_EQ(AddPiece(8, 0, true), Drop::kIpv4FragmentEmpty);
  EXPECT_EQ(AddPiece(8, 0, false), Drop::kIpv4FragmentEmpty);
  EXPECT_EQ(fragments_->datagrams(), 0u);
}

// FRG002, the ping of death. [RFC 791 3.1] a datagram has at most 65,535 bytes, header included.
TEST_F(FragmentsTest, FRG002PingOfDeath) {
  FragmentSpec last{.protocol = 1, .offset = 0x1fff * 8, .more = false, .payload = ByteVector(16)};
  EXPECT_EQ(Add(last), Drop::kIpv4FragmentTooLong);
  last.payload.resize(1);
  EXPECT_EQ(Add(last), Drop::kIpv4FragmentTooLong);
  last = {.protocol = 1, .offset = 65512, .more = false, .payload = ByteVector(4)};
  EXPECT_EQ(Add(last), Drop::kIpv4FragmentTooLong);
  EXPECT_EQ(fragments_->datagrams(), 0u);
  last.payload.resize(3);  // 20 + 65515
  EXPECT_EQ(Add(last), Drop::kNone);
}

TEST_F(FragmentsTest, LargestDatagram) {
  for (uint32_t offset = 0; offset < 65515; offset += 1480) {
    const bool more = offset + 1480 < 65515;
    EXPECT_EQ(AddPiece(offset, more ? 1480 : 65515 - offset, more), Drop::kNone);
  }
  ExpectWhole(65515);
  EXPECT_EQ(whole_.size(), 65535u);
}

// Each fragment fits, but with the options of fragment zero the datagram does not.
TEST_F(FragmentsTest, OptionsOfFragmentZeroCount) {
  for (const bool zero_first : {false, true}) {
    fragments_->Clear();
    const FragmentSpec zero{.payload = CodedBytes(0, 8, 1), .option_bytes = 40};
    const FragmentSpec last{.offset = 65480, .more = false, .payload = CodedBytes(0, 16, 1)};
    EXPECT_EQ(Add(zero_first ? zero : last), Drop::kNone);
    EXPECT_EQ(Add(zero_first ? last : zero), Drop::kIpv4FragmentTooLong);
    EXPECT_EQ(fragments_->bytes(), 0u);
  }
  EXPECT_EQ(counters_.ipv4_reassembly_abandoned, 2u);
}

TEST_F(FragmentsTest, SmallerLimitOfDatagramSize) {
  limits_.reassembly_datagram_bytes_max = 576;
  Make(limits_);
  EXPECT_EQ(AddPiece(552, 4, false), Drop::kNone);
  EXPECT_EQ(AddPiece(552, 5, false), Drop::kIpv4FragmentTooLong);
  EXPECT_EQ(AddPiece(0, 552, true), Drop::kNone);
  ExpectWhole(556);
}

TEST_F(FragmentsTest, ReassemblyCanBeSwitchedOff) {
  limits_.reassembly_datagrams_max = 0;
  Make(limits_);
  EXPECT_EQ(AddPiece(0, 8, true), Drop::kIpv4Fragment);
}

// FRG001, teardrop: the second fragment ends within the first.
TEST_F(FragmentsTest, FRG001Teardrop) {
  EXPECT_EQ(AddPiece(0, 32, true), Drop::kNone);
  EXPECT_EQ(AddPiece(8, 8, false), Drop::kIpv4FragmentOverlap);
  // Nothing can be had from the rest any more.
  EXPECT_EQ(AddPiece(32, 8, false), Drop::kIpv4FragmentAbandoned);
  EXPECT_EQ(AddPiece(0, 32, true), Drop::kIpv4FragmentAbandoned);
  EXPECT_EQ(wholes_, 0);
  EXPECT_EQ(fragments_->bytes(), 0u);
  EXPECT_EQ(counters_.ipv4_reassembly_abandoned, 1u);
}

// [RFC 5722 section 3] every kind of overlap drops the datagram, also the fragments still to come.
TEST_F(FragmentsTest, OverlapsOfEveryKind) {
  // Against pieces [16, 32) and [48, 64).
  struct Case {
    uint32_t offset;
    size_t size;
  };
  for (const Case& overlap :
       {Case{8, 16}, Case{24, 16}, Case{8, 32}, Case{16, 8}, Case{24, 8}, Case{16, 24}, Case{8, 24},
        Case{32, 24}, Case{40, 16}, Case{0, 72}, Case{56, 64}, Case{16, 48}}) {
    fragments_->Clear();
    AddPiece(16, 16, true);
    AddPiece(48, 16, true);
    EXPECT_EQ(AddPiece(overlap.offset, overlap.size, true), Drop::kIpv4FragmentOverlap)
        << overlap.offset << "+" << overlap.size;
    EXPECT_EQ(AddPiece(0, 16, true), Drop::kIpv4FragmentAbandoned);
  }
  for (const Case& beside : {Case{0, 16}, Case{32, 16}, Case{64, 8}, Case{40, 8}}) {
    fragments_->Clear();
    AddPiece(16, 16, true);
    AddPiece(48, 16, true);
    EXPECT_EQ(AddPiece(beside.offset, beside.size, true), Drop::kNone) << beside.offset;
  }
}

// The tiny-fragment attack of RFC 1858 section 4: the flags of a TCP header are sent harmless in
// one fragment, past a filter, and then overwritten by another.
TEST_F(FragmentsTest, TinyFragmentOverwritesTcpFlags) {
  FragmentSpec tcp{.protocol = 6, .payload = CodedBytes(0, 16, 1)};
  EXPECT_EQ(Add(tcp), Drop::kNone);
  tcp.offset = 8;
  tcp.more = false;
  tcp.payload = CodedBytes(0, 12, 2);
  EXPECT_EQ(Add(tcp), Drop::kIpv4FragmentOverlap);
  // The same in place: equal bounds, other bytes.
  fragments_->Clear();
  tcp = {.protocol = 6, .payload = CodedBytes(0, 16, 1)};
  EXPECT_EQ(Add(tcp), Drop::kNone);
  tcp.payload[13] ^= 0x02;
  EXPECT_EQ(Add(tcp), Drop::kIpv4FragmentOverlap);
  EXPECT_EQ(wholes_, 0);
}

// [RFC 8200 4.5] an exact copy is ignored, wherever it stands.
TEST_F(FragmentsTest, ExactDuplicatesAreIgnored) {
  EXPECT_EQ(AddPiece(16, 4, false), Drop::kNone);
  EXPECT_EQ(AddPiece(16, 4, false), Drop::kIpv4FragmentDuplicate);
  EXPECT_EQ(AddPiece(0, 8, true), Drop::kNone);
  EXPECT_EQ(AddPiece(0, 8, true), Drop::kIpv4FragmentDuplicate);
  EXPECT_EQ(AddPiece(16, 4, false), Drop::kIpv4FragmentDuplicate);
  EXPECT_EQ(fragments_->bytes(), 12u);
  EXPECT_EQ(AddPiece(8, 8, true), Drop::kNone);
  ExpectWhole(20);
  EXPECT_EQ(counters_.ipv4_reassembly_abandoned, 0u);
}

TEST_F(FragmentsTest, DuplicateThatMovesTheEndIsNone) {
  AddPiece(8, 8, true);
  EXPECT_EQ(AddPiece(8, 8, false), Drop::kIpv4FragmentOverlap);
  fragments_->Clear();
  AddPiece(8, 8, false);
  EXPECT_EQ(AddPiece(8, 8, true), Drop::kIpv4FragmentOverlap);
}

// A datagram ends where its last fragment ends.
TEST_F(FragmentsTest, EndsThatContradict) {
  AddPiece(32, 8, true);
  EXPECT_EQ(AddPiece(16, 8, false), Drop::kIpv4FragmentBadEnd);
  fragments_->Clear();
  AddPiece(16, 8, false);
  EXPECT_EQ(AddPiece(32, 8, true), Drop::kIpv4FragmentBadEnd);
  fragments_->Clear();
  AddPiece(16, 8, false);
  EXPECT_EQ(AddPiece(32, 8, false), Drop::kIpv4FragmentBadEnd);
  fragments_->Clear();
  AddPiece(16, 8, false);
  EXPECT_EQ(AddPiece(0, 8, false), Drop::kIpv4FragmentBadEnd);
  EXPECT_EQ(AddPiece(0, 16, true), Drop::kIpv4FragmentAbandoned);
}

// [RFC 3168 5.3] congestion that one fragment met is that of the datagram; ECN and no ECN do not
// mix.
TEST_F(FragmentsTest, EcnOfTheFragments) {
  const auto send = [this](uint8_t first, uint8_t last) {
    fragments_->Clear();
    wholes_ = 0;
    EXPECT_EQ(Add({.payload = CodedBytes(0, 8, 1), .type_of_service = first}), Drop::kNone);
    return Add(
        {.offset = 8, .more = false, .payload = CodedBytes(8, 8, 1), .type_of_service = last});
  };
  EXPECT_EQ(send(0x42, 0x43), Drop::kNone);
  ExpectWhole(16);
  EXPECT_EQ(whole_[1], 0x43);
  EXPECT_EQ(send(0x43, 0x42), Drop::kNone);
  EXPECT_EQ(whole_[1], 0x43);
  EXPECT_EQ(send(0x42, 0x41), Drop::kNone);
  EXPECT_EQ(whole_[1], 0x42);
  EXPECT_EQ(send(0x40, 0x43), Drop::kIpv4FragmentBadEcn);
  EXPECT_EQ(wholes_, 0);
  EXPECT_EQ(send(0x43, 0x40), Drop::kIpv4FragmentBadEcn);
}

// FRG006, Rose: pieces that keep coming do not prolong the life of a datagram that never becomes
// whole. [RFC 1122 3.3.2] a fixed time of 60 to 120 seconds.
TEST_F(FragmentsTest, FRG006RoseExpires) {
  ASSERT_GE(limits_.reassembly_timeout, seconds(60));
  ASSERT_LE(limits_.reassembly_timeout, seconds(120));
  EXPECT_EQ(fragments_->NextDeadline(), kNever);
  const Instant deadline = now_ + limits_.reassembly_timeout;
  AddPiece(0, 8, true);
  for (uint32_t i = 1; i < 59; ++i) {
    now_ += seconds(1);
    EXPECT_EQ(AddPiece(16 * i, 8, true), Drop::kNone);
    EXPECT_EQ(AddPiece(0, 8, true), Drop::kIpv4FragmentDuplicate);
    EXPECT_EQ(fragments_->NextDeadline(), deadline);
  }
  now_ = deadline - milliseconds(1);
  EXPECT_TRUE(Expire().empty());
  now_ = deadline;
  const std::vector<ByteVector> firsts = Expire();
  ASSERT_EQ(firsts.size(), 1u);
  EXPECT_EQ(firsts[0], BuildFragment({.payload = CodedBytes(0, 8, 1)}));
  EXPECT_EQ(fragments_->datagrams(), 0u);
  EXPECT_EQ(fragments_->bytes(), 0u);
  EXPECT_EQ(fragments_->NextDeadline(), kNever);
  // What comes later starts anew.
  EXPECT_EQ(AddPiece(8, 8, false), Drop::kNone);
  EXPECT_EQ(wholes_, 0);
}

TEST_F(FragmentsTest, ExpiredWithoutFragmentZeroQuotesNothing) {
  AddPiece(8, 8, true);
  Add({.identification = 2, .payload = ByteVector(8)});
  Add({.identification = 2, .payload = ByteVector(16)});
  now_ += limits_.reassembly_timeout;
  const std::vector<ByteVector> firsts = Expire();
  ASSERT_EQ(firsts.size(), 2u);
  EXPECT_TRUE(firsts[0].empty());
  EXPECT_TRUE(firsts[1].empty());  // given up before
}

TEST_F(FragmentsTest, PiecesAtTheLimit) {
  limits_.reassembly_fragments_per_datagram_max = 16;
  Make(limits_);
  for (uint32_t i = 0; i < 15; ++i) EXPECT_EQ(AddPiece(8 * i, 8, true), Drop::kNone);
  EXPECT_EQ(AddPiece(8 * 15, 8, false), Drop::kNone);
  ExpectWhole(128);
  for (uint32_t i = 0; i < 16; ++i) EXPECT_EQ(AddPiece(8 * i, 8, true), Drop::kNone);
  EXPECT_EQ(AddPiece(0, 8, true), Drop::kIpv4FragmentDuplicate);
  EXPECT_EQ(AddPiece(8 * 16, 8, false), Drop::kIpv4FragmentTooMany);
  EXPECT_EQ(fragments_->bytes(), 0u);
}

// When the table is full the oldest datagram gives way.
TEST_F(FragmentsTest, DatagramsAtTheLimit) {
  limits_.reassembly_datagrams_max = 8;
  Make(limits_);
  const auto half = [](uint16_t identification, bool last) {
    return FragmentSpec{.identification = identification,
                        .offset = last ? 8u : 0u,
                        .more = !last,
                        .payload = CodedBytes(last ? 8 : 0, 8, 1)};
  };
  for (uint16_t i = 0; i < 9; ++i) {
    now_ += milliseconds(1);
    EXPECT_EQ(Add(half(i, false)), Drop::kNone);
  }
  EXPECT_EQ(fragments_->datagrams(), 8u);
  EXPECT_EQ(counters_.ipv4_reassembly_evicted, 1u);
  for (uint16_t i = 1; i < 9; ++i) EXPECT_EQ(Add(half(i, true)), Drop::kNone);
  EXPECT_EQ(wholes_, 8);
  EXPECT_EQ(Add(half(0, true)), Drop::kNone);
  EXPECT_EQ(wholes_, 8);
}

TEST_F(FragmentsTest, BytesAtTheLimit) {
  limits_.reassembly_bytes_max = 70000;
  limits_.reassembly_datagrams_max = 64;
  Make(limits_);
  const auto add = [this](uint16_t identification, uint32_t offset, size_t size) {
    return Add({.identification = identification,
                .offset = offset,
                .payload = CodedBytes(offset, size, identification)});
  };
  EXPECT_EQ(add(1, 0, 35000), Drop::kNone);
  EXPECT_EQ(add(2, 0, 35000), Drop::kNone);
  EXPECT_EQ(fragments_->bytes(), 70000u);
  // The oldest has to go, even if it is younger than the one that needs the room.
  EXPECT_EQ(add(1, 35000, 8), Drop::kNone);
  EXPECT_EQ(fragments_->bytes(), 35008u);
  EXPECT_EQ(counters_.ipv4_reassembly_evicted, 1u);
  // One fragment pushes out a few datagrams and no more.
  fragments_->Clear();
  for (uint16_t i = 0; i < 32; ++i) EXPECT_EQ(add(i, 0, 2184), Drop::kNone);
  EXPECT_EQ(add(100, 0, 20000), Drop::kIpv4FragmentNoMemory);
  EXPECT_EQ(fragments_->datagrams(), 32u - Fragments::kEvictionsMax);
  EXPECT_EQ(add(100, 0, 20000), Drop::kNone);
}

// FRG003, FragmentSmack (CVE-2018-5391, CVE-2018-6923): many datagrams, many tiny fragments, at
// places that make a list search long. Memory and the work for one fragment stay bounded.
TEST_F(FragmentsTest, FRG003FragmentSmack) {
  Random random({3, 4});
  uint64_t most = 0;
  const auto add = [&](const FragmentSpec& spec) {
    const ExactPacket packet(spec);
    const uint64_t before = fragments_->steps();
    fragments_->Add(packet.view(), false, now_, counters_);
    most = std::max(most, fragments_->steps() - before);
    ASSERT_LE(fragments_->datagrams(), limits_.reassembly_datagrams_max);
    ASSERT_LE(fragments_->bytes(), limits_.reassembly_bytes_max);
  };
  for (uint32_t i = 0; i < 50000; ++i) {
    add({.identification = static_cast<uint16_t>(random.Below(1000)),
         .offset = 8 * random.Below(8000),
         .payload = ByteVector(8)});
  }
  fragments_->CheckInvariants();
  // Backwards, so that every piece goes to the front of the list, with every second one missing.
  for (uint16_t id = 2000; id < 2200; ++id) {
    for (uint32_t i = 0; i < 300; ++i) {
      add({.identification = id, .offset = 65000 - 16 * i, .payload = ByteVector(8)});
    }
  }
  fragments_->CheckInvariants();
  // The whole list moves once, one binary search, some evictions, short chains.
  EXPECT_LE(most, limits_.reassembly_fragments_per_datagram_max + 64u);
  EXPECT_GT(most, limits_.reassembly_fragments_per_datagram_max / 2);
  // And real datagrams still pass.
  AddPiece(0, 8, true);
  AddPiece(8, 8, false);
  ExpectWhole(16);
}

// The key is hashed whole and with a secret: datagrams that differ in one part only do not meet in
// one chain.
TEST_F(FragmentsTest, FRG003ChainsStayShort) {
  const auto flood = [this](auto vary) {
    for (uint32_t i = 0; i < 1000; ++i) {
      FragmentSpec spec{.payload = ByteVector(8)};
      vary(spec, i);
      const uint64_t before = fragments_->steps();
      EXPECT_EQ(Add(spec), Drop::kNone);
      EXPECT_LE(fragments_->steps() - before, 16u) << i;
    }
    EXPECT_EQ(fragments_->datagrams(), limits_.reassembly_datagrams_max);
    fragments_->Clear();
  };
  flood([](FragmentSpec& spec, uint32_t i) { spec.identification = static_cast<uint16_t>(i); });
  flood([](FragmentSpec& spec, uint32_t i) { spec.source.value += i << 8; });
  flood([](FragmentSpec& spec, uint32_t i) { spec.destination.value += i; });
  flood([](FragmentSpec& spec, uint32_t i) {
    spec.protocol = static_cast<uint8_t>(i);
    spec.identification = static_cast<uint16_t>(i / 256);
  });
}

// FRG009: fragment zero claims a header of 60 bytes; quote and datagram have what arrived.
TEST_F(FragmentsTest, FRG009QuoteHasWhatArrived) {
  const FragmentSpec zero{.payload = CodedBytes(0, 8, 1), .option_bytes = 40};
  Add(zero);
  Add({.offset = 64, .payload = CodedBytes(64, 8, 1)});
  now_ += limits_.reassembly_timeout;
  const std::vector<ByteVector> firsts = Expire();
  ASSERT_EQ(firsts.size(), 1u);
  EXPECT_EQ(firsts[0], BuildFragment(zero));
}

}  // namespace
}  // namespace aether::net
