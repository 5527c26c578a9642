// What is left of a capture is what shows the difference, and nothing else.
#include "replay/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "replay/capture_reader.h"
#include "replay/packet.h"
#include "replay/test_capture.h"

namespace aether::replay {
namespace {

using tcp_flags::kAck;
using tcp_flags::kFin;
using tcp_flags::kPsh;
using tcp_flags::kSyn;

class ShrinkTest : public ::testing::Test {
 protected:
  ReplayOptions Options() {
    ReplayOptions options;
    options.capture = capture_.path();
    options.shrink = out_.path();
    return options;
  }
  // As our own server answers: no difference.
  void Same(uint16_t port) {
    TestConnection one{.port = port};
    capture_.Client(one, kSyn);
    capture_.Server(one, kSyn | kAck);
    capture_.Client(one, kAck);
    capture_.Client(one, kFin | kAck);
    capture_.Server(one, kFin | kAck);
    capture_.Client(one, kAck);
  }
  uint64_t PacketsLeft() {
    auto reader = CaptureReader::Open(out_.path(), "");
    uint64_t packets = 0;
    while (reader && reader->Next()) ++packets;
    return packets;
  }

  TestCapture capture_;
  testing::TemporaryFile out_;
};

TEST_F(ShrinkTest, ToTheConnectionThatDiffers) {
  for (uint16_t port = 40000; port < 40008; ++port) Same(port);
  TestConnection other{.port = 41000};
  capture_.Open(other);
  capture_.Client(other, kAck | kPsh, kRequest);
  capture_.Server(other, kAck, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  capture_.Close(other);
  for (uint16_t port = 42000; port < 42008; ++port) Same(port);
  const auto shrunk = Shrink(Options(), {});
  ASSERT_TRUE(shrunk) << shrunk.error();
  EXPECT_EQ(shrunk->verdict.kind, Verdict::Kind::kDifference);
  EXPECT_GT(shrunk->packets_before, 90u);
  EXPECT_EQ(shrunk->packets, PacketsLeft());
  EXPECT_LE(shrunk->packets, 5u);
  EXPECT_GE(shrunk->packets, 2u);
}

// A replay that dies of the datagram in the middle.
std::expected<ReplayResult, std::string> DieOfDatagrams(const ReplayOptions& options) {
  auto reader = CaptureReader::Open(options.capture, "");
  while (const auto captured = reader->Next()) {
    if (ParsePacket(captured->frame).kind == Packet::Kind::kUdp) std::abort();
  }
  return ReplayResult{};
}

// And one that never ends.
std::expected<ReplayResult, std::string> WaitForDatagrams(const ReplayOptions& options) {
  auto reader = CaptureReader::Open(options.capture, "");
  while (const auto captured = reader->Next()) {
    volatile bool waits = ParsePacket(captured->frame).kind == Packet::Kind::kUdp;
    while (waits) {
    }
  }
  return ReplayResult{};
}

TEST_F(ShrinkTest, ToWhatItDiesOf) {
  for (uint16_t port = 40000; port < 40004; ++port) Same(port);
  capture_.Add(testing::BuildUdp({.payload = testing::ToFrame("deadly")}));
  for (uint16_t port = 42000; port < 42004; ++port) Same(port);
  const auto shrunk = Shrink(Options(), {.run = DieOfDatagrams});
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->verdict.kind, Verdict::Kind::kCrash);
  EXPECT_EQ(shrunk->packets, 1u);
  EXPECT_EQ(PacketsLeft(), 1u);
}

TEST_F(ShrinkTest, ToWhatNeverEnds) {
  capture_.Add(testing::BuildUdp({.payload = testing::ToFrame("endless")}));
  capture_.Add(testing::BuildIcmp({}));
  const auto shrunk = Shrink(Options(), {.try_seconds_max = 1, .run = WaitForDatagrams});
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->verdict.kind, Verdict::Kind::kHang);
  EXPECT_EQ(shrunk->packets, 1u);
}

TEST_F(ShrinkTest, NothingToBeSeen) {
  // A capture of datagrams has nothing that is compared.
  capture_.Add(testing::BuildUdp({.payload = testing::ToFrame("ping")}));
  const auto shrunk = Shrink(Options(), {});
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->verdict.kind, Verdict::Kind::kClean);
  EXPECT_EQ(PacketsLeft(), 0u);
}

TEST_F(ShrinkTest, TooLarge) {
  Same(40000);
  const auto shrunk = Shrink(Options(), {.capture_bytes_max = 100});
  ASSERT_FALSE(shrunk);
  EXPECT_THAT(shrunk.error(), ::testing::HasSubstr("--filter"));
}

TEST(Verdict, CoversTheWorstOnly) {
  using Kind = Verdict::Kind;
  EXPECT_TRUE((Verdict{Kind::kDifference, 0b0110}.Covers({Kind::kDifference, 0b1010})));
  EXPECT_FALSE((Verdict{Kind::kDifference, 0b1000}.Covers({Kind::kDifference, 0b1010})));
  EXPECT_FALSE((Verdict{Kind::kFailure, 0}.Covers({Kind::kCrash, 6})));
  EXPECT_FALSE((Verdict{Kind::kCrash, 11}.Covers({Kind::kCrash, 6})));
  EXPECT_TRUE((Verdict{Kind::kCrash, 6}.Covers({Kind::kCrash, 6})));
}

}  // namespace
}  // namespace aether::replay
