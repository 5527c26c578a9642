#include "stack/wire/http_response_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "stack/base/random.h"

namespace aether {
namespace {

using State = HttpResponseReader::State;

struct Outcome {
  State state = State::kHead;
  Drop error = Drop::kNone;
  uint16_t status = 0;
  std::string head;
  std::string body;
  uint64_t taken = 0;
  bool operator==(const Outcome&) const = default;
};

struct Case {
  std::string stream;
  bool head_request = false;
  HttpResponseLimits limits{};
};

// Reads `stream`, of which the first cuts[0] bytes come, then up to cuts[1] and so on; at most
// `bite` bytes of content are taken at once. At the end comes the end of the stream.
Outcome Read(const Case& input, const std::vector<size_t>& cuts, size_t bite = SIZE_MAX) {
  HttpResponseReader reader(input.limits);
  reader.Start(input.head_request);
  Outcome outcome;
  size_t at = 0;
  for (size_t end : cuts) {
    while (at < end) {
      const Bytes piece(reinterpret_cast<const uint8_t*>(input.stream.data()) + at, end - at);
      const size_t framing = reader.TakeFraming(piece);
      at += framing;
      const size_t content =
          static_cast<size_t>(std::min<uint64_t>({reader.body_ahead(), end - at, bite}));
      if (framing + content == 0) break;
      reader.TakeBody(content);
      if (reader.state() != State::kFailed) outcome.body.append(input.stream, at, content);
      at += content;
    }
    if (at < end) break;  // done or failed: the rest is of no concern
  }
  if (at == input.stream.size()) reader.OnEnd();
  outcome.state = reader.state();
  outcome.error = reader.error();
  if (reader.response()) outcome.status = reader.response()->status();
  outcome.head.assign(reader.head().begin(), reader.head().end());
  outcome.taken = reader.bytes();
  if (outcome.state != State::kFailed) {
    EXPECT_EQ(reader.body_bytes(), outcome.body.size());
  }
  return outcome;
}
Outcome Read(const Case& input) { return Read(input, {input.stream.size()}); }
Outcome Read(std::string stream) { return Read(Case{std::move(stream)}); }

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kOk + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Case> SoundCases() {
  return {
      {kOk + "Content-Length: 5\r\n\r\nhello"},
      {kOk + "Content-Length: 0\r\n\r\n"},
      {kOk + "Content-Length: 5\r\n\r\n", true},
      {kChunked + "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n"},
      {kChunked + "0\r\n\r\n"},
      {"HTTP/1.0 200 OK\n\nuntil the end"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + kOk +
       "A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
      {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nabc"},
  };
}

TEST(HttpResponseReaderTest, SoundResponses) {
  const std::vector<std::string> bodies = {"hello", "", "", "hello world", "", "until the end",
                                           "hi",    "", "", "abc"};
  const std::vector<Case> cases = SoundCases();
  for (size_t i = 0; i < cases.size(); ++i) {
    const Outcome outcome = Read(cases[i]);
    EXPECT_EQ(outcome.state, State::kDone) << cases[i].stream;
    EXPECT_EQ(outcome.body, bodies[i]) << cases[i].stream;
    EXPECT_EQ(outcome.taken, cases[i].stream.size());
  }
  EXPECT_EQ(Read(cases[6]).head, kOk + "A: b   c\r\nContent-Length: 2\r\n\r\n");
}

// Segmentation never matters: every cut into two, byte by byte, and content taken in bites.
TEST(HttpResponseReaderTest, EverySplitReadsTheSame) {
  for (const Case& input : SoundCases()) {
    const Outcome whole = Read(input);
    const size_t size = input.stream.size();
    for (size_t cut = 0; cut <= size; ++cut) {
      ASSERT_EQ(Read(input, {cut, size}), whole) << input.stream << " at " << cut;
      ASSERT_EQ(Read(input, {cut, size}, 2), whole) << input.stream << " at " << cut;
    }
    std::vector<size_t> bytes;
    for (size_t end = 1; end <= size; ++end) bytes.push_back(end);
    EXPECT_EQ(Read(input, bytes), whole) << input.stream;
  }
}

// [RFC 9112 section 8] an incomplete response is never taken for a complete one, unless its end is
// that of the connection.
TEST(HttpResponseReaderTest, EveryTruncatedPrefixIsAnError) {
  for (const Case& input : SoundCases()) {
    const bool until_end = input.stream.starts_with("HTTP/1.0");
    const size_t head = input.stream.find("\n\n") + 2;
    for (size_t size = 0; size < input.stream.size(); ++size) {
      const Outcome outcome = Read(Case{input.stream.substr(0, size), input.head_request});
      if (until_end && size >= head) {
        EXPECT_EQ(outcome.state, State::kDone);
        continue;
      }
      EXPECT_EQ(outcome.state, State::kFailed) << input.stream.substr(0, size);
      EXPECT_EQ(outcome.error, outcome.status == 0 ? Drop::kHttpTooShort : Drop::kHttpBodyTooShort);
    }
  }
}

TEST(HttpResponseReaderTest, WhatFollowsAResponseIsLeft) {
  for (const Case& input : SoundCases()) {
    if (input.stream.starts_with("HTTP/1.0")) continue;
    Case longer = input;
    longer.stream += "HTTP/1.1 500 Smuggled\r\n\r\n";
    EXPECT_EQ(Read(longer), Read(input)) << input.stream;
  }
}

TEST(HttpResponseReaderTest, FaultsOfChunks) {
  for (const char* body :
       {"x\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n", "-1\r\n", "\r\n", " 5\r\n",
        "5 x\r\n", "0x5\r\n", "11111111111111111\r\n", "5;\x01\r\n", "0\r\n: y\r\n",
        "0\r\n x: y\r\n", "0\r\nA: b\rc", "0\r\n\rx"}) {
    const Outcome outcome = Read(kChunked + body);
    EXPECT_EQ(outcome.state, State::kFailed) << body;
    EXPECT_EQ(outcome.error, Drop::kHttpBadChunk) << body;
  }
}

TEST(HttpResponseReaderTest, WhatIsNotHttpFailsAtItsFirstByte) {
  HttpResponseReader reader{HttpResponseLimits{}};
  reader.Start(false);
  EXPECT_EQ(reader.TakeFraming(Bytes(reinterpret_cast<const uint8_t*>("HTTX"), 4)), 4u);
  EXPECT_EQ(reader.state(), State::kFailed);
  EXPECT_EQ(reader.error(), Drop::kHttpBadResponse);
  EXPECT_EQ(reader.TakeFraming(Bytes(reinterpret_cast<const uint8_t*>("x"), 1)), 0u);
  EXPECT_EQ(Read("\r\n" + kOk + "\r\n").error, Drop::kHttpBadResponse);
}

TEST(HttpResponseReaderTest, HeadAtTheLimit) {
  const std::string head = kOk + "A: " + std::string(100, 'x') + "\r\n\r\n";
  Case input{head, false, {.head_bytes_max = static_cast<uint32_t>(head.size())}};
  EXPECT_EQ(Read(input).state, State::kDone);
  --input.limits.head_bytes_max;
  EXPECT_EQ(Read(input).error, Drop::kHttpHeadersTooLarge);
  EXPECT_LE(Read(input).taken, input.limits.head_bytes_max);
  EXPECT_EQ(Read(Case{kOk + "A:\r\nB:\r\n\r\n", false, {.fields_max = 1}}).error,
            Drop::kHttpHeadersTooLarge);
}

// [RFC 9110 15.2] interim responses, a bounded number of them. [RFC 9110 15.2.2] 101 is none that
// we asked for.
TEST(HttpResponseReaderTest, InterimResponsesAtTheLimit) {
  const std::string interim = "HTTP/1.1 102 Wait\r\n\r\n";
  const Case two{interim + interim + kOk + "\r\n", false, {.interim_max = 2}};
  EXPECT_EQ(Read(two).state, State::kDone);
  const Case three{interim + two.stream, false, two.limits};
  EXPECT_EQ(Read(three).error, Drop::kHttpBadResponse);
  EXPECT_EQ(Read("HTTP/1.1 101 Switch\r\n\r\n").error, Drop::kHttpBadResponse);
}

TEST(HttpResponseReaderTest, BodyAtTheLimit) {
  const std::string bodies[] = {kOk + "Content-Length: 5\r\n\r\nhello",
                                kChunked + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                                "HTTP/1.1 200 OK\r\n\r\nhello"};
  for (const std::string& stream : bodies) {
    EXPECT_EQ(Read(Case{stream, false, {.body_bytes_max = 5}}).state, State::kDone) << stream;
    EXPECT_EQ(Read(Case{stream, false, {.body_bytes_max = 4}}).error, Drop::kHttpBodyTooLong)
        << stream;
  }
  // A size that is announced is refused before it comes.
  EXPECT_EQ(Read(Case{kOk + "Content-Length: 6\r\n\r\n", false, {.body_bytes_max = 5}}).error,
            Drop::kHttpBodyTooLong);
}

TEST(HttpResponseReaderTest, ChunkExtrasAtTheLimitEachOfAChunk) {
  const HttpResponseLimits limits{.chunk_extra_bytes_max = 4};
  EXPECT_EQ(Read(Case{kChunked + "1;abc\r\nx\r\n1;abc\r\ny\r\n0;abc\r\n\r\n", false, limits}).error,
            Drop::kHttpBadChunk);  // the last size is a zero more
  EXPECT_EQ(Read(Case{kChunked + "1;abc\r\nx\r\n1;abc\r\ny\r\n0;ab\r\n\r\n", false, limits}).state,
            State::kDone);
  EXPECT_EQ(Read(Case{kChunked + "1;abcd\r\nx\r\n0\r\n\r\n", false, limits}).error,
            Drop::kHttpBadChunk);
  EXPECT_EQ(Read(Case{kChunked + "0\r\nA: bc\r\n\r\n", false, limits}).error, Drop::kHttpBadChunk);
}

TEST(HttpResponseReaderTest, StartsAnew) {
  HttpResponseReader reader{HttpResponseLimits{}};
  for (int round = 0; round < 3; ++round) {
    reader.Start(round == 1);
    const std::string stream = kOk + "Content-Length: 1\r\n\r\n";
    EXPECT_EQ(reader.TakeFraming({reinterpret_cast<const uint8_t*>(stream.data()), stream.size()}),
              stream.size());
    EXPECT_EQ(reader.state(), round == 1 ? State::kDone : State::kBody);
    EXPECT_EQ(reader.body_ahead(), round == 1 ? 0u : 1u);
  }
}

// Mutations of sound responses, each read whole and in random pieces: both must say the same, and
// nothing is taken twice.
TEST(HttpResponseReaderTest, RandomMutationsReadTheSameInAnyPieces) {
  const std::vector<Case> seeds = SoundCases();
  Random random({77, 2});
  int done = 0;
  for (int round = 0; round < 20000; ++round) {
    Case input = seeds[random.Below(static_cast<uint32_t>(seeds.size()))];
    input.limits = {.head_bytes_max = 120,
                    .fields_max = 4,
                    .interim_max = 2,
                    .body_bytes_max = 20,
                    .chunk_extra_bytes_max = 8};
    for (uint32_t edits = random.Below(4); edits > 0 && !input.stream.empty(); --edits) {
      const size_t at = random.Below(static_cast<uint32_t>(input.stream.size()));
      switch (random.Below(4)) {
        case 0:
          input.stream[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          input.stream.insert(at, 1, "\r\n ;:0f5"[random.Below(8)]);
          break;
        case 2:
          input.stream.erase(at, 1 + random.Below(3));
          break;
        default:
          input.stream.insert(at,
                              input.stream.substr(random.Below(static_cast<uint32_t>(at) + 1), 9));
      }
    }
    const Outcome whole = Read(input);
    done += whole.state == State::kDone;
    std::vector<size_t> cuts;
    for (size_t end = 0; end < input.stream.size();) {
      end = std::min(end + 1 + random.Below(9), input.stream.size());
      cuts.push_back(end);
    }
    Outcome pieces = Read(input, cuts, 1 + random.Below(5));
    if (whole.state == State::kFailed) {
      // At which byte a fault is seen depends on what was looked at together.
      pieces.taken = whole.taken;
      if (whole.error == Drop::kHttpBodyTooLong) pieces.body = whole.body;
    }
    ASSERT_EQ(pieces, whole) << input.stream;
    ASSERT_LE(whole.taken, input.stream.size());
    ASSERT_LE(whole.body.size(), 20u);
  }
  EXPECT_GT(done, 3000);
}

}  // namespace
}  // namespace aether
