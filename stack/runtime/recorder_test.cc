// A host and its content, recorded: every call and answer is in the file, in order.
#include "stack/runtime/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/runtime/recording_host.h"
#include "stack/testing/memory_content.h"
#include "stack/testing/temporary_file.h"

namespace aether::runtime {
namespace {

using device::Record;
using device::RecordKind;
using ::testing::HasSubstr;

Instant Us(int64_t us) { return Instant(std::chrono::microseconds(us)); }

// Sends one frame for each that came.
class FakeHost {
 public:
  void Receive(std::span<const Bytes> frames, Instant) { due_ += frames.size(); }
  size_t Transmit(MutableBytes out, Instant) {
    if (due_ == 0) return 0;
    --due_;
    out[0] = 7;
    return 60;
  }
  Instant NextDeadline() const { return kNever; }
  bool HasWork() const { return true; }
  bool IsQuiet() const { return false; }

 private:
  size_t due_ = 0;
};

class RecorderTest : public ::testing::Test {
 protected:
  RecorderTest() {
    host_.stack.mac = MacAddress{{2, 0, 0, 0, 0, 9}};
    host_.stack.seed = {11, 12};
    host_.dhcp = true;
  }
  // The kinds of all records, in order.
  std::string Kinds() {
    const std::vector<uint8_t> bytes = file_.Contents();
    device::RecordingDecoder decoder;
    Instant start;
    size_t used = 0;
    EXPECT_EQ(decoder.Begin(bytes, settings_, start, used),
              device::RecordingDecoder::Outcome::kRecord);
    Bytes rest = Bytes(bytes).subspan(used);
    std::string kinds;
    Record record;
    while (decoder.Next(rest, record, used) == device::RecordingDecoder::Outcome::kRecord) {
      last_ = record;
      kinds += static_cast<char>(last_.kind);
      rest = rest.subspan(used);
      if (last_.kind == RecordKind::kTransmit) calls_ += last_.count;
    }
    return kinds;
  }

  testing::TemporaryFile file_{".rec"};
  app::HostOptions host_;
  Recorder recorder_;
  FakeHost fake_;
  std::string settings_;
  Record last_;
  uint64_t calls_ = 0;
};

TEST_F(RecorderTest, CallsAndAnswersInOrder) {
  ASSERT_TRUE(recorder_.Open(file_.path(), host_, "full,sack=off", Us(5)).ok());
  RecordingHost<FakeHost> host(fake_, recorder_);
  auto memory = std::make_unique<testing::MemoryContent>();
  memory->Add("/a", "abc");
  RecordedContent content(std::move(memory), recorder_);

  const std::vector<uint8_t> frame(60, 1);
  const std::array<Bytes, 2> frames = {Bytes(frame), Bytes(frame)};
  std::vector<uint8_t> out(100);
  host.Receive(frames, Us(10));
  EXPECT_EQ(content.Open("/none"), nullptr);
  const auto opened = content.Open("/a");
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->size(), 3u);
  EXPECT_EQ(opened->Read(0, out), 3u);
  while (host.Transmit(out, Us(10)) != 0) {
  }
  host.Transmit(out, Us(20));
  recorder_.Stop(Us(30));
  recorder_.End();

  EXPECT_EQ(Kinds(), "ROOBTTSE");
  EXPECT_EQ(calls_, 4u);
  EXPECT_EQ(last_.count, 2u);
  EXPECT_EQ(last_.hash, recorder_.hash());
  EXPECT_EQ(recorder_.frames_sent(), 2u);
  EXPECT_THAT(settings_, HasSubstr("mac=02:00:00:00:00:09\n"));
  EXPECT_THAT(settings_, HasSubstr("seed=11,12\n"));
  EXPECT_THAT(settings_, HasSubstr("profile=full,sack=off\n"));
  EXPECT_THAT(settings_, HasSubstr("dhcp=1\n"));
  EXPECT_TRUE(host.HasWork());
  EXPECT_FALSE(host.IsQuiet());
}

TEST_F(RecorderTest, HashesStandInBetweenAndAreOnTheDisk) {
  ASSERT_TRUE(recorder_.Open(file_.path(), host_, "full", Us(5)).ok());
  RecordingHost<FakeHost> host(fake_, recorder_);
  std::vector<uint8_t> out(100);
  for (uint32_t i = 0; i < 2 * Recorder::kCheckEvery; ++i) {
    host.Receive({}, Us(10 + i));
    host.Transmit(out, Us(10 + i));
  }
  // Without an end: as if the program had been killed.
  EXPECT_THAT(Kinds(), HasSubstr("H"));
}

TEST_F(RecorderTest, TheDiskMayFail) {
  EXPECT_THAT(std::string(recorder_.Open("/nowhere/x", host_, "full", Us(5)).message()),
              HasSubstr("--record"));
  Recorder full;
  EXPECT_FALSE(full.Open("/dev/full", host_, "full", Us(5)).ok());
  // What follows is no trouble.
  full.Receive({}, Us(6));
  full.End();
  EXPECT_FALSE(full.status().ok());
}

}  // namespace
}  // namespace aether::runtime
