// The kernel and SteerFrame agree on every frame: thousands of random ones are sent through a
// multi-queue TAP and must come out at the queue that the function names.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <vector>

#include "stack/base/random.h"
#include "stack/runtime/private_network.h"
#include "stack/runtime/steering.h"
#include "stack/runtime/tap.h"

namespace aether::runtime {
namespace {

class SteeringLiveTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kQueues = 4;

  void SetUp() override {
    if (!EnterPrivateNetwork()) GTEST_SKIP() << "needs root and /dev/net/tun";
    absl::StatusOr<std::vector<Tap>> queues = OpenTapQueues({.name = "steer0"}, kQueues);
    ASSERT_TRUE(queues.ok()) << queues.status();
    queues_ = *std::move(queues);
    sender_ = FileDescriptor(::socket(AF_PACKET, SOCK_RAW, 0));
    ASSERT_TRUE(sender_.IsOpen());
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(::if_nametoindex("steer0"));
  }

  void Send(const std::vector<uint8_t>& frame) {
    ASSERT_EQ(::sendto(sender_.get(), frame.data(), frame.size(), 0,
                       reinterpret_cast<sockaddr*>(&to_), sizeof to_),
              static_cast<ssize_t>(frame.size()));
  }

  // The queue at which `frame` came out, or kQueues. What the kernel sends of its own accord is
  // passed over; and while it does, on another CPU, it may be that CPU that sends ours, a little
  // later.
  uint32_t QueueOf(const std::vector<uint8_t>& frame) {
    std::array<uint8_t, 2048> buffer;
    uint32_t found = kQueues;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (found == kQueues && std::chrono::steady_clock::now() < deadline) {
      for (uint32_t i = 0; i < kQueues; ++i) {
        while (const size_t size = queues_[i].Receive(buffer)) {
          if (std::equal(frame.begin(), frame.end(), buffer.begin(),
                         buffer.begin() + static_cast<ptrdiff_t>(size)))
            found = i;
        }
      }
    }
    return found;
  }

  std::vector<Tap> queues_;
  FileDescriptor sender_;
  sockaddr_ll to_{};
};

// Mostly TCP and UDP in all their shapes, some fragments, other protocols, other types, cut frames.
std::vector<uint8_t> RandomFrame(Random& random) {
  std::vector<uint8_t> frame(60 + random.Below(100));
  for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random.Next32());
  frame[0] = 0x02;
  StoreBe<uint16_t>(&frame[12], random.Below(20) == 0 ? 0x0806 : 0x0800);
  frame[14] =
      static_cast<uint8_t>(random.Below(20) == 0 ? random.Next32() : 0x45 + random.Below(11));
  // Whole, first, later and last fragments, with and without "don't fragment".
  constexpr std::array<uint16_t, 8> kFragmentWords = {0,      0x4000, 0x4000, 0x4000,
                                                      0x2000, 0x6000, 0x0001, 0x3fff};
  StoreBe(&frame[20], kFragmentWords[random.Below(8)]);
  constexpr std::array<uint8_t, 8> kProtocols = {6, 6, 6, 17, 17, 1, 1, 2};
  frame[23] = kProtocols[random.Below(8)];
  const size_t ports = 14 + size_t{frame[14]} % 16 * 4;
  if (ports + 4 <= frame.size() && random.Below(10) == 0) StoreBe<uint16_t>(&frame[ports + 2], 68);
  if (frame[23] == 1 && ports + 28 <= frame.size()) {
    // An ICMP error more often than not, and what it quotes.
    constexpr std::array<uint8_t, 8> kTypes = {3, 3, 4, 5, 11, 12, 8, 35};
    frame[ports] = kTypes[random.Below(8)];
    frame[ports + 8] = static_cast<uint8_t>(0x45 + random.Below(3));
    StoreBe(&frame[ports + 14], kFragmentWords[random.Below(8)]);
    if (random.Below(4) != 0) frame[ports + 17] = 6;
  }
  if (random.Below(10) == 0) frame.resize(14 + random.Below(60));
  return frame;
}

TEST_F(SteeringLiveTest, KernelAndFunctionAgree) {
  Random random(Seed{1, 2});
  std::array<int, kQueues> frames{};
  for (int round = 0; round < 4; ++round) {
    const SteeringKey key{random.Next64(), random.Next64()};
    ASSERT_TRUE(AttachSteering(queues_[0].fd(), key, kQueues).ok());
    for (int i = 0; i < 5000; ++i) {
      const std::vector<uint8_t> frame = RandomFrame(random);
      Send(frame);
      const uint32_t queue = QueueOf(frame);
      ASSERT_EQ(queue, SteerFrame(key, kQueues, frame)) << "frame " << i;
      ++frames[queue];
    }
  }
  for (const int count : frames) EXPECT_GT(count, 1000);
}

TEST_F(SteeringLiveTest, LengthsUpToTheMtuAgree) {
  const SteeringKey key{7, 9};
  ASSERT_TRUE(AttachSteering(queues_[0].fd(), key, kQueues).ok());
  Random random(Seed{3, 4});
  for (size_t size = 14; size <= 1514; ++size) {
    std::vector<uint8_t> frame = RandomFrame(random);
    frame.resize(size);
    Send(frame);
    ASSERT_EQ(QueueOf(frame), SteerFrame(key, kQueues, frame)) << size;
  }
}

}  // namespace
}  // namespace aether::runtime
