// Records come back as they were written, at every cut, and nothing that was damaged does harm.
#include "stack/device/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "stack/base/random.h"

namespace aether::device {
namespace {

using Outcome = RecordingDecoder::Outcome;
using ::testing::ElementsAre;

Instant Ns(int64_t ns) { return Instant(Duration(ns)); }

std::vector<uint8_t> Sample() {
  RecordingEncoder encoder;
  encoder.Begin("mac=02:00:00:00:00:02\nseed=1,2\n", Ns(1'000'000'000'000));
  const std::array<uint8_t, 3> first = {1, 2, 3};
  const std::vector<uint8_t> second(300, 7);
  const std::array<Bytes, 2> frames = {Bytes(first), Bytes(second)};
  encoder.Receive(frames, Ns(1'000'000'000'050));
  encoder.Open(true, 70'000, "text/html");
  encoder.Read(second);
  encoder.Open(false, 0, "");
  encoder.Transmit(200, Ns(1'000'000'000'050));
  encoder.Receive({}, Ns(1'000'001'000'000));
  encoder.Check(RecordKind::kCheck, 12, 0x0123456789abcdef);
  encoder.Stop(Ns(1'000'002'000'000));
  encoder.Check(RecordKind::kEnd, 13, 42);
  return encoder.bytes();
}

TEST(Recording, ComesBackAsItWasWritten) {
  const std::vector<uint8_t> bytes = Sample();
  RecordingDecoder decoder;
  std::string settings;
  Instant start;
  size_t used = 0;
  ASSERT_EQ(decoder.Begin(bytes, settings, start, used), Outcome::kRecord);
  EXPECT_EQ(settings, "mac=02:00:00:00:00:02\nseed=1,2\n");
  EXPECT_EQ(start, Ns(1'000'000'000'000));
  Bytes rest = Bytes(bytes).subspan(used);
  const auto next = [&] {
    Record record;
    EXPECT_EQ(decoder.Next(rest, record, used), Outcome::kRecord);
    rest = rest.subspan(used);
    return record;
  };
  Record record = next();
  EXPECT_EQ(record.kind, RecordKind::kReceive);
  EXPECT_EQ(record.now, Ns(1'000'000'000'050));
  ASSERT_EQ(record.frames.size(), 2u);
  EXPECT_THAT(record.frames[0], ElementsAre(1, 2, 3));
  EXPECT_EQ(record.frames[1].size(), 300u);
  record = next();
  EXPECT_TRUE(record.found);
  EXPECT_EQ(record.size, 70'000u);
  EXPECT_EQ(std::string(record.data.begin(), record.data.end()), "text/html");
  EXPECT_EQ(next().data.size(), 300u);
  EXPECT_FALSE(next().found);
  record = next();
  EXPECT_EQ(record.kind, RecordKind::kTransmit);
  EXPECT_EQ(record.count, 200u);
  record = next();
  EXPECT_TRUE(record.frames.empty());
  EXPECT_EQ(record.now, Ns(1'000'001'000'000));
  record = next();
  EXPECT_EQ(record.kind, RecordKind::kCheck);
  EXPECT_EQ(record.count, 12u);
  EXPECT_EQ(record.hash, 0x0123456789abcdefu);
  EXPECT_EQ(next().kind, RecordKind::kStop);
  EXPECT_EQ(next().hash, 42u);
  EXPECT_TRUE(rest.empty());
}

TEST(Recording, EveryCutAsksForMore) {
  const std::vector<uint8_t> bytes = Sample();
  for (size_t size = 0; size < bytes.size(); ++size) {
    RecordingDecoder decoder;
    std::string settings;
    Instant start;
    size_t used = 0;
    Bytes rest = Bytes(bytes).first(size);
    Outcome outcome = decoder.Begin(rest, settings, start, used);
    Record record;
    while (outcome == Outcome::kRecord) {
      rest = rest.subspan(used);
      outcome = decoder.Next(rest, record, used);
    }
    EXPECT_EQ(outcome, Outcome::kNeedsMore) << size;
  }
}

TEST(Recording, DamageEndsWithinBounds) {
  const std::vector<uint8_t> good = Sample();
  Random random(Seed{1, 2});
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> bytes = good;
    for (int i = 0; i < 3; ++i)
      bytes[random.Below(static_cast<uint32_t>(bytes.size()))] =
          static_cast<uint8_t>(random.Next32());
    RecordingDecoder decoder;
    std::string settings;
    Instant start;
    size_t used = 0;
    Bytes rest = bytes;
    Outcome outcome = decoder.Begin(rest, settings, start, used);
    Record record;
    Instant last = start;
    while (outcome == Outcome::kRecord) {
      ASSERT_GT(used, 0u);
      rest = rest.subspan(used);
      outcome = decoder.Next(rest, record, used);
      ASSERT_GE(record.now, outcome == Outcome::kRecord ? last : Instant{});
      if (outcome == Outcome::kRecord) last = record.now;
    }
  }
}

TEST(Recording, NoRecordingIsSeenAtOnce) {
  RecordingDecoder decoder;
  std::string settings;
  Instant start;
  size_t used = 0;
  const std::array<uint8_t, 3> other = {0xd4, 0xc3, 0xb2};
  EXPECT_EQ(decoder.Begin(other, settings, start, used), Outcome::kDamaged);
}

TEST(Recording, TheHashIsOfTimesAndOrder) {
  const std::array<uint8_t, 2> frame = {1, 2};
  const std::array<uint8_t, 2> other = {2, 1};
  const uint64_t one = RecordingHash(0, Ns(5), frame);
  EXPECT_NE(one, RecordingHash(0, Ns(6), frame));
  EXPECT_NE(one, RecordingHash(0, Ns(5), other));
  EXPECT_NE(RecordingHash(one, Ns(5), other),
            RecordingHash(RecordingHash(0, Ns(5), other), Ns(5), frame));
}

}  // namespace
}  // namespace aether::device
