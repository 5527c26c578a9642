// A TAP as the kernel gives it: frames both ways, a link that is down, a device that is busy, of
// the wrong kind, or deleted.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <vector>

#include "stack/runtime/link_state.h"
#include "stack/runtime/private_network.h"
#include "stack/runtime/tap.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;

constexpr uint16_t kTestEtherType = 0x88b5;  // IEEE 802 local experimental

class TapLiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EnterPrivateNetwork()) GTEST_SKIP() << "needs root and /dev/net/tun";
  }

  // A device that stays until DeleteDevice, as an operator would have made it.
  static void MakeDevice(const char* name, int flags) {
    const FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(flags | IFF_NO_PI);
    ASSERT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0);
    ASSERT_EQ(::ioctl(fd.get(), TUNSETPERSIST, 1ul), 0);
  }
  static void SetUpFlag(const char* name, bool up) {
    const FileDescriptor control(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    ASSERT_EQ(::ioctl(control.get(), SIOCGIFFLAGS, &request), 0);
    request.ifr_flags =
        static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    ASSERT_EQ(::ioctl(control.get(), SIOCSIFFLAGS, &request), 0);
  }
  static void DeleteDevice(const char* name) {
    const std::string command = std::string("ip link delete ") + name;
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  static FileDescriptor PacketSocket(const char* name) {
    FileDescriptor fd(::socket(AF_PACKET, SOCK_RAW, htons(kTestEtherType)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kTestEtherType);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(name));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static std::vector<uint8_t> TestFrame(size_t size) {
    std::vector<uint8_t> frame(size, 0x5a);
    std::fill_n(frame.begin(), 6, uint8_t{0xff});
    frame[6] = 0x02;
    StoreBe<uint16_t>(&frame[12], kTestEtherType);
    return frame;
  }
};

TEST_F(TapLiveTest, CreatesBringsUpAndRemoves) {
  {
    absl::StatusOr<Tap> tap = Tap::Open({.name = "made0"});
    ASSERT_TRUE(tap.ok()) << tap.status();
    EXPECT_TRUE(tap->created());
    EXPECT_TRUE(ReadLinkState("made0")->up);
    EXPECT_EQ(ReadLinkState("made0")->mtu_bytes, 1500u);
  }
  EXPECT_EQ(::if_nametoindex("made0"), 0u);
}

TEST_F(TapLiveTest, LeavesAnExistingDeviceAsItIs) {
  MakeDevice("old0", IFF_TAP);
  {
    absl::StatusOr<Tap> tap = Tap::Open({.name = "old0"});
    ASSERT_TRUE(tap.ok()) << tap.status();
    EXPECT_FALSE(tap->created());
    EXPECT_FALSE(ReadLinkState("old0")->up);
  }
  EXPECT_NE(::if_nametoindex("old0"), 0u);
  DeleteDevice("old0");
}

TEST_F(TapLiveTest, FramesGoBothWays) {
  absl::StatusOr<Tap> tap = Tap::Open({.name = "both0"});
  ASSERT_TRUE(tap.ok());
  const FileDescriptor socket = PacketSocket("both0");
  std::array<uint8_t, 2048> buffer;

  const std::vector<uint8_t> out = TestFrame(1514);
  ASSERT_TRUE(tap->Send(out));
  ASSERT_EQ(::recv(socket.get(), buffer.data(), buffer.size(), 0),
            static_cast<ssize_t>(out.size()));
  EXPECT_TRUE(std::equal(out.begin(), out.end(), buffer.begin()));

  const std::vector<uint8_t> in = TestFrame(77);
  ASSERT_EQ(::send(socket.get(), in.data(), in.size(), 0), static_cast<ssize_t>(in.size()));
  size_t size = 0;
  for (int i = 0; i < 1000 && (size = tap->Receive(buffer)) != in.size(); ++i) ::usleep(100);
  ASSERT_EQ(size, in.size());
  EXPECT_TRUE(std::equal(in.begin(), in.end(), buffer.begin()));
  while (tap->Receive(buffer) != 0) {
  }
  EXPECT_EQ(tap->failures().reads, 0u);
}

TEST_F(TapLiveTest, LinkDownIsCountedAndSurvived) {
  absl::StatusOr<Tap> tap = Tap::Open({.name = "down0"});
  ASSERT_TRUE(tap.ok());
  SetUpFlag("down0", false);
  EXPECT_TRUE(tap->Send(TestFrame(60)));
  EXPECT_EQ(tap->failures().writes, 1u);
  std::array<uint8_t, 2048> buffer;
  EXPECT_EQ(tap->Receive(buffer), 0u);
  EXPECT_FALSE(tap->gone());
  SetUpFlag("down0", true);
  EXPECT_TRUE(tap->Send(TestFrame(60)));
  EXPECT_EQ(tap->failures().writes, 1u);
}

TEST_F(TapLiveTest, DeletedDeviceIsGone) {
  absl::StatusOr<Tap> tap = Tap::Open({.name = "gone0"});
  ASSERT_TRUE(tap.ok());
  DeleteDevice("gone0");
  pollfd poll{tap->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 1000), 1);  // a blocked loop wakes
  std::array<uint8_t, 2048> buffer;
  EXPECT_EQ(tap->Receive(buffer), 0u);
  EXPECT_TRUE(tap->gone());
  EXPECT_TRUE(tap->Send(TestFrame(60)));
}

TEST_F(TapLiveTest, BusyDevice) {
  absl::StatusOr<Tap> first = Tap::Open({.name = "busy0"});
  ASSERT_TRUE(first.ok());
  const absl::StatusOr<Tap> second = Tap::Open({.name = "busy0"});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("TAP busy0 is busy"));
}

TEST_F(TapLiveTest, BusyDeviceWithSeveralQueues) {
  absl::StatusOr<std::vector<Tap>> first = OpenTapQueues({.name = "busy1"}, 2);
  ASSERT_TRUE(first.ok());
  const absl::StatusOr<std::vector<Tap>> second = OpenTapQueues({.name = "busy1"}, 2);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  const absl::StatusOr<std::vector<Tap>> third = OpenTapQueues({.name = "busy1"}, 1);
  EXPECT_EQ(third.status().code(), absl::StatusCode::kUnavailable);
  // Who came first is not disturbed.
  EXPECT_TRUE(ReadLinkState("busy1")->up);
}

TEST_F(TapLiveTest, ExistsButIsATun) {
  MakeDevice("tun0", IFF_TUN);
  const absl::StatusOr<Tap> tap = Tap::Open({.name = "tun0"});
  EXPECT_EQ(tap.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(tap.status().message(), HasSubstr("is no TAP device (it is a TUN)"));
  DeleteDevice("tun0");
}

TEST_F(TapLiveTest, ExistsButIsNoTapAtAll) {
  const absl::StatusOr<Tap> tap = Tap::Open({.name = "lo"});
  EXPECT_EQ(tap.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(tap.status().message(), HasSubstr("lo exists but is no TAP device"));
}

TEST_F(TapLiveTest, SingleQueueDeviceRefusesSeveral) {
  MakeDevice("one0", IFF_TAP);
  const absl::StatusOr<std::vector<Tap>> queues = OpenTapQueues({.name = "one0"}, 2);
  EXPECT_EQ(queues.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(queues.status().message(), HasSubstr("with a single queue"));
  DeleteDevice("one0");
}

TEST_F(TapLiveTest, DeviceForSeveralQueuesServesOne) {
  MakeDevice("many0", IFF_TAP | IFF_MULTI_QUEUE);
  {
    const absl::StatusOr<std::vector<Tap>> queues = OpenTapQueues({.name = "many0"}, 1);
    ASSERT_TRUE(queues.ok()) << queues.status();
    EXPECT_EQ(queues->size(), 1u);
  }
  DeleteDevice("many0");
}

}  // namespace
}  // namespace aether::runtime
