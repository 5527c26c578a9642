// Captures of every form that is read, cut at every byte, damaged at random, and refused.
#include "replay/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <vector>

#include "stack/base/random.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/temporary_file.h"

namespace aether::replay {
namespace {

using testing::Frame;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFile;

void Word(Frame& file, uint32_t word) {
  for (int shift = 0; shift < 32; shift += 8) file.push_back(static_cast<uint8_t>(word >> shift));
}

Frame Header(uint32_t magic, uint32_t link_type) {
  Frame file;
  for (uint32_t word : {magic, 0x00040002u, 0u, 0u, 262144u, link_type}) Word(file, word);
  return file;
}
constexpr uint32_t kMicro = 0xa1b2c3d4;
constexpr uint32_t kNano = 0xa1b23c4d;

void Record(Frame& file, uint32_t seconds, uint32_t fraction, const Frame& packet,
            uint32_t wire_bytes = 0) {
  for (uint32_t word : {seconds, fraction, static_cast<uint32_t>(packet.size()),
                        wire_bytes != 0 ? wire_bytes : static_cast<uint32_t>(packet.size())})
    Word(file, word);
  file.insert(file.end(), packet.begin(), packet.end());
}

Frame Udp() { return testing::BuildUdp({.payload = testing::ToFrame("hello")}); }
Frame UdpPacket() {
  const Frame frame = Udp();
  return {frame.begin() + 14, frame.end()};
}

class CaptureReaderTest : public ::testing::Test {
 protected:
  // All frames of a file; error() of the reader in error_.
  std::vector<Frame> ReadAll(const Frame& contents, const std::string& filter = "") {
    file_.Write(contents);
    std::vector<Frame> frames;
    auto reader = CaptureReader::Open(file_.path(), filter);
    if (!reader) {
      error_ = reader.error();
      return frames;
    }
    while (const auto captured = reader->Next()) {
      frames.emplace_back(captured->frame.begin(), captured->frame.end());
      times_.push_back(captured->at.time_since_epoch().count());
      cut_.push_back(captured->cut_bytes);
    }
    error_ = reader->error();
    filtered_ = reader->filtered();
    unreadable_ = reader->unreadable();
    out_of_order_ = reader->out_of_order();
    return frames;
  }

  TemporaryFile file_;
  std::string error_;
  std::vector<int64_t> times_;
  std::vector<uint32_t> cut_;
  uint64_t filtered_ = 0;
  uint64_t unreadable_ = 0;
  uint64_t out_of_order_ = 0;
};

TEST_F(CaptureReaderTest, MicroAndNanoseconds) {
  Frame micro = Header(kMicro, DLT_EN10MB);
  Record(micro, 5, 7, Udp());
  ASSERT_EQ(ReadAll(micro).size(), 1u);
  Frame nano = Header(kNano, DLT_EN10MB);
  Record(nano, 5, 7, Udp());
  ASSERT_EQ(ReadAll(nano).size(), 1u);
  EXPECT_EQ(times_, (std::vector<int64_t>{5'000'007'000, 5'000'000'007}));
  EXPECT_THAT(error_, IsEmpty());
}

TEST_F(CaptureReaderTest, RawIp) {
  for (const uint32_t type : {101u, 228u}) {  // LINKTYPE_RAW, LINKTYPE_IPV4
    Frame file = Header(kMicro, type);
    Record(file, 5, 7, UdpPacket());
    const std::vector<Frame> frames = ReadAll(file);
    ASSERT_EQ(frames.size(), 1u) << type;
    EXPECT_EQ(Frame(frames[0].begin() + 14, frames[0].end()), UdpPacket());
    EXPECT_EQ(frames[0][12], 8);
    EXPECT_EQ(frames[0][13], 0);
  }
}

TEST_F(CaptureReaderTest, LinuxCooked) {
  Frame v1 = Header(kMicro, DLT_LINUX_SLL);
  Frame packet(16);
  packet[14] = 8;
  const Frame ip = UdpPacket();
  packet.insert(packet.end(), ip.begin(), ip.end());
  Record(v1, 5, 7, packet);
  Frame v2 = Header(kMicro, DLT_LINUX_SLL2);
  packet = Frame(20);
  packet[0] = 8;
  packet.insert(packet.end(), ip.begin(), ip.end());
  Record(v2, 5, 7, packet);
  for (const Frame& file : {v1, v2}) {
    const std::vector<Frame> frames = ReadAll(file);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(Frame(frames[0].begin() + 14, frames[0].end()), ip);
  }
}

TEST_F(CaptureReaderTest, Pcapng) {
  Frame file;
  for (uint32_t word : {0x0a0d0d0au, 28u, 0x1a2b3c4du, 0x00000001u, 0xffffffffu, 0xffffffffu, 28u,
                        1u, 20u, 1u, 65535u, 20u})
    Word(file, word);
  const Frame frame = testing::Padded(Udp(), 64);
  for (uint32_t word : {6u, 32u + 64u, 0u, 0u, 7u, 64u, 64u}) Word(file, word);
  file.insert(file.end(), frame.begin(), frame.end());
  Word(file, 32u + 64u);
  const std::vector<Frame> frames = ReadAll(file);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0], frame);
  EXPECT_EQ(times_[0], 7000);
}

TEST_F(CaptureReaderTest, VlanTagsAreTakenOut) {
  Frame tagged = Udp();
  const Frame tag = {0x81, 0x00, 0x00, 0x05};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  Frame file = Header(kMicro, DLT_EN10MB);
  Record(file, 5, 7, tagged);
  EXPECT_EQ(ReadAll(file), std::vector<Frame>{Udp()});
}

TEST_F(CaptureReaderTest, TimesDoNotGoBack) {
  Frame file = Header(kMicro, DLT_EN10MB);
  Record(file, 5, 0, Udp());
  Record(file, 4, 0, Udp());
  ReadAll(file);
  EXPECT_EQ(times_, (std::vector<int64_t>{5'000'000'000, 5'000'000'000}));
  EXPECT_EQ(out_of_order_, 1u);
}

TEST_F(CaptureReaderTest, Filters) {
  Frame file = Header(kMicro, DLT_EN10MB);
  Record(file, 5, 0, Udp());
  Record(file, 5, 1, testing::BuildTcp({}));
  EXPECT_EQ(ReadAll(file, "udp port 7").size(), 1u);
  EXPECT_EQ(filtered_, 1u);
  ReadAll(file, "no such thing");
  EXPECT_THAT(error_, HasSubstr("is no filter expression"));
}

TEST_F(CaptureReaderTest, WhatIsNoFrameIsCounted) {
  Frame file = Header(kMicro, DLT_EN10MB);
  Record(file, 5, 0, Frame(13));
  Record(file, 5, 0, Udp(), 1500);
  EXPECT_EQ(ReadAll(file).size(), 1u);
  EXPECT_EQ(unreadable_, 1u);
  EXPECT_EQ(cut_[0], 1500 - Udp().size());
}

TEST_F(CaptureReaderTest, EveryCutEndsInASentence) {
  Frame file = Header(kMicro, DLT_EN10MB);
  Record(file, 5, 0, Udp());
  Record(file, 5, 1, Udp());
  const size_t first = 24 + 16 + Udp().size();
  for (size_t size = 0; size < file.size(); ++size) {
    error_.clear();
    const std::vector<Frame> frames =
        ReadAll(Frame(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
    if (size == 24 || size == first) continue;
    EXPECT_FALSE(error_.empty()) << size;
    EXPECT_EQ(error_.find('\n'), std::string::npos);
    EXPECT_EQ(frames.size(), size >= first ? 1u : 0u) << size;
  }
}

TEST_F(CaptureReaderTest, DamageIsBounded) {
  Frame good = Header(kMicro, DLT_EN10MB);
  for (int i = 0; i < 5; ++i) Record(good, 5, 0, Udp());
  Random random(Seed{3, 4});
  for (int round = 0; round < 500; ++round) {
    Frame file = good;
    for (int i = 0; i < 4; ++i)
      file[random.Below(static_cast<uint32_t>(file.size()))] =
          static_cast<uint8_t>(random.Next32());
    EXPECT_LE(ReadAll(file).size(), 5u);
  }
}

TEST_F(CaptureReaderTest, OtherLinkTypesAreRefused) {
  EXPECT_THAT(ReadAll(Header(kMicro, 105)), IsEmpty());  // wireless
  EXPECT_THAT(error_, HasSubstr("has the link type"));
  EXPECT_FALSE(CaptureReader::Open("", ""));
  EXPECT_FALSE(CaptureReader::Open("/nowhere/at.pcap", ""));
}

}  // namespace
}  // namespace aether::replay
