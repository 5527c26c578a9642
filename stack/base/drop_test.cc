#include "stack/base/drop.h"

#include <gtest/gtest.h>

#include <set>

#include "stack/base/counters.h"

namespace aether {
namespace {

TEST(Drop, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names(kDropNames.begin(), kDropNames.end());
  EXPECT_EQ(names.size(), kDropCount);
  EXPECT_EQ(DropName(Drop::kNone), "none");
  EXPECT_EQ(DropName(Drop::kTcpBadChecksum), "tcp_bad_checksum");
}

TEST(Counters, AddSumsEveryMember) {
  Counters a, b;
  a.frames_in = 1;
  b.frames_in = 2;
  b.tcp_half_open_timeouts = 5;
  b.drops[DropIndex(Drop::kHttpBadLength)] = 3;
  a.Add(b);
  EXPECT_EQ(a.frames_in, 3u);
  EXPECT_EQ(a.tcp_half_open_timeouts, 5u);
  EXPECT_EQ(a.TotalDrops(), 3u);
}

}  // namespace
}  // namespace aether
