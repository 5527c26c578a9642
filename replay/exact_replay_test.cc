// Recordings made here, repeated: the same bytes, and every way in which they can be others.
#include "replay/exact_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/app/host.h"
#include "stack/device/recording.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/temporary_file.h"

namespace aether::replay {
namespace {

using device::RecordingEncoder;
using device::RecordKind;
using testing::Frame;
using ::testing::HasSubstr;

constexpr std::string_view kSettings =
    "mac=02:00:00:00:00:02\nmtu=1500\nseed=5,6\nprofile=full\nreassembly=128\ndhcp=0\n"
    "http_port=80\necho_port=7\noriginal_echo=0\ncontent=0\naddress=10.0.0.2/24\n";

class ExactReplayTest : public ::testing::Test {
 protected:
  // A host that is recorded as aether-run does it.
  void Make() {
    app::HostOptions options;
    options.stack.mac = testing::kOurMac;
    options.stack.seed = {5, 6};
    options.address = testing::kOurNetwork;
    const auto host = *app::Host::Create(options, now_);
    encoder_.Begin(kSettings, now_);
    Give(*host, {});
    Give(*host, testing::BuildArp({.target_mac = testing::kOurMac}));
    Give(*host,
         testing::BuildTcp({.flags = tcp_flags::kSyn, .options = testing::FullSynOptions()}));
    Give(*host, testing::BuildIcmp({.payload = testing::ToFrame("ping")}));
    encoder_.Check(RecordKind::kCheck, frames_, hash_);
    middle_ = encoder_.bytes().size();
    for (int i = 0; i < 5; ++i) {
      now_ += std::chrono::milliseconds(300);
      Give(*host, {});
    }
    encoder_.Stop(now_);
    host->Stop(now_);
    encoder_.Check(RecordKind::kEnd, frames_, hash_);
  }
  void Give(app::Host& host, const Frame& frame) {
    now_ += std::chrono::microseconds(10);
    const Bytes one = frame;
    const std::span<const Bytes> batch(&one, frame.empty() ? 0 : 1);
    encoder_.Receive(batch, now_);
    host.Receive(batch, now_);
    std::vector<uint8_t> out(host.stack().frame_size_max());
    uint64_t calls = 0;
    size_t size;
    do {
      size = host.Transmit(out, now_);
      ++calls;
      if (size == 0) break;
      ++frames_;
      hash_ = device::RecordingHash(hash_, now_, Bytes(out).first(size));
    } while (true);
    encoder_.Transmit(calls, now_);
  }
  std::expected<ReplayResult, std::string> Play(const std::vector<uint8_t>& bytes) {
    file_.Write(bytes);
    return RunExactReplay({.path = file_.path(), .out = nullptr, .pace = nullptr});
  }

  testing::TemporaryFile file_{".rec"};
  RecordingEncoder encoder_;
  Instant now_{std::chrono::seconds(100)};
  uint64_t frames_ = 0;
  uint64_t hash_ = 0;
  size_t middle_ = 0;
};

TEST_F(ExactReplayTest, TheSameBytes) {
  Make();
  ASSERT_GE(frames_, 4u);  // the announcement, SYN-ACK, its repetition, and the echo
  const auto result = Play(encoder_.bytes());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->trace_hash, hash_);
  EXPECT_EQ(result->frames_out, frames_);
  EXPECT_EQ(result->frames_in, 3u);
  EXPECT_THAT(result->exact, HasSubstr("to the last bit"));
  EXPECT_FALSE(result->HasFailure());
}

TEST_F(ExactReplayTest, AnotherSeedIsSeen) {
  Make();
  std::string text(encoder_.bytes().begin(), encoder_.bytes().end());
  text.replace(text.find("seed=5"), 6, "seed=7");
  const auto result = Play({text.begin(), text.end()});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->HasFailure());
  EXPECT_THAT(result->exact, HasSubstr("something else"));
}

TEST_F(ExactReplayTest, AnotherFrameIsSeen) {
  Make();
  std::vector<uint8_t> bytes = encoder_.bytes();
  std::string text(bytes.begin(), bytes.end());
  bytes[text.find("ping")] ^= 1;
  const auto result = Play(bytes);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->exact_differs);
}

TEST_F(ExactReplayTest, AtEveryCutItIsTheSameSoFar) {
  Make();
  const std::vector<uint8_t>& bytes = encoder_.bytes();
  // Of every length modulo all that matters.
  for (size_t size = 0; size < bytes.size(); size += 7) {
    const auto result = Play({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    if (!result) {
      EXPECT_LT(size, kSettings.size() + 20);
      continue;
    }
    EXPECT_FALSE(result->HasFailure()) << size;
    EXPECT_THAT(result->damage, HasSubstr("breaks off"));
    if (size >= middle_) {
      EXPECT_THAT(result->exact, ::testing::Not(HasSubstr("The same 0 frames")));
    }
  }
}

TEST_F(ExactReplayTest, DamageIsNoCrash) {
  Make();
  for (size_t i = 0; i < encoder_.bytes().size(); i += 5) {
    std::vector<uint8_t> bytes = encoder_.bytes();
    bytes[i] ^= 0x10;
    [[maybe_unused]] const auto result = Play(bytes);
  }
}

TEST_F(ExactReplayTest, WhatIsNoRecording) {
  EXPECT_THAT(Play({1, 2, 3}).error(), HasSubstr("is no recording"));
  EXPECT_THAT(Play({}).error(), HasSubstr("is no recording"));
  encoder_.Begin("mac=none\n", now_);
  EXPECT_THAT(Play(encoder_.bytes()).error(), HasSubstr("does not say how its host was made"));
}

}  // namespace
}  // namespace aether::replay
