// What Tap::Open says when the world is wrong, as far as that can be had without rights. The rest
// is in tap_live_test.cc.
#include "stack/runtime/tap.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "stack/device/device.h"
#include "stack/runtime/link_state.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;

static_assert(device::Device<Tap>);

TEST(TapTest, MissingDeviceNode) {
  const absl::StatusOr<Tap> tap = Tap::Open({.name = "aether0", .node = "/dev/net/no-such-node"});
  EXPECT_EQ(tap.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(tap.status().message(), HasSubstr("/dev/net/no-such-node is missing"));
  EXPECT_THAT(tap.status().message(), HasSubstr("modprobe tun"));
}

TEST(TapTest, NodeThatIsAnotherDevice) {
  const absl::StatusOr<Tap> tap = Tap::Open({.name = "aether0", .node = "/dev/null"});
  EXPECT_EQ(tap.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(tap.status().message(), HasSubstr("/dev/null is not the TUN/TAP device node"));
}

TEST(TapTest, NodeWithoutPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may open everything";
  const std::string node = ::testing::TempDir() + "aether_node_" + std::to_string(::getpid());
  const FileDescriptor file(::open(node.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0));
  const absl::StatusOr<Tap> tap = Tap::Open({.name = "aether0", .node = node});
  ::unlink(node.c_str());
  EXPECT_EQ(tap.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(tap.status().message(), HasSubstr("run as root"));
}

TEST(TapTest, NamesThatAreNone) {
  for (const char* name :
       {"", ".", "..", "a b", "a/b", "a:b", "tap%d", "a\n", "sixteen-letters-", "\x80"}) {
    const absl::StatusOr<Tap> tap = Tap::Open({.name = name});
    EXPECT_EQ(tap.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(tap.status().message(), HasSubstr("cannot name a TAP")) << name;
  }
}

TEST(TapTest, LinkStateOfWhatIsNotThere) {
  EXPECT_EQ(ReadLinkState("no-such-link").status().code(), absl::StatusCode::kNotFound);
  const absl::StatusOr<LinkState> loopback = ReadLinkState("lo");
  ASSERT_TRUE(loopback.ok());
  EXPECT_GE(loopback->mtu_bytes, 1500u);
}

}  // namespace
}  // namespace aether::runtime
