#include "stack/app/dns_resolver.h"

#include <gtest/gtest.h>

#include <set>

#include "stack/app/dns_test_network.h"
#include "stack/testing/counting_allocator.h"

namespace aether::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Question = DnsTestNetwork::Question;

constexpr Ipv4Address kOne = Ipv4Address::Of(1, 2, 3, 4);
constexpr Ipv4Address kTwo = Ipv4Address::Of(5, 6, 7, 8);

std::vector<uint8_t> Good(const Question& question, std::string_view name = "www.example",
                          uint32_t ttl_s = 60) {
  return DnsMessage(question.id, name).A(name, kOne, ttl_s).bytes();
}

TEST(DnsResolverTest, AsksAndBelievesTheAnswer) {
  DnsTestNetwork net;
  const DnsLookupId id = net.Start("www.example");
  EXPECT_EQ(net.Status(id), DnsStatus::kPending);
  const Question question = net.Only();
  EXPECT_EQ(question.server, kDnsServer);
  EXPECT_EQ(question.name, NameOf("www.example"));
  net.Answer(question, Good(question));
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
  EXPECT_EQ(net.Addresses(id), std::vector{kOne});
  EXPECT_EQ(net.resolver->NextDeadline(), kNever);
  net.resolver->Release(id);
  EXPECT_EQ(net.resolver->Find(id), nullptr);
}

TEST(DnsResolverTest, NamesThatAreNone) {
  DnsTestNetwork net;
  for (const std::string& name : {std::string(), std::string("."), std::string("a..b"),
                                  std::string(64, 'a'), std::string(".a")}) {
    const auto id = net.resolver->Start(name, net.now);
    ASSERT_FALSE(id) << name;
    EXPECT_EQ(id.error(), Error::kBadArgument);
  }
  DnsTestNetwork none({}, {1, 2}, {});
  EXPECT_EQ(none.resolver->Start("a", none.now).error(), Error::kNoRoute);
}

// [RFC 1035 7.3] [RFC 5452 section 9.1] everything about an answer must be right; the rest is
// counted, and the right one still counts afterwards.
TEST(DnsResolverTest, WhatIsNotTheAnswerIsIgnored) {
  DnsTestNetwork net({.answer_bytes_max = 600});
  const DnsLookupId id = net.Start("www.example");
  const Question question = net.Only();
  const std::vector<uint8_t> good = Good(question);
  const DnsCounters& counters = net.resolver->counters();

  net.Send({question.server.address, 54}, question.source, good);
  net.Send(kOtherDnsServer, question.source, good);
  EXPECT_EQ(counters.wrong_source, 2u);
  Question other = question;
  other.id ^= 1;
  net.Answer(question, Good(other));
  EXPECT_EQ(counters.wrong_id, 1u);
  net.Answer(question, Good(question, "www.example.org"));
  net.Answer(question,
             DnsMessage(question.id, "www.example", 0x0100).A("www.example", kTwo).bytes());
  net.Answer(question,
             DnsMessage(question.id, "www.example", 0x9180).A("www.example", kTwo).bytes());
  const uint8_t high = static_cast<uint8_t>(question.id >> 8);
  const uint8_t low = static_cast<uint8_t>(question.id);
  net.Answer(question, {high, low, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0});  // without a question
  EXPECT_EQ(counters.wrong_question, 4u);
  net.Answer(question, {1, 2, 3});
  std::vector<uint8_t> padded = good;
  padded.resize(601);
  net.Answer(question, padded);
  EXPECT_EQ(counters.malformed, 2u);
  // A name that points to itself.
  std::vector<uint8_t> loop = good;
  loop[DnsHeader::kSize] = 0xc0;
  loop[DnsHeader::kSize + 1] = DnsHeader::kSize;
  net.Answer(question, loop);
  EXPECT_EQ(counters.malformed, 3u);
  // To another port nobody listens.
  net.Send(question.server,
           {question.source.address, static_cast<uint16_t>(question.source.port ^ 1)}, good);
  EXPECT_EQ(net.Status(id), DnsStatus::kPending);
  EXPECT_EQ(counters.answers, 0u);

  padded.resize(600);  // at the limit; what stands behind the records is of no concern
  net.Answer(question, padded);
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
  EXPECT_EQ(net.Addresses(id), std::vector{kOne});
  EXPECT_EQ(counters.answers, 1u);
}

// [RFC 5452 section 9.2] every question has another port and number; a late answer to an earlier
// one is none.
TEST(DnsResolverTest, PortsAndNumbersAreNew) {
  DnsTestNetwork net;
  std::set<uint16_t> ports;
  std::set<uint16_t> numbers;
  constexpr int kCount = 200;
  for (int i = 0; i < kCount; ++i) {
    const DnsLookupId id = net.Start("n" + std::to_string(i) + ".example");
    const Question question = net.Only();
    EXPECT_GE(question.source.port, 1024);
    ports.insert(question.source.port);
    numbers.insert(question.id);
    net.resolver->Release(id);
  }
  EXPECT_GT(ports.size(), kCount - 5u);
  EXPECT_GT(numbers.size(), kCount - 5u);

  const DnsLookupId id = net.Start("www.example");
  const Question first = net.Only();
  net.Advance(milliseconds(1001));
  const Question second = net.Only();
  EXPECT_NE(first.source.port, second.source.port);
  EXPECT_NE(first.id, second.id);
  net.Answer(first, Good(first));
  EXPECT_EQ(net.Status(id), DnsStatus::kPending);
  net.Answer(second, Good(second));
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
}

TEST(DnsResolverTest, TheSameSeedAsksTheSame) {
  std::vector<uint16_t> seen[3];
  for (int run = 0; run < 3; ++run) {
    DnsTestNetwork net({}, {run == 2 ? 9u : 1u, 2});
    net.Start("www.example");
    net.Advance(seconds(5));
    for (const Question& question : net.Questions()) {
      seen[run].push_back(question.id);
      seen[run].push_back(question.source.port);
    }
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_NE(seen[0], seen[2]);
}

// [RFC 5452 section 9.1] who guesses gets a bounded number of tries.
TEST(DnsResolverTest, TooManyWrongOnesAndItIsAskedAnew) {
  DnsTestNetwork net({.mismatches_max = 3});
  const DnsLookupId id = net.Start("www.example");
  const Question question = net.Only();
  Question guess = question;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(net.Questions().empty());
    guess.id = static_cast<uint16_t>(question.id + i);
    net.Answer(question, Good(guess));
  }
  EXPECT_EQ(net.resolver->counters().floods, 1u);
  const Question again = net.Only();
  EXPECT_NE(again.source.port, question.source.port);
  net.Answer(again, Good(again));
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
}

// [RFC 1035 4.2.1] repeated after growing intervals, and then given up.
TEST(DnsResolverTest, RepeatsAndGivesUp) {
  DnsTestNetwork net({.rounds_max = 3});
  const Instant start = net.now;
  const DnsLookupId id = net.Start("www.example");
  net.Advance(seconds(6));
  const std::vector<Question> questions = net.Questions();
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_EQ(questions[1].at - start, seconds(1));
  EXPECT_EQ(questions[2].at - start, seconds(3));
  EXPECT_EQ(net.Status(id), DnsStatus::kPending);
  net.Advance(seconds(1));
  EXPECT_EQ(net.Status(id), DnsStatus::kTimedOut);
  EXPECT_EQ(net.resolver->counters().timeouts, 3u);
  EXPECT_TRUE(net.Questions().empty());
}

TEST(DnsResolverTest, FailsOverToTheNextServerAndStays) {
  DnsTestNetwork net({}, {1, 2}, {kDnsServer, kOtherDnsServer});
  const DnsLookupId id = net.Start("www.example");
  EXPECT_EQ(net.Only().server, kDnsServer);
  net.Advance(milliseconds(1001));
  const Question second = net.Only();
  EXPECT_EQ(second.server, kOtherDnsServer);
  net.Answer(second, Good(second));
  EXPECT_EQ(net.Status(id), DnsStatus::kFound);
  // The one that answered is asked first from now on.
  net.Start("b.example");
  EXPECT_EQ(net.Only().server, kOtherDnsServer);
  net.Advance(milliseconds(1001));
  EXPECT_EQ(net.Only().server, kDnsServer);
}

TEST(DnsResolverTest, AServerThatCannotSayIsNotAskedAgain) {
  DnsTestNetwork net({}, {1, 2}, {kDnsServer, kOtherDnsServer});
  const DnsLookupId id = net.Start("www.example");
  const Question first = net.Only();
  net.Answer(first, DnsMessage(first.id, "www.example", 0x8182).bytes());
  const Question second = net.Only();  // at once
  EXPECT_EQ(second.server, kOtherDnsServer);
  EXPECT_EQ(net.Status(id), DnsStatus::kPending);
  net.Advance(milliseconds(1001));
  const Question third = net.Only();
  EXPECT_EQ(third.server, kOtherDnsServer);
  net.Answer(third, DnsMessage(third.id, "www.example", 0x8185).bytes());
  EXPECT_EQ(net.Status(id), DnsStatus::kServerFailure);
  EXPECT_TRUE(net.Questions().empty());
}

TEST(DnsResolverTest, NoServerInReach) {
  DnsTestNetwork net({}, {1, 2}, {{Ipv4Address::Of(99, 0, 0, 1), 53}});
  const DnsLookupId id = net.Start("www.example");
  EXPECT_EQ(net.Status(id), DnsStatus::kUnreachable);
  EXPECT_GT(net.resolver->counters().unsent, 0u);
}

TEST(DnsResolverTest, NobodyAnswersArp) {
  DnsTestNetwork net({.rounds_max = 2});
  net.answers_arp = false;
  const DnsLookupId id = net.Start("www.example");
  net.Advance(seconds(4));
  EXPECT_EQ(net.Status(id), DnsStatus::kTimedOut);
}

// [RFC 1035 4.1.1] the TC bit.
TEST(DnsResolverTest, TruncatedIsAnError) {
  DnsTestNetwork net;
  const DnsLookupId id = net.Start("www.example");
  const Question question = net.Only();
  net.Answer(question,
             DnsMessage(question.id, "www.example", 0x8380).A("www.example", kOne).bytes());
  EXPECT_EQ(net.Status(id), DnsStatus::kTruncated);
  EXPECT_EQ(net.resolver->cached(net.now), 0u);
}

TEST(DnsResolverTest, FollowsAliasesAcrossAnswers) {
  DnsTestNetwork net;
  const DnsLookupId id = net.Start("www.example");
  const Question first = net.Only();
  net.Answer(first,
             DnsMessage(first.id, "www.example").Cname("www.example", "b.example", 7).bytes());
  const Question second = net.Only();
  EXPECT_EQ(second.name, NameOf("b.example"));
  EXPECT_NE(second.source.port, first.source.port);
  net.Answer(second, DnsMessage(second.id, "b.example").A("b.example", kTwo, 100).bytes());
  EXPECT_EQ(net.Addresses(id), std::vector{kTwo});
  // Kept under the name that was asked for, for the shortest life.
  net.Advance(seconds(6));
  const DnsLookupId again = net.Start("www.example");
  EXPECT_EQ(net.Status(again), DnsStatus::kFound);
  net.Advance(seconds(2));
  net.Start("www.example");
  EXPECT_EQ(net.Questions().size(), 1u);
}

TEST(DnsResolverTest, AliasesAcrossAnswersAtTheLimit) {
  DnsTestNetwork net({.aliases_max = 2});
  const DnsLookupId id = net.Start("n0.example");
  for (int i = 0; i < 3; ++i) {
    const Question question = net.Only();
    const std::string name = "n" + std::to_string(i) + ".example";
    const std::string next = "n" + std::to_string(i + 1) + ".example";
    net.Answer(question, DnsMessage(question.id, name).Cname(name, next).bytes());
  }
  EXPECT_EQ(net.Status(id), DnsStatus::kTooManyAliases);
  EXPECT_TRUE(net.Questions().empty());
}

}  // namespace
}  // namespace aether::app
