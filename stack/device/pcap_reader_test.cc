// Round trip through PcapWriter, the pcapng form, every truncation, random damage, and files that
// are refused.
#include "stack/device/pcap_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/base/random.h"
#include "stack/device/pcap_writer.h"
#include "stack/testing/temporary_file.h"

namespace aether::device {
namespace {

using aether::testing::TemporaryFile;

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Frame = std::vector<uint8_t>;

Instant At(int64_t nanoseconds) { return Instant(Duration(nanoseconds)); }

void AppendWord(Frame& file, uint32_t word) {
  for (int shift = 0; shift < 32; shift += 8) file.push_back(static_cast<uint8_t>(word >> shift));
}

// The header of a little-endian pcap file with microsecond times.
Frame PcapHeader(uint32_t link_type) {
  Frame file;
  for (uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, link_type}) {
    AppendWord(file, word);
  }
  return file;
}

void AppendRecord(Frame& file, uint32_t seconds, uint32_t fraction, uint32_t length,
                  const Frame& frame) {
  for (uint32_t word : {seconds, fraction, static_cast<uint32_t>(frame.size()), length}) {
    AppendWord(file, word);
  }
  file.insert(file.end(), frame.begin(), frame.end());
}

// A pcapng file with one Ethernet interface and one packet of 4 bytes at 2^32 us.
Frame PcapngFile() {
  Frame file;
  for (uint32_t word :
       {0x0a0d0d0au, 28u, 0x1a2b3c4du, 0x00000001u, 0xffffffffu, 0xffffffffu, 28u,
        1u,          20u, 1u,          65535u,      20u,         6u,          36u,
        0u,          1u,  0u,          4u,          4u,          0x04030201u, 36u}) {
    AppendWord(file, word);
  }
  return file;
}

Frame ReceiveFrom(PcapReader& reader) {
  Frame into(kFrameBytesMax);
  into.resize(reader.Receive(into));
  return into;
}

std::string OpenError(const Frame& contents) {
  TemporaryFile file;
  file.Write(contents);
  const auto reader = PcapReader::Open(file.path());
  return reader.has_value() ? "" : reader.error();
}

TEST(PcapReader, ReadsWhatTheWriterWrote) {
  TemporaryFile file;
  std::vector<Frame> frames;
  {
    auto writer = PcapWriter::Create(file.path(), {});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    for (size_t i = 0; i < 50; ++i) {
      frames.push_back(Frame(1 + i * 37, static_cast<uint8_t>(i)));
      (*writer)->Write(At(static_cast<int64_t>(i) * 1'000'000'001), frames.back());
    }
    frames.push_back(Frame(kFrameBytesMax, 0x5a));
    (*writer)->Write(At(100'000'000'000), frames.back());
  }
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_FALSE(reader->at_end());
    EXPECT_EQ(reader->next_time(), At(static_cast<int64_t>(i) * 1'000'000'001));
    EXPECT_EQ(ReceiveFrom(*reader), frames[i]);
    EXPECT_EQ(reader->last_time(), At(static_cast<int64_t>(i) * 1'000'000'001));
  }
  EXPECT_EQ(ReceiveFrom(*reader), frames[50]);
  EXPECT_TRUE(reader->at_end());
  EXPECT_EQ(reader->next_time(), kNever);
  EXPECT_EQ(ReceiveFrom(*reader), Frame());
  EXPECT_EQ(reader->error(), "");
  EXPECT_EQ(reader->frames_received(), 51u);
  EXPECT_EQ(reader->NextDeadline(), kNever);
}

TEST(PcapReader, ReadsMicrosecondPcap) {
  TemporaryFile file;
  Frame contents = PcapHeader(1);
  AppendRecord(contents, 3, 500'000, 2, {7, 8});
  file.Write(contents);
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  EXPECT_EQ(reader->next_time(), At(3'500'000'000));
  EXPECT_EQ(ReceiveFrom(*reader), (Frame{7, 8}));
}

TEST(PcapReader, ReadsAStreamAndClosesIt) {
  Frame file = PcapHeader(1);
  AppendRecord(file, 1, 2, 3, {1, 2, 3});
  auto reader = PcapReader::FromStream(fmemopen(file.data(), file.size(), "r"), "memory");
  ASSERT_TRUE(reader.has_value()) << reader.error();
  EXPECT_EQ(reader->next_time(), At(1'000'002'000));
  EXPECT_EQ(ReceiveFrom(*reader), (Frame{1, 2, 3}));
  EXPECT_TRUE(reader->at_end());

  Frame damaged(24, 7);
  const auto refused =
      PcapReader::FromStream(fmemopen(damaged.data(), damaged.size(), "r"), "memory");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("memory"));
}

TEST(PcapReader, ReadsPcapng) {
  TemporaryFile file(".pcapng");
  file.Write(PcapngFile());
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  EXPECT_EQ(reader->next_time(), At(int64_t{1} << 32) + Duration((int64_t{1} << 32) * 999));
  EXPECT_EQ(ReceiveFrom(*reader), (Frame{1, 2, 3, 4}));
  EXPECT_TRUE(reader->at_end());
  EXPECT_THAT(reader->error(), IsEmpty());
}

TEST(PcapReader, CountsWhatIsCutOrLeftOut) {
  TemporaryFile file;
  Frame contents = PcapHeader(1);
  AppendRecord(contents, 1, 0, 100, Frame(60));  // 40 bytes were not recorded
  AppendRecord(contents, 2, 0, 0, {});
  AppendRecord(contents, 3, 0, 60, Frame(60));
  AppendRecord(contents, 4, 0, 10, Frame(10, 9));
  file.Write(contents);
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  EXPECT_EQ(ReceiveFrom(*reader).size(), 60u);
  EXPECT_EQ(reader->frames_cut(), 1u);
  Frame small(10);
  EXPECT_EQ(reader->Receive(small), 10u);
  EXPECT_EQ(small, Frame(10, 9));
  EXPECT_EQ(reader->frames_left_out(), 2u);
  EXPECT_EQ(reader->frames_cut(), 1u);
}

TEST(PcapReader, CountsWhatIsSentAndHandsItOn) {
  TemporaryFile in;
  TemporaryFile out;
  Frame contents = PcapHeader(1);
  AppendRecord(contents, 5, 0, 1, {1});
  in.Write(contents);
  {
    auto writer = PcapWriter::Create(out.path(), {});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    auto reader = PcapReader::Open(in.path(), writer->get());
    ASSERT_TRUE(reader.has_value()) << reader.error();
    ReceiveFrom(*reader);
    EXPECT_TRUE(reader->Send(Frame{4, 5}));
    EXPECT_EQ(reader->frames_sent(), 1u);
  }
  auto sent = PcapReader::Open(out.path());
  ASSERT_TRUE(sent.has_value()) << sent.error();
  EXPECT_EQ(sent->next_time(), At(5'000'000'000));
  EXPECT_EQ(ReceiveFrom(*sent), (Frame{4, 5}));
}

TEST(PcapReader, EveryTruncationEndsCleanly) {
  for (const bool ng : {false, true}) {
    Frame contents = ng ? PcapngFile() : PcapHeader(1);
    if (!ng) AppendRecord(contents, 1, 0, 20, Frame(20));
    for (size_t size = 0; size < contents.size(); ++size) {
      TemporaryFile file;
      file.Write(Bytes(contents).first(size));
      auto reader = PcapReader::Open(file.path());
      if (!reader.has_value()) {
        EXPECT_THAT(reader.error(), HasSubstr(file.path()));
        continue;
      }
      EXPECT_EQ(ReceiveFrom(*reader), Frame()) << size;
      EXPECT_TRUE(reader->at_end());
      // Only a file that ends where a record could begin is sound.
      const bool sound = ng ? size == 28 || size == 48 : size == 24;
      EXPECT_EQ(reader->error().empty(), sound) << size << reader->error();
    }
  }
}

TEST(PcapReader, RandomDamageNeverCrashes) {
  Random random(Seed{1, 2});
  int refused = 0;
  int damaged = 0;
  int read = 0;
  for (int round = 0; round < 400; ++round) {
    Frame contents = round % 2 == 0 ? PcapHeader(1) : PcapngFile();
    if (round % 2 == 0) {
      for (uint32_t i = 0; i < 3; ++i) AppendRecord(contents, i, 0, 30, Frame(30));
    }
    for (uint32_t i = 0; i < 1 + random.Below(4); ++i) {
      contents[random.Below(static_cast<uint32_t>(contents.size()))] =
          static_cast<uint8_t>(random.Next32());
    }
    TemporaryFile file;
    file.Write(contents);
    auto reader = PcapReader::Open(file.path());
    if (!reader.has_value()) {
      ++refused;
      continue;
    }
    for (int i = 0; i < 100 && !reader->at_end(); ++i) {
      EXPECT_GE(reader->next_time(), Instant{});
      ReceiveFrom(*reader);
      ++read;
    }
    EXPECT_TRUE(reader->at_end());
    if (!reader->error().empty()) ++damaged;
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(damaged, 0);
  EXPECT_GT(read, 0);
}

TEST(PcapReader, RefusesWithASentence) {
  EXPECT_THAT(PcapReader::Open("").error(), HasSubstr("empty"));
  EXPECT_THAT(PcapReader::Open("no_such_file.pcap").error(), HasSubstr("no_such_file.pcap"));
  EXPECT_THAT(PcapReader::Open("-").error(), HasSubstr("-"));
  EXPECT_THAT(OpenError({}), HasSubstr("Cannot read"));
  EXPECT_THAT(OpenError(Frame(100, 'x')), HasSubstr("Cannot read"));
  EXPECT_THAT(OpenError(PcapHeader(101)), HasSubstr("only Ethernet"));
  EXPECT_THAT(OpenError(PcapHeader(0x0ffffff)), HasSubstr("only Ethernet"));
  EXPECT_EQ(OpenError(PcapHeader(1)), "");
}

}  // namespace
}  // namespace aether::device
