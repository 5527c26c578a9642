// A recording yields its frames at their recorded distances from a manual clock.
#include "stack/device/pcap_pacer.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/device/pcap_writer.h"
#include "stack/testing/temporary_file.h"

namespace aether::device {
namespace {

using aether::testing::TemporaryFile;

using Frame = std::vector<uint8_t>;

Instant AtMs(int64_t milliseconds) { return Instant(std::chrono::milliseconds(milliseconds)); }

TEST(PcapPacer, KeepsTheRecordedDistances) {
  TemporaryFile file;
  {
    auto writer = PcapWriter::Create(file.path(), {});
    ASSERT_TRUE(writer.has_value()) << writer.error();
    // The third was recorded before the second.
    for (int64_t when : {1'000'000, 1'000'030, 1'000'020, 1'000'040}) {
      (*writer)->Write(AtMs(when), Frame(static_cast<size_t>(when % 1000 + 1)));
    }
  }
  auto reader = PcapReader::Open(file.path());
  ASSERT_TRUE(reader.has_value()) << reader.error();
  ManualClock clock(AtMs(0));
  PcapPacer pacer(*reader, clock, AtMs(500));
  Frame into(kFrameBytesMax);

  EXPECT_EQ(pacer.NextDeadline(), AtMs(500));
  EXPECT_EQ(pacer.Receive(into), 0u);
  clock.Set(AtMs(500));
  EXPECT_EQ(pacer.Receive(into), 1u);
  EXPECT_EQ(pacer.Receive(into), 0u);
  EXPECT_EQ(pacer.NextDeadline(), AtMs(530));
  clock.Set(AtMs(530) - Duration(1));
  EXPECT_EQ(pacer.Receive(into), 0u);
  clock.Set(AtMs(530));
  EXPECT_EQ(pacer.Receive(into), 31u);
  EXPECT_EQ(pacer.Receive(into), 21u);
  EXPECT_EQ(pacer.Receive(into), 0u);
  clock.Set(AtMs(10'000));
  EXPECT_EQ(pacer.Receive(into), 41u);
  EXPECT_EQ(pacer.NextDeadline(), kNever);
  EXPECT_EQ(pacer.Receive(into), 0u);
  EXPECT_TRUE(pacer.Send(Frame(1)));
}

}  // namespace
}  // namespace aether::device
