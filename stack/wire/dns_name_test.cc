#include "stack/wire/dns_name.h"

#include <gtest/gtest.h>

#include <string>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

DnsName Name(std::string_view text) {
  const auto name = DnsName::FromText(text);
  EXPECT_TRUE(name) << text;
  return name.value_or(DnsName());
}

std::string Text(const DnsName& name) {
  std::vector<char> text(DnsName::kTextSizeMax);
  return {text.data(), name.WriteText(text)};
}

struct Parsed {
  std::expected<DnsName, Drop> name;
  size_t end = 0;
};

// The name at `offset` of a message with a header of twelve zeros before `bytes`.
Parsed ParseAt(size_t offset, const std::vector<uint8_t>& bytes) {
  const ExactBytes message(Join({std::vector<uint8_t>(12), bytes}));
  Parsed parsed;
  parsed.name = DnsName::Parse(message, offset, parsed.end);
  return parsed;
}

void ExpectDrop(const std::vector<uint8_t>& bytes, Drop drop, size_t offset = 12) {
  const Parsed parsed = ParseAt(offset, bytes);
  ASSERT_FALSE(parsed.name) << testing::PrintToString(bytes);
  EXPECT_EQ(parsed.name.error(), drop) << testing::PrintToString(bytes);
}

const std::vector<uint8_t> kExample = {3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};

TEST(DnsNameTest, DeconstructAndConstruct) {
  const Parsed parsed = ParseAt(12, kExample);
  ASSERT_TRUE(parsed.name);
  EXPECT_EQ(parsed.end, 25u);
  EXPECT_EQ(Text(*parsed.name), "www.example");
  EXPECT_EQ(ToVector(parsed.name->wire()), kExample);
  EXPECT_EQ(ToVector(Name("www.example").wire()), kExample);
  EXPECT_EQ(ToVector(Name("www.example.").wire()), kExample);
  ExactBytes out(std::vector<uint8_t>(13));
  EXPECT_EQ(Name("www.example").Emit(out.mutable_bytes()), 13u);
  EXPECT_EQ(ToVector(out), kExample);
}

TEST(DnsNameTest, Root) {
  EXPECT_TRUE(DnsName().IsRoot());
  EXPECT_EQ(Text(DnsName()), ".");
  EXPECT_EQ(Name("."), DnsName());
  const Parsed parsed = ParseAt(12, {0});
  ASSERT_TRUE(parsed.name);
  EXPECT_TRUE(parsed.name->IsRoot());
  EXPECT_EQ(parsed.end, 13u);
}

// [RFC 9267 4] a name that the message ends in is refused.
TEST(DnsNameTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kExample,
                      [](Bytes prefix) { ExpectDrop(ToVector(prefix), Drop::kDnsBadName); });
  ExpectDrop({0xc0}, Drop::kDnsBadName);
  ExpectDrop({63}, Drop::kDnsBadName);
}

TEST(DnsNameTest, FollowsPointers) {
  // 12: example 21: www.(12) 27: (21)
  const std::vector<uint8_t> bytes = {7, 'e', 'x', 'a', 'm',  'p', 'l',  'e', 0,
                                      3, 'w', 'w', 'w', 0xc0, 12,  0xc0, 21};
  const Parsed direct = ParseAt(21, bytes);
  ASSERT_TRUE(direct.name);
  EXPECT_EQ(*direct.name, Name("www.example"));
  EXPECT_EQ(direct.end, 27u);
  const Parsed twice = ParseAt(27, bytes);
  ASSERT_TRUE(twice.name);
  EXPECT_EQ(*twice.name, Name("www.example"));
  EXPECT_EQ(twice.end, 29u);
}

// [RFC 9267 2] loops, pointers to themselves, forward, out of the message, and into the header.
TEST(DnsNameTest, PointersThatLeadNowhereGood) {
  ExpectDrop({0xc0, 12}, Drop::kDnsBadPointer);
  ExpectDrop({0xc0, 13, 0}, Drop::kDnsBadPointer);
  ExpectDrop({0xc0, 14, 0}, Drop::kDnsBadPointer);
  ExpectDrop({0xff, 0xff}, Drop::kDnsBadPointer);
  ExpectDrop({1, 'a', 0xc0, 12}, Drop::kDnsBadPointer);
  ExpectDrop({1, 'a', 0xc0, 14}, Drop::kDnsBadPointer);
  // Two that lead to each other.
  ExpectDrop({0xc0, 14, 0xc0, 12}, Drop::kDnsBadPointer, 14);
  for (uint8_t target = 0; target < 12; ++target)
    ExpectDrop({0, 0xc0, target}, Drop::kDnsBadPointer, 13);
  // Back into labels that were read before the pointer.
  ExpectDrop({1, 'a', 1, 'b', 0xc0, 14}, Drop::kDnsBadPointer);
}

TEST(DnsNameTest, PointersAreCounted) {
  // A root, then a ladder of pointers, each to the one before.
  std::vector<uint8_t> bytes = {0, 0};
  for (size_t i = 0; i < 200; ++i) {
    const size_t target = 12 + 2 * i;
    bytes.push_back(static_cast<uint8_t>(0xc0 | target >> 8));
    bytes.push_back(static_cast<uint8_t>(target));
  }
  EXPECT_TRUE(ParseAt(12 + 2 * DnsName::kPointersMax, bytes).name);
  ExpectDrop(bytes, Drop::kDnsBadPointer, 12 + 2 * (DnsName::kPointersMax + 1));
}

// [RFC 1035 4.1.4] 01 and 10 in the top bits of a length are reserved.
TEST(DnsNameTest, EveryFirstLengthOctet) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    std::vector<uint8_t> bytes(80, 'x');
    bytes[0] = static_cast<uint8_t>(octet);
    if (octet < 64) bytes[octet == 0 ? 0 : octet + 1] = 0;
    if (octet < 64) {
      const Parsed parsed = ParseAt(12, bytes);
      ASSERT_TRUE(parsed.name) << octet;
      EXPECT_EQ(parsed.end, octet == 0 ? 13 : 12 + octet + 2);
    } else {
      ExpectDrop(bytes, octet < 192 ? Drop::kDnsBadLabel : Drop::kDnsBadPointer);
    }
  }
}

std::vector<uint8_t> Label(size_t size) {
  std::vector<uint8_t> label(size + 1, 'a');
  label[0] = static_cast<uint8_t>(size);
  return label;
}

// [RFC 9267 3] 255 octets with every length octet and the root counted, and not one more.
TEST(DnsNameTest, LongestName) {
  const std::vector<uint8_t> longest = Join({Label(63), Label(63), Label(63), Label(61), {0}});
  ASSERT_EQ(longest.size(), 255u);
  const Parsed parsed = ParseAt(12, longest);
  ASSERT_TRUE(parsed.name);
  EXPECT_EQ(ToVector(parsed.name->wire()), longest);
  EXPECT_EQ(Text(*parsed.name).size(), 253u);
  EXPECT_EQ(Name(Text(*parsed.name)), *parsed.name);
  ExpectDrop(Join({Label(63), Label(63), Label(63), Label(62), {0}}), Drop::kDnsBadName);
  ExpectDrop(Join({Label(63), Label(63), Label(63), Label(61), Label(1), {0}}), Drop::kDnsBadName);
}

TEST(DnsNameTest, PointersDoNotMakeANameLonger) {
  // 12: 191 octets and a root; behind it labels that point there.
  const std::vector<uint8_t> base = Join({Label(63), Label(63), Label(61), {0}});
  const size_t at = 12 + base.size();
  EXPECT_TRUE(ParseAt(at, Join({base, Label(63), {0xc0, 12}})).name);
  EXPECT_EQ(ParseAt(at, Join({base, Label(63), {0xc0, 12}})).name->wire().size(), 255u);
  ExpectDrop(Join({base, Label(63), Label(1), {0xc0, 12}}), Drop::kDnsBadName, at);
}

TEST(DnsNameTest, MostLabels) {
  std::string text;
  for (int i = 0; i < 127; ++i) text += "a.";
  EXPECT_EQ(Name(text).wire().size(), 255u);
  text += "a.";
  EXPECT_FALSE(DnsName::FromText(text));
}

TEST(DnsNameTest, TextsThatAreNoNames) {
  for (const std::string_view text : {"", "..", ".a", "a..", "a..b", "\\", "a\\", "\\1", "\\12",
                                      "\\1x2", "\\256", "\\999", "\\12x"}) {
    EXPECT_FALSE(DnsName::FromText(text)) << text;
  }
  EXPECT_EQ(DnsName::FromText(std::string(64, 'a')).error(), Drop::kDnsBadLabel);
  EXPECT_EQ(DnsName::FromText("a." + std::string(64, 'a') + ".b").error(), Drop::kDnsBadLabel);
  EXPECT_TRUE(DnsName::FromText(std::string(63, 'a')));
  const std::string label(63, 'a');
  EXPECT_TRUE(DnsName::FromText(label + "." + label + "." + label + "." + std::string(61, 'a')));
  EXPECT_EQ(
      DnsName::FromText(label + "." + label + "." + label + "." + std::string(62, 'a')).error(),
      Drop::kDnsBadName);
}

// [RFC 1035 5.1] \X stands for X, \DDD for the octet of that decimal value.
TEST(DnsNameTest, Escapes) {
  EXPECT_EQ(ToVector(Name("a\\.b").wire()), (std::vector<uint8_t>{3, 'a', '.', 'b', 0}));
  EXPECT_EQ(ToVector(Name("\\000\\255\\065").wire()), (std::vector<uint8_t>{3, 0, 255, 'A', 0}));
  EXPECT_EQ(ToVector(Name("\\\\.x").wire()), (std::vector<uint8_t>{1, '\\', 1, 'x', 0}));
  EXPECT_EQ(Text(Name("a\\.b.\\000 \\255")), "a\\.b.\\000\\032\\255");
}

TEST(DnsNameTest, EveryOctetSurvivesText) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    const Parsed parsed = ParseAt(12, {2, 'x', static_cast<uint8_t>(octet), 0});
    ASSERT_TRUE(parsed.name);
    const std::string text = Text(*parsed.name);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; }))
        << octet;
    EXPECT_EQ(ToVector(Name(text).wire()), ToVector(parsed.name->wire())) << octet;
  }
}

TEST(DnsNameTest, LongestText) {
  std::vector<uint8_t> wire = Join({Label(63), Label(63), Label(63), Label(61), {0}});
  std::replace(wire.begin(), wire.end(), uint8_t{'a'}, uint8_t{7});
  const Parsed parsed = ParseAt(12, wire);
  ASSERT_TRUE(parsed.name);
  const std::string text = Text(*parsed.name);
  EXPECT_EQ(text.size(), 4u * 250 + 3);
  EXPECT_LE(text.size(), DnsName::kTextSizeMax);
  EXPECT_EQ(ToVector(Name(text).wire()), wire);
}

// [RFC 1035 2.3.3] ASCII letters compare without case, everything else as it is.
TEST(DnsNameTest, Comparison) {
  EXPECT_EQ(Name("WWW.Example.ORG"), Name("www.eXAMPLE.org."));
  EXPECT_FALSE(Name("www.example") == Name("www.example.org"));
  EXPECT_FALSE(Name("a.bc") == Name("ab.c"));
  EXPECT_FALSE(Name("[") == Name("{"));
  EXPECT_FALSE(Name("@") == Name("`"));
  EXPECT_FALSE(Name("\\192") == Name("\\224"));
}

TEST(DnsNameTest, RandomRoundTrip) {
  Random random(Seed{9, 1});
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> wire;
    while (true) {
      const std::vector<uint8_t> label = RandomBytes(random, 1 + random.Below(63));
      if (wire.size() + label.size() + 2 > 255 || random.Below(6) == 0) break;
      wire.push_back(static_cast<uint8_t>(label.size()));
      wire.insert(wire.end(), label.begin(), label.end());
    }
    wire.push_back(0);
    const Parsed parsed = ParseAt(12, wire);
    ASSERT_TRUE(parsed.name);
    ASSERT_EQ(ToVector(parsed.name->wire()), wire);
    ASSERT_EQ(ToVector(Name(Text(*parsed.name)).wire()), wire);
  }
}

TEST(DnsNameTest, RandomBytesEnd) {
  Random random(Seed{9, 2});
  for (int round = 0; round < 50000; ++round) {
    std::vector<uint8_t> bytes = RandomBytes(random, random.Below(100));
    for (uint8_t& byte : bytes) {
      if (random.Below(2) == 0)
        byte = random.Below(2) == 0 ? uint8_t{0xc0} : static_cast<uint8_t>(byte % 16);
    }
    const Parsed parsed =
        ParseAt(12 + random.Below(static_cast<uint32_t>(bytes.size()) + 1), bytes);
    if (parsed.name) {
      ASSERT_LE(parsed.end, 12 + bytes.size());
      ASSERT_LE(parsed.name->wire().size(), 255u);
    }
  }
}

}  // namespace
}  // namespace aether
