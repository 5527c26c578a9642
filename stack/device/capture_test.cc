// Every frame that passes is captured once, with the time of the clock.
#include "stack/device/capture.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/device/memory_pair.h"
#include "stack/device/pcap_reader.h"
#include "stack/device/pcap_writer.h"
#include "stack/testing/temporary_file.h"

namespace aether::device {
namespace {

using aether::testing::TemporaryFile;

using Frame = std::vector<uint8_t>;

Instant At(int64_t nanoseconds) { return Instant(Duration(nanoseconds)); }

TEST(CaptureDevice, WritesInAndOutToOneFile) {
  TemporaryFile file;
  {
    MemoryPair pair({.frames_max = 1, .bytes_max = 1000});
    ManualClock clock;
    auto writer = PcapWriter::Create(file.path(), {});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    CaptureDevice capture(pair.a(), clock, writer->get());
    Frame into(100);

    clock.Set(At(10));
    EXPECT_TRUE(capture.Send(Frame(20, 1)));
    clock.Set(At(11));
    EXPECT_FALSE(capture.Send(Frame(21, 2)));  // not taken, so not captured
    pair.b().Send(Frame(22, 3));
    clock.Set(At(12));
    EXPECT_EQ(capture.Receive(into), 22u);
    EXPECT_EQ(capture.Receive(into), 0u);
    EXPECT_EQ(capture.NextDeadline(), kNever);
    capture.Flush();
    EXPECT_EQ(file.Contents().size(), 24u + 16 + 20 + 16 + 22);
  }
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  Frame into(100);
  EXPECT_EQ(reader->next_time(), At(10));
  EXPECT_EQ(reader->Receive(into), 20u);
  EXPECT_EQ(reader->next_time(), At(12));
  EXPECT_EQ(reader->Receive(into), 22u);
  EXPECT_EQ(into[0], 3);
  EXPECT_TRUE(reader->at_end());
}

TEST(CaptureDevice, FlushesWhenItEnds) {
  TemporaryFile file;
  MemoryPair pair;
  ManualClock clock;
  auto writer = PcapWriter::Create(file.path(), {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  {
    CaptureDevice capture(pair.a(), clock, writer->get());
    EXPECT_TRUE(capture.Send(Frame(20)));
  }
  EXPECT_EQ(file.Contents().size(), 24u + 36);
}

TEST(CaptureDevice, SeveralDevicesShareOneFile) {
  TemporaryFile file;
  MemoryPair pair;
  ManualClock clock;
  auto writer = PcapWriter::Create(file.path(), {});
  ASSERT_TRUE(writer.has_value()) << writer.error();
  CaptureDevice first(pair.a(), clock, writer->get());
  CaptureDevice second(pair.b(), clock, writer->get());
  Frame into(100);
  EXPECT_TRUE(first.Send(Frame(20)));
  EXPECT_EQ(second.Receive(into), 20u);
  EXPECT_EQ((*writer)->frames_written(), 2u);
}

TEST(CaptureDevice, PassesFramesWithoutASink) {
  MemoryPair pair;
  ManualClock clock;
  CaptureDevice capture(pair.a(), clock, nullptr);
  Frame into(100);
  EXPECT_TRUE(capture.Send(Frame(20)));
  EXPECT_EQ(pair.b().Receive(into), 20u);
  pair.b().Send(Frame(30));
  EXPECT_EQ(capture.Receive(into), 30u);
}

}  // namespace
}  // namespace aether::device
