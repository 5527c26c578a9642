// The resolver's memory: lives, negative answers, names asked for twice, limits.
#include <gtest/gtest.h>

#include "stack/app/dns_resolver.h"
#include "stack/app/dns_test_network.h"
#include "stack/base/random.h"
#include "stack/testing/counting_allocator.h"

namespace aether::app {
namespace {

using std::chrono::seconds;
using Question = DnsTestNetwork::Question;

constexpr Ipv4Address kOne = Ipv4Address::Of(1, 2, 3, 4);

// Looks `name` up and answers with `message`'s bytes when it is asked for; true when it was.
template <typename Make>
bool Resolve(DnsTestNetwork& net, std::string_view name, DnsStatus expected, Make&& make) {
  const DnsLookupId id = net.Start(name);
  const std::vector<Question> questions = net.Questions();
  for (const Question& question : questions) net.Answer(question, make(question).bytes());
  EXPECT_EQ(net.Status(id), expected);
  net.resolver->Release(id);
  return !questions.empty();
}
bool ResolveFound(DnsTestNetwork& net, std::string_view name, uint32_t ttl_s) {
  return Resolve(net, name, DnsStatus::kFound, [&](const Question& question) {
    return DnsMessage(question.id, name).A(name, kOne, ttl_s);
  });
}

TEST(DnsResolverCacheTest, KeepsForItsLife) {
  DnsTestNetwork net;
  EXPECT_TRUE(ResolveFound(net, "www.example", 60));
  EXPECT_FALSE(ResolveFound(net, "WWW.EXAMPLE", 60));
  net.Advance(seconds(59));
  EXPECT_FALSE(ResolveFound(net, "www.example", 60));
  net.Advance(seconds(1));
  EXPECT_TRUE(ResolveFound(net, "www.example", 60));
  EXPECT_EQ(net.resolver->counters().cache_hits, 2u);
}

// [RFC 1035 3.2.1] a life of zero is not kept; others are held to the limits.
TEST(DnsResolverCacheTest, LivesAreHeldToTheLimits) {
  DnsTestNetwork net({.ttl_max = seconds(100)});
  EXPECT_TRUE(ResolveFound(net, "zero.example", 0));
  EXPECT_TRUE(ResolveFound(net, "zero.example", 0));
  EXPECT_TRUE(ResolveFound(net, "long.example", 1000000));
  net.Advance(seconds(99));
  EXPECT_FALSE(ResolveFound(net, "long.example", 1));
  net.Advance(seconds(1));
  EXPECT_TRUE(ResolveFound(net, "long.example", 1));
  DnsTestNetwork longer({.ttl_min = seconds(10)});
  EXPECT_TRUE(ResolveFound(longer, "zero.example", 0));
  longer.Advance(seconds(9));
  EXPECT_FALSE(ResolveFound(longer, "zero.example", 0));
}

// And what is not kept takes no place from what is.
TEST(DnsResolverCacheTest, NoLifeTakesNoPlace) {
  DnsTestNetwork net({.entries_max = 1});
  EXPECT_TRUE(ResolveFound(net, "kept.example", 100));
  EXPECT_TRUE(ResolveFound(net, "zero.example", 0));
  EXPECT_FALSE(ResolveFound(net, "kept.example", 100));
}

// [RFC 2308 section 5] a "no" is kept for as long as the SOA says, and not without one.
TEST(DnsResolverCacheTest, NegativeAnswers) {
  DnsTestNetwork net;
  const auto no_name = [](const Question& question) {
    return DnsMessage(question.id, "no.example", 0x8183).Soa("example", 30, 20);
  };
  EXPECT_TRUE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
  net.Advance(seconds(19));
  EXPECT_FALSE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
  net.Advance(seconds(1));
  EXPECT_TRUE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
  const auto no_data = [](const Question& question) {
    return DnsMessage(question.id, "v6.example").Soa("example", 10, 1000000);
  };
  EXPECT_TRUE(Resolve(net, "v6.example", DnsStatus::kNoAddress, no_data));
  EXPECT_FALSE(Resolve(net, "v6.example", DnsStatus::kNoAddress, no_data));
  const auto no_soa = [](const Question& question) {
    return DnsMessage(question.id, "x.example", 0x8183);
  };
  EXPECT_TRUE(Resolve(net, "x.example", DnsStatus::kNoName, no_soa));
  EXPECT_TRUE(Resolve(net, "x.example", DnsStatus::kNoName, no_soa));
}

TEST(DnsResolverCacheTest, NegativeLivesAreHeldToTheLimit) {
  DnsTestNetwork net({.negative_ttl_max = seconds(7)});
  const auto no_name = [](const Question& question) {
    return DnsMessage(question.id, "no.example", 0x8183).Soa("example", 3000, 3000);
  };
  EXPECT_TRUE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
  net.Advance(seconds(6));
  EXPECT_FALSE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
  net.Advance(seconds(1));
  EXPECT_TRUE(Resolve(net, "no.example", DnsStatus::kNoName, no_name));
}

TEST(DnsResolverCacheTest, NamesBeyondTheLimitAreForgotten) {
  DnsTestNetwork net({.entries_max = 3});
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(ResolveFound(net, name, 100));
  for (const char* name : {"a", "b", "c"}) EXPECT_FALSE(ResolveFound(net, name, 100));
  EXPECT_TRUE(ResolveFound(net, "d", 100));
  EXPECT_EQ(net.resolver->cached(net.now), 3u);
}

// [RFC 5452 section 5] one question for several who want to know.
TEST(DnsResolverCacheTest, TheSameNameIsAskedForOnce) {
  DnsTestNetwork net;
  const DnsLookupId first = net.Start("www.example");
  const DnsLookupId second = net.Start("www.Example");
  const DnsLookupId third = net.Start("www.example");
  const Question question = net.Only();
  EXPECT_EQ(net.resolver->counters().joined, 2u);
  net.resolver->Release(first);  // who asked may leave
  net.Answer(question, DnsMessage(question.id, "www.example").A("www.example", kOne).bytes());
  EXPECT_EQ(net.Status(second), DnsStatus::kFound);
  EXPECT_EQ(net.Status(third), DnsStatus::kFound);
}

TEST(DnsResolverCacheTest, NobodyWantsToKnowAnyMore) {
  DnsTestNetwork net;
  const DnsLookupId id = net.Start("www.example");
  const Question question = net.Only();
  net.resolver->Release(id);
  EXPECT_EQ(net.resolver->NextDeadline(), kNever);
  net.Answer(question, DnsMessage(question.id, "www.example").A("www.example", kOne).bytes());
  EXPECT_EQ(net.resolver->counters().answers, 0u);
  net.resolver->Release(id);
}

TEST(DnsResolverCacheTest, LimitsAtTheEdge) {
  DnsTestNetwork net({.lookups_max = 3, .queries_max = 2});
  const DnsLookupId first = net.Start("a");
  net.Start("b");
  EXPECT_EQ(net.resolver->Start("c", net.now).error(), Error::kTooMany);  // queries_max
  net.Start("a");
  EXPECT_EQ(net.resolver->Start("a", net.now).error(), Error::kTooMany);  // lookups_max
  net.resolver->Release(first);
  EXPECT_TRUE(net.resolver->Start("b", net.now));
}

TEST(DnsResolverCacheTest, OtherServersAreAskedAtOnce) {
  DnsTestNetwork net;
  const DnsLookupId id = net.Start("www.example");
  EXPECT_EQ(net.Only().server, kDnsServer);
  const Ipv4Endpoint servers[] = {kOtherDnsServer};
  net.resolver->SetServers(servers, net.now);
  net.Advance(std::chrono::milliseconds(1));
  const Question question = net.Only();
  EXPECT_EQ(question.server, kOtherDnsServer);
  net.Answer(question, DnsMessage(question.id, "www.example").A("www.example", kOne).bytes());
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
  net.Start("b.example");
  net.resolver->SetServers(servers, net.now);  // the same ones
  EXPECT_EQ(net.Questions().size(), 1u);
}

TEST(DnsResolverCacheTest, NoAllocationPerPacket) {
  DnsTestNetwork net;
  const DnsLookupId warm = net.Start("warm.example");
  net.Answer(net.Only(), {1, 2, 3});
  net.resolver->Release(warm);
  const testing::AllocationScope scope;
  const auto id = net.resolver->Start("www.example", net.now);
  EXPECT_EQ(scope.count(), 0u);
  ASSERT_TRUE(id);
  for (int i = 0; i < 5; ++i) net.resolver->Advance(net.resolver->NextDeadline());
  net.resolver->Release(*id);
  EXPECT_EQ(scope.count(), 0u);
}

// Answers that are almost right: nothing breaks, nothing is believed that has another number or
// question, and the resolver always comes to an end.
TEST(DnsResolverCacheTest, RandomMutationsOfAnswers) {
  Random random({77, 4});
  int found = 0;
  DnsTestNetwork net({.entries_max = 2, .rounds_max = 2});
  for (int round = 0; round < 3000; ++round) {
    const std::string name = "n" + std::to_string(round) + ".example";
    const DnsLookupId id = net.Start(name);
    for (int answers = 0; answers < 4 && net.Status(id) == DnsStatus::kPending; ++answers) {
      const std::vector<Question> questions = net.Questions();
      if (questions.empty()) break;
      std::vector<uint8_t> bytes = DnsMessage(questions.back().id, name)
                                       .Cname(name, "b.example", 0)
                                       .A("b.example", kOne, 0)
                                       .bytes();
      for (uint32_t edits = random.Below(4); edits > 0; --edits) {
        bytes[random.Below(static_cast<uint32_t>(bytes.size()))] =
            static_cast<uint8_t>(random.Below(256));
      }
      net.Answer(questions.back(), bytes);
    }
    net.Questions();
    found += net.Status(id) == DnsStatus::kFound;
    net.Advance(seconds(10));
    EXPECT_NE(net.Status(id), DnsStatus::kPending);
    net.resolver->Release(id);
    net.Questions();
  }
  EXPECT_GT(found, 500);
  EXPECT_EQ(net.resolver->NextDeadline(), kNever);
}

}  // namespace
}  // namespace aether::app
