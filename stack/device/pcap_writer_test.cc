// The file's bytes, the bound at its edge, and the sentences of failure.
#include "stack/device/pcap_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "stack/device/device.h"
#include "stack/testing/temporary_file.h"

namespace aether::device {
namespace {

using aether::testing::TemporaryFile;

using ::testing::HasSubstr;
using Frame = std::vector<uint8_t>;

Instant At(int64_t nanoseconds) { return Instant(Duration(nanoseconds)); }

uint32_t WordAt(const Frame& file, size_t offset) {
  uint32_t word;
  std::memcpy(&word, file.data() + offset, sizeof word);
  return word;
}

TEST(PcapWriter, WritesNanosecondPcap) {
  TemporaryFile file;
  {
    auto writer = PcapWriter::Create(file.path(), {.since_1970 = std::chrono::seconds(1000)});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    (*writer)->Write(At(1'000'000'007), Frame{1, 2, 3});
    EXPECT_EQ((*writer)->frames_written(), 1u);
  }
  const Frame written = file.Contents();
  ASSERT_EQ(written.size(), 24u + 16 + 3);
  EXPECT_EQ(WordAt(written, 0), 0xa1b23c4du);  // nanosecond magic, in our byte order
  EXPECT_EQ(WordAt(written, 20), 1u);          // Ethernet
  EXPECT_EQ(WordAt(written, 24), 1001u);
  EXPECT_EQ(WordAt(written, 28), 7u);
  EXPECT_EQ(WordAt(written, 32), 3u);
  EXPECT_EQ(WordAt(written, 36), 3u);
  EXPECT_EQ(written[40], 1);
  EXPECT_EQ(written[42], 3);
}

TEST(PcapWriter, StopsExactlyAtTheBound) {
  TemporaryFile file;
  {
    auto writer = PcapWriter::Create(file.path(), {.bytes_max = 24 + 2 * (16 + 10)});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    (*writer)->Write(At(0), Frame(10));
    (*writer)->Write(At(0), Frame(11));  // one byte too many
    (*writer)->Write(At(0), Frame(10));  // the file is full to the byte
    (*writer)->Write(At(0), Frame(0));
    EXPECT_EQ((*writer)->frames_written(), 2u);
    EXPECT_EQ((*writer)->frames_left_out(), 2u);
    EXPECT_EQ((*writer)->bytes_written(), 24u + 2 * 26);
  }
  EXPECT_EQ(file.Contents().size(), 24u + 2 * 26);
}

TEST(PcapWriter, FlushPutsFramesIntoTheFile) {
  TemporaryFile file;
  auto writer = PcapWriter::Create(file.path(), {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  (*writer)->Write(At(0), Frame(100));
  (*writer)->Flush();
  EXPECT_EQ(file.Contents().size(), 24u + 116);
  EXPECT_EQ((*writer)->error(), "");
}

TEST(PcapWriter, LeavesOutWhatIsNoFrame) {
  TemporaryFile file;
  auto writer = PcapWriter::Create(file.path(), {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  (*writer)->Write(At(0), Frame(kFrameBytesMax + 1));
  EXPECT_EQ((*writer)->frames_left_out(), 1u);
  (*writer)->Write(At(0), Frame(kFrameBytesMax));
  EXPECT_EQ((*writer)->frames_written(), 1u);
}

TEST(PcapWriter, ClampsTimesBefore1970) {
  TemporaryFile file;
  auto writer = PcapWriter::Create(file.path(), {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  (*writer)->Write(At(-5), Frame(1));
  (*writer)->Flush();
  EXPECT_EQ(WordAt(file.Contents(), 24), 0u);
  EXPECT_EQ(WordAt(file.Contents(), 28), 0u);
}

TEST(PcapWriter, SaysWhatIsWrong) {
  EXPECT_THAT(PcapWriter::Create("", {}).error(), HasSubstr("empty"));
  EXPECT_THAT(PcapWriter::Create("no/such/folder/x.pcap", {}).error(),
              HasSubstr("no/such/folder/x.pcap"));
  TemporaryFile file;
  EXPECT_THAT(PcapWriter::Create(file.path(), {.bytes_max = 23}).error(), HasSubstr("24"));
  EXPECT_TRUE(PcapWriter::Create(file.path(), {.bytes_max = 24}).has_value());
}

TEST(PcapWriter, AFullDiskIsAnErrorNotACrash) {
  auto writer = PcapWriter::Create("/dev/full", {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  for (int i = 0; i < 100; ++i) (*writer)->Write(At(0), Frame(1500));
  (*writer)->Flush();
  EXPECT_THAT((*writer)->error(), HasSubstr("/dev/full"));
  EXPECT_GT((*writer)->frames_left_out(), 0u);
}

}  // namespace
}  // namespace aether::device
