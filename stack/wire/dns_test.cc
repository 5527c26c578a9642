// DNS messages: header, sections, records of the known types, and what is refused.
#include "stack/wire/dns.h"

#include <gtest/gtest.h>

#include <string>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

DnsName Name(std::string_view text) { return DnsName::FromText(text).value(); }

// A response with everything compressed: www.example.org is an alias of example.org, which has an
// address.
const std::vector<uint8_t> kResponse = {
    0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 1,                               // header
    3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0,  // 12
    0, 1, 0, 1,                                                                   // A IN
    0xc0, 12, 0, 5, 0, 1, 0, 0, 0x0e, 0x10, 0, 2, 0xc0, 16,                       // CNAME
                                                                                  // example.org
    0xc0, 16, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2,
    1,                                             // A 192.0.2.1
    0, 0, 41, 0x04, 0xd0, 0x80, 0, 0x80, 0, 0, 0,  // OPT
};

std::vector<uint8_t> Header(uint16_t questions, uint16_t answers, uint16_t authorities = 0,
                            uint16_t additionals = 0) {
  std::vector<uint8_t> out(DnsHeader::kSize);
  DnsHeader{.id = 1,
            .flags = dns_flags::kResponse,
            .question_count = questions,
            .answer_count = answers,
            .authority_count = authorities,
            .additional_count = additionals}
      .Emit(out);
  return out;
}

// A record of the root with the given data, class IN.
std::vector<uint8_t> Record(DnsType type, const std::vector<uint8_t>& data,
                            uint8_t record_class = 1) {
  const uint8_t size = static_cast<uint8_t>(data.size());
  return Join({{0, 0, static_cast<uint8_t>(type), 0, record_class, 0, 0, 0, 9, 0, size}, data});
}

std::expected<DnsView, Drop> ParseMessage(const std::vector<uint8_t>& message) {
  const ExactBytes exact(message);
  // The view dies with the copy, so it is not handed on.
  const auto view = DnsView::Parse(exact);
  if (!view) return std::unexpected(view.error());
  return DnsView::Parse(message);
}

void ExpectDrop(const std::vector<uint8_t>& message, Drop drop) {
  const auto view = ParseMessage(message);
  ASSERT_FALSE(view) << testing::PrintToString(message);
  EXPECT_EQ(view.error(), drop) << testing::PrintToString(message);
}

// The first answer of a message that has nothing else.
DnsRecord OnlyAnswer(const std::vector<uint8_t>& message) {
  const auto view = DnsView::Parse(message);
  EXPECT_TRUE(view);
  DnsRecord record;
  if (!view) return record;
  DnsRecordIterator records = view->records(DnsSection::kAnswer);
  EXPECT_TRUE(records.Next(record));
  DnsRecord none;
  EXPECT_FALSE(records.Next(none));
  return record;
}

TEST(DnsTest, Deconstruct) {
  const ExactBytes message(kResponse);
  const auto view = DnsView::Parse(message);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->id(), 0x1234);
  EXPECT_TRUE(view->IsResponse());
  EXPECT_FALSE(view->IsTruncated());
  EXPECT_EQ(view->opcode(), 0);
  EXPECT_EQ(view->response_code(), DnsResponseCode::kNoError);

  DnsQuestion question;
  DnsQuestionIterator questions = view->questions();
  ASSERT_TRUE(questions.Next(question));
  EXPECT_EQ(question, (DnsQuestion{Name("www.example.org"), DnsType::kA, DnsClass::kInternet}));
  EXPECT_FALSE(questions.Next(question));

  DnsRecord record;
  DnsRecordIterator answers = view->records(DnsSection::kAnswer);
  ASSERT_TRUE(answers.Next(record));
  EXPECT_EQ(record.name, Name("www.example.org"));
  EXPECT_EQ(record.ttl_s, 3600u);
  EXPECT_EQ(record.NameData(), Name("example.org"));
  EXPECT_FALSE(record.Address());
  ASSERT_TRUE(answers.Next(record));
  EXPECT_EQ(record.name, Name("example.org"));
  EXPECT_EQ(record.Address(), Ipv4Address::Of(192, 0, 2, 1));
  EXPECT_FALSE(record.NameData());
  EXPECT_FALSE(answers.Next(record));

  DnsRecordIterator authorities = view->records(DnsSection::kAuthority);
  EXPECT_FALSE(authorities.Next(record));
  DnsRecordIterator additionals = view->records(DnsSection::kAdditional);
  ASSERT_TRUE(additionals.Next(record));
  EXPECT_EQ(record.type, DnsType::kOpt);
  EXPECT_TRUE(record.data.empty());
  EXPECT_FALSE(additionals.Next(record));
}

TEST(DnsTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kResponse, [](Bytes prefix) {
    const auto view = DnsView::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    if (prefix.size() < 12) {
      EXPECT_EQ(view.error(), Drop::kDnsTooShort);
    }
    if (prefix.size() >= 12) {
      EXPECT_NE(view.error(), Drop::kDnsTooShort);
    }
  });
}

TEST(DnsTest, BytesBehindTheLastRecordAreIgnored) {
  EXPECT_TRUE(ParseMessage(Join({kResponse, {0xff, 0xff, 0xff}})));
}

TEST(DnsTest, QueryToTheByte) {
  std::vector<uint8_t> out(kDnsQuerySizeMax, 0x55);
  const std::vector<uint8_t> expected = {
      0xbe, 0xef, 0x01, 0x00, 0,   1,   0,   0,   0, 0,   0,   0,    //
      7,    'e',  'x',  'a',  'm', 'p', 'l', 'e', 3, 'o', 'r', 'g',  //
      0,    0,    28,   0,    1};
  out.resize(EmitDnsQuery(0xbeef, Name("example.org"), DnsType::kAaaa, out));
  EXPECT_EQ(out, expected);
  const auto view = DnsView::Parse(out);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->IsResponse());
  DnsQuestion question;
  DnsQuestionIterator questions = view->questions();
  ASSERT_TRUE(questions.Next(question));
  EXPECT_EQ(question, (DnsQuestion{Name("example.org"), DnsType::kAaaa, DnsClass::kInternet}));
}

TEST(DnsTest, LongestQueryFits) {
  const std::string label(63, 'q');
  const DnsName longest = Name(label + "." + label + "." + label + "." + std::string(61, 'q'));
  ExactBytes out{std::vector<uint8_t>(kDnsQuerySizeMax)};
  EXPECT_EQ(EmitDnsQuery(1, longest, DnsType::kA, out.mutable_bytes()), kDnsQuerySizeMax);
  EXPECT_TRUE(DnsView::Parse(out));
}

TEST(DnsTest, EveryFlagsWord) {
  std::vector<uint8_t> message = Header(0, 0);
  for (uint32_t flags = 0; flags <= 0xffff; ++flags) {
    StoreBe<uint16_t>(message.data() + 2, static_cast<uint16_t>(flags));
    const auto view = DnsView::Parse(message);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->flags(), flags);
    ASSERT_EQ(view->IsResponse(), flags >= 0x8000);
    ASSERT_EQ(view->opcode(), flags >> 11 & 15);
    ASSERT_EQ(view->IsTruncated(), (flags >> 9 & 1) != 0);
    ASSERT_EQ(static_cast<unsigned>(view->response_code()), flags & 15);
  }
}

// [RFC 9267 6] counts that promise what is not there.
TEST(DnsTest, CountsWithoutData) {
  ExpectDrop(Header(0xffff, 0), Drop::kDnsBadQuestion);
  ExpectDrop(Header(0, 0xffff), Drop::kDnsBadRecord);
  ExpectDrop(Header(0, 0, 0xffff), Drop::kDnsBadRecord);
  ExpectDrop(Header(0, 0, 0, 0xffff), Drop::kDnsBadRecord);
  ExpectDrop(Join({Header(2, 0), {0, 0, 1, 0, 1}}), Drop::kDnsBadQuestion);
  std::vector<uint8_t> one_too_many = kResponse;
  one_too_many[11] = 2;
  ExpectDrop(one_too_many, Drop::kDnsBadRecord);
  EXPECT_TRUE(ParseMessage(Header(0, 0)));
}

TEST(DnsTest, QuestionsAndRecordsCutShort) {
  ExpectDrop(Join({Header(1, 0), {1, 'a', 0, 0, 1, 0}}), Drop::kDnsBadQuestion);
  ExpectDrop(Join({Header(1, 0), {9, 'a', 'b', 'c', 'd', 'e', 'f'}}), Drop::kDnsBadName);
  ExpectDrop(Join({Header(1, 0), {0xc0, 12, 0, 1, 0, 1}}), Drop::kDnsBadPointer);
  ExpectDrop(Join({Header(1, 0), {0x40, 'a', 0, 1, 0, 1}}), Drop::kDnsBadLabel);
  const std::vector<uint8_t> record = Record(DnsType::kA, {192, 0, 2, 1});
  for (size_t size = 0; size < record.size(); ++size) {
    ExpectDrop(Join({Header(0, 1), ToVector(Bytes(record).first(size))}), Drop::kDnsBadRecord);
  }
  EXPECT_TRUE(ParseMessage(Join({Header(0, 1), record})));
}

TEST(DnsTest, DataLengthPastTheEnd) {
  std::vector<uint8_t> message = Join({Header(0, 1), Record(static_cast<DnsType>(99), {1, 2, 3})});
  for (uint32_t size = 0; size <= 0xffff; ++size) {
    StoreBe<uint16_t>(message.data() + 12 + 9, static_cast<uint16_t>(size));
    const auto view = DnsView::Parse(message);
    ASSERT_EQ(view.has_value(), size <= 3) << size;
    if (!view) {
      ASSERT_EQ(view.error(), Drop::kDnsBadRecord);
    }
  }
}

// [RFC 9267 5] data of the known types has the size that its type says.
TEST(DnsTest, DataOfWrongSizes) {
  for (size_t size = 0; size <= 20; ++size) {
    const std::vector<uint8_t> data(size, 0);
    const auto a = ParseMessage(Join({Header(0, 1), Record(DnsType::kA, data)}));
    EXPECT_EQ(a.has_value(), size == 4) << size;
    const auto aaaa = ParseMessage(Join({Header(0, 1), Record(DnsType::kAaaa, data)}));
    EXPECT_EQ(aaaa.has_value(), size == 16) << size;
    for (const DnsType type : {DnsType::kCname, DnsType::kNs, DnsType::kPtr}) {
      EXPECT_EQ(ParseMessage(Join({Header(0, 1), Record(type, data)})).has_value(), size == 1)
          << size;
    }
    EXPECT_EQ(ParseMessage(Join({Header(0, 1), Record(DnsType::kMx, data)})).has_value(), size == 3)
        << size;
    EXPECT_EQ(ParseMessage(Join({Header(0, 1), Record(DnsType::kSoa, data)})).has_value(), false)
        << size;
    EXPECT_EQ(ParseMessage(Join({Header(0, 1), Record(DnsType::kTxt, data)})).has_value(), size > 0)
        << size;
    // Of another class, or of a type without accessors, any size is good.
    EXPECT_TRUE(ParseMessage(Join({Header(0, 1), Record(DnsType::kA, data, 3)})));
    EXPECT_TRUE(ParseMessage(Join({Header(0, 1), Record(DnsType::kOpt, data)})));
  }
}

// A name in the data must end where the data ends, however much message follows.
TEST(DnsTest, NameThatLeavesItsData) {
  const std::vector<uint8_t> tail = {'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0};
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kCname, {3}), tail}), Drop::kDnsBadRecord);
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kMx, {0, 1, 3}), tail}), Drop::kDnsBadRecord);
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kSoa, {3}), tail}), Drop::kDnsBadRecord);
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kTxt, {3}), tail}), Drop::kDnsBadRecord);
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kCname, {0xc0, 23}), tail}), Drop::kDnsBadRecord);
}

TEST(DnsTest, SoaForNegativeCaching) {
  const std::vector<uint8_t> data = {2, 'n', 's', 0, 4, 'm', 'a', 'i', 'l', 0xc0, 23,
                                     0, 0,   0,   1, 0, 0,   0,   2,   0,   0,    0,
                                     3, 0,   0,   0, 4, 0,   0,   1,   0x2c};
  // The pointer leads to "ns" at 12 + 11.
  const std::vector<uint8_t> message = Join({Header(0, 1), Record(DnsType::kSoa, data)});
  const DnsRecord record = OnlyAnswer(message);
  EXPECT_EQ(record.ttl_s, 9u);
  const auto soa = record.Soa();
  ASSERT_TRUE(soa);
  EXPECT_EQ(soa->primary, Name("ns"));
  EXPECT_EQ(soa->mailbox, Name("mail.ns"));
  EXPECT_EQ(soa->serial, 1u);
  EXPECT_EQ(soa->refresh_s, 2u);
  EXPECT_EQ(soa->retry_s, 3u);
  EXPECT_EQ(soa->expire_s, 4u);
  EXPECT_EQ(soa->minimum_s, 300u);
  for (size_t size = 0; size < data.size(); ++size) {
    ExpectDrop(Join({Header(0, 1), Record(DnsType::kSoa, ToVector(Bytes(data).first(size)))}),
               Drop::kDnsBadRecord);
  }
  ExpectDrop(Join({Header(0, 1), Record(DnsType::kSoa, Join({data, {0}}))}), Drop::kDnsBadRecord);
}

// [RFC 1035 3.3.14] text is one or more strings.
TEST(DnsTest, MxTxtAndAaaa) {
  const std::vector<uint8_t> mx_message =
      Join({Header(0, 1), Record(DnsType::kMx, {1, 2, 1, 'x', 0})});
  const auto mx = OnlyAnswer(mx_message).Mx();
  ASSERT_TRUE(mx);
  EXPECT_EQ(mx->preference, 0x102);
  EXPECT_EQ(mx->exchange, Name("x"));

  const std::vector<uint8_t> txt_message =
      Join({Header(0, 1), Record(DnsType::kTxt, {2, 'h', 'i', 0, 1, '!'})});
  DnsTextIterator strings = OnlyAnswer(txt_message).Text();
  std::vector<std::vector<uint8_t>> texts;
  for (Bytes text; strings.Next(text);) texts.push_back(ToVector(text));
  EXPECT_EQ(texts, (std::vector<std::vector<uint8_t>>{{'h', 'i'}, {}, {'!'}}));

  const std::vector<uint8_t> address = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const std::vector<uint8_t> aaaa_message = Join({Header(0, 1), Record(DnsType::kAaaa, address)});
  const auto parsed = OnlyAnswer(aaaa_message).Address6();
  ASSERT_TRUE(parsed);
  EXPECT_EQ(ToVector(*parsed), address);
  EXPECT_FALSE(OnlyAnswer(aaaa_message).Address());
  EXPECT_FALSE(OnlyAnswer(aaaa_message).Mx());
  EXPECT_FALSE(OnlyAnswer(aaaa_message).Soa());
}

// Strings whose length octet promises one byte more than there is, or many.
TEST(DnsTest, TextEndsWithItsData) {
  for (const std::vector<uint8_t>& data : {std::vector<uint8_t>{1}, {2, 'a'}, {255, 'a'}}) {
    const ExactBytes exact(data);
    DnsTextIterator strings{Bytes(exact)};
    Bytes text;
    EXPECT_FALSE(strings.Next(text)) << testing::PrintToString(data);
    ExpectDrop(Join({Header(0, 1), Record(DnsType::kTxt, data)}), Drop::kDnsBadRecord);
  }
}

// [RFC 2181 8] a time to live with its top bit set is zero.
TEST(DnsTest, TimeToLive) {
  for (const uint32_t ttl : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    std::vector<uint8_t> message = Join({Header(0, 1), Record(DnsType::kA, {1, 2, 3, 4})});
    StoreBe<uint32_t>(message.data() + 12 + 5, ttl);
    EXPECT_EQ(OnlyAnswer(message).ttl_s, ttl > 0x7fffffff ? 0 : ttl);
  }
}

TEST(DnsTest, RoundTrip) {
  Random random(Seed{10, 1});
  for (int round = 0; round < 500; ++round) {
    const DnsHeader header{.id = static_cast<uint16_t>(random.Next32()),
                           .flags = static_cast<uint16_t>(random.Next32()),
                           .question_count = static_cast<uint16_t>(random.Below(3)),
                           .answer_count = static_cast<uint16_t>(random.Below(4)),
                           .authority_count = static_cast<uint16_t>(random.Below(3)),
                           .additional_count = static_cast<uint16_t>(random.Below(3))};
    std::vector<uint8_t> message(4000);
    size_t size = header.Emit(message);
    std::vector<DnsQuestion> questions;
    for (size_t i = 0; i < header.question_count; ++i) {
      questions.push_back(
          {Name(std::to_string(random.Below(1000)) + ".test"), DnsType::kA, DnsClass::kAny});
      size += questions.back().Emit(MutableBytes(message).subspan(size));
    }
    std::vector<std::vector<uint8_t>> data;
    std::vector<DnsRecord> records;
    const size_t record_count =
        size_t{header.answer_count} + header.authority_count + header.additional_count;
    data.reserve(record_count);
    for (size_t i = 0; i < record_count; ++i) {
      data.push_back(RandomBytes(random, random.Below(200)));
      DnsRecord record;
      record.name = Name(std::to_string(random.Below(1000)));
      record.type = static_cast<DnsType>(1000 + random.Below(1000));
      record.ttl_s = random.Below(1u << 31);
      record.data = data.back();
      const size_t written = record.Emit(MutableBytes(message).subspan(size));
      ASSERT_EQ(written, record.Size());
      size += written;
      records.push_back(record);
    }
    message.resize(size);
    const auto view = ParseMessage(message);
    ASSERT_TRUE(view);
    ASSERT_EQ((DnsHeader{view->id(), view->flags(), view->question_count(),
                         view->record_count(DnsSection::kAnswer),
                         view->record_count(DnsSection::kAuthority),
                         view->record_count(DnsSection::kAdditional)}),
              header);
    std::vector<uint8_t> again(4000);
    size_t again_size = header.Emit(again);
    DnsQuestion question;
    DnsQuestionIterator walk = view->questions();
    for (size_t i = 0; walk.Next(question); ++i) {
      ASSERT_EQ(question, questions.at(i));
      again_size += question.Emit(MutableBytes(again).subspan(again_size));
    }
    size_t index = 0;
    for (const DnsSection section :
         {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
      DnsRecord record;
      DnsRecordIterator section_walk = view->records(section);
      while (section_walk.Next(record)) {
        ASSERT_EQ(record.name, records.at(index).name);
        ASSERT_EQ(record.ttl_s, records.at(index).ttl_s);
        ASSERT_EQ(ToVector(record.data), data.at(index));
        again_size += record.Emit(MutableBytes(again).subspan(again_size));
        ++index;
      }
    }
    again.resize(again_size);
    ASSERT_EQ(index, record_count);
    ASSERT_EQ(again, message);
  }
}

// Mutations of a good message: parsed or refused, and once parsed every accessor is safe.
TEST(DnsTest, RandomMutations) {
  Random random(Seed{10, 2});
  for (int round = 0; round < 100000; ++round) {
    std::vector<uint8_t> bytes = kResponse;
    const uint32_t changes = 1 + random.Below(4);
    for (uint32_t i = 0; i < changes; ++i) {
      bytes[random.Below(static_cast<uint32_t>(bytes.size()))] =
          static_cast<uint8_t>(random.Next32());
    }
    bytes.resize(bytes.size() - random.Below(3));
    const ExactBytes message(bytes);
    const auto view = DnsView::Parse(message);
    if (!view) continue;
    size_t records = 0;
    for (const DnsSection section :
         {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
      DnsRecordIterator walk = view->records(section);
      for (DnsRecord record; walk.Next(record); ++records) {
        ASSERT_LE(record.data.size(), bytes.size());
        (void)record.NameData();
        (void)record.Mx();
        (void)record.Soa();
        DnsTextIterator strings = record.Text();
        for (Bytes text; strings.Next(text);) ASSERT_LE(text.size(), record.data.size());
      }
    }
    ASSERT_LE(records, bytes.size() / 11);
  }
}

}  // namespace
}  // namespace aether
