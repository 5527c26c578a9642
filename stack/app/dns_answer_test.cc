#include "stack/app/dns_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "stack/app/dns_test_network.h"
#include "stack/base/random.h"

namespace aether::app {
namespace {

using Kind = DnsReading::Kind;
constexpr Ipv4Address kOne = Ipv4Address::Of(1, 2, 3, 4);
constexpr Ipv4Address kTwo = Ipv4Address::Of(5, 6, 7, 8);

DnsReading Read(const DnsMessage& message, std::string_view asked = "www.example",
                uint32_t aliases_max = 4) {
  const std::vector<uint8_t> bytes = message.bytes();
  const auto view = DnsView::Parse(bytes);
  EXPECT_TRUE(view);
  return ReadDnsAnswer(*view, NameOf(asked), aliases_max);
}
DnsMessage About(uint16_t flags = 0x8180) { return DnsMessage(1, "www.example", flags); }

TEST(DnsAnswerTest, AddressesOfTheNameAlone) {
  const DnsReading reading = Read(
      About().A("other.example", kTwo, 1).A("WWW.Example", kOne, 30).A("www.example", kTwo, 20));
  EXPECT_EQ(reading.kind, Kind::kAddresses);
  EXPECT_EQ(reading.addresses.all().size(), 2u);
  EXPECT_EQ(reading.addresses.list[0], kOne);
  EXPECT_EQ(reading.addresses.list[1], kTwo);
  EXPECT_EQ(reading.ttl_s, 20u);
  EXPECT_EQ(reading.aliases, 0u);
}

TEST(DnsAnswerTest, NoMoreAddressesThanFit) {
  DnsMessage message = About();
  for (int i = 0; i < 20; ++i) message.A("www.example", kOne);
  EXPECT_EQ(Read(message).addresses.count, DnsAddresses::kMax);
}

// [RFC 1034 3.6.2] a chain in any order; its shortest life counts.
TEST(DnsAnswerTest, ChainsOfAliases) {
  const DnsReading reading = Read(About()
                                      .A("c.example", kOne, 50)
                                      .Cname("b.example", "c.example", 7)
                                      .Cname("www.example", "b.example", 90));
  EXPECT_EQ(reading.kind, Kind::kAddresses);
  EXPECT_EQ(reading.addresses.list[0], kOne);
  EXPECT_EQ(reading.aliases, 2u);
  EXPECT_EQ(reading.ttl_s, 7u);
}

// [RFC 1034 5.2.2] loops are an error, and so is a chain beyond the limit.
TEST(DnsAnswerTest, AliasesAtTheLimit) {
  DnsMessage chain = About();
  chain.Cname("www.example", "n1").Cname("n1", "n2").Cname("n2", "n3").A("n3", kOne);
  EXPECT_EQ(Read(chain, "www.example", 3).kind, Kind::kAddresses);
  EXPECT_EQ(Read(chain, "www.example", 2).kind, Kind::kTooManyAliases);
  EXPECT_EQ(Read(About().Cname("www.example", "www.example")).kind, Kind::kTooManyAliases);
  EXPECT_EQ(Read(About().Cname("www.example", "b").Cname("b", "www.example")).kind,
            Kind::kTooManyAliases);
}

TEST(DnsAnswerTest, AnAliasAloneIsToBeFollowed) {
  const DnsReading reading = Read(About().Cname("www.example", "b.example", 9));
  EXPECT_EQ(reading.kind, Kind::kAlias);
  EXPECT_EQ(reading.name, NameOf("b.example"));
  EXPECT_EQ(reading.ttl_s, 9u);
  // Unless the server says that there is nothing.
  EXPECT_EQ(Read(About().Cname("www.example", "b.example").Soa("example", 5, 6)).kind,
            Kind::kNoData);
}

// [RFC 2308 2.1, 2.2] and [RFC 2308 section 5].
TEST(DnsAnswerTest, TheKindsOfNo) {
  const DnsReading no_name = Read(About(0x8183).Soa("example", 50, 6));
  EXPECT_EQ(no_name.kind, Kind::kNoName);
  EXPECT_EQ(no_name.negative_ttl_s, 6u);
  EXPECT_EQ(Read(About(0x8183)).negative_ttl_s, std::nullopt);
  EXPECT_EQ(Read(About(0x8183).Cname("www.example", "b.example")).kind, Kind::kNoName);
  EXPECT_EQ(Read(About(0x8183).A("www.example", kOne)).addresses.count, 0u);
  const DnsReading no_data = Read(About().Soa("example", 5, 60));
  EXPECT_EQ(no_data.kind, Kind::kNoData);
  EXPECT_EQ(no_data.negative_ttl_s, 5u);
  EXPECT_EQ(Read(About().A("other.example", kOne)).kind, Kind::kNoData);
}

TEST(DnsAnswerTest, FailuresOfTheServer) {
  for (const uint16_t code : std::vector<uint16_t>{1, 2, 4, 5, 6, 15}) {
    const uint16_t flags = static_cast<uint16_t>(0x8180 | code);
    EXPECT_EQ(Read(About(flags).A("www.example", kOne)).kind, Kind::kServerFailure) << code;
  }
}

// Whatever parses as a message reads as something consistent, in bounded work.
TEST(DnsAnswerTest, RandomMutations) {
  const std::vector<uint8_t> seeds[] = {
      About().A("www.example", kOne).bytes(),
      About().Cname("www.example", "b.example").A("b.example", kTwo).bytes(),
      About(0x8183).Soa("example", 5, 6).bytes()};
  Random random({77, 3});
  int parsed = 0;
  for (int round = 0; round < 60000; ++round) {
    std::vector<uint8_t> bytes = seeds[random.Below(3)];
    for (uint32_t edits = random.Below(4); edits > 0; --edits) {
      bytes[random.Below(static_cast<uint32_t>(bytes.size()))] =
          random.Below(4) == 0 ? 0xc0 : static_cast<uint8_t>(random.Below(256));
    }
    if (random.Below(8) == 0) bytes.resize(random.Below(static_cast<uint32_t>(bytes.size())));
    const auto view = DnsView::Parse(bytes);
    if (!view) continue;
    ++parsed;
    const DnsReading reading = ReadDnsAnswer(*view, NameOf("www.example"), 4);
    ASSERT_LE(reading.aliases, 4u);
    ASSERT_EQ(reading.kind == Kind::kAddresses, reading.addresses.count > 0);
    ASSERT_TRUE(reading.kind != Kind::kAlias || reading.aliases > 0);
  }
  EXPECT_GT(parsed, 10000);
}

}  // namespace
}  // namespace aether::app
