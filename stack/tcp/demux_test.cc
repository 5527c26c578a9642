#include "stack/tcp/demux.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "stack/base/random.h"

namespace aether::tcp {
namespace {

FlowKey Flow(uint32_t n) {
  return {{0x0a000001u + n / 50000}, {0x0a000002u}, static_cast<uint16_t>(1024 + n % 50000), 80};
}

TEST(Demux, FindsWhatWasInsertedAndNothingElse) {
  Demux demux(8, {1, 2});
  const uint32_t hash = demux.Hash(Flow(1));
  EXPECT_EQ(demux.Find(hash, [](uint32_t) { return true; }), kNoIndex);
  demux.Insert(hash, 5);
  EXPECT_EQ(demux.Find(hash, [](uint32_t value) { return value == 5; }), 5u);
  EXPECT_EQ(demux.Find(hash, [](uint32_t) { return false; }), kNoIndex);
  EXPECT_EQ(demux.Guess(hash), 5u);
  demux.Replace(hash, 5, 9 | Demux::kTimeWaitBit);
  EXPECT_EQ(demux.Find(hash, [](uint32_t value) { return value == (9 | Demux::kTimeWaitBit); }),
            9 | Demux::kTimeWaitBit);
  demux.Erase(hash, 9 | Demux::kTimeWaitBit);
  EXPECT_EQ(demux.size(), 0u);
  EXPECT_EQ(demux.Guess(hash), kNoIndex);
}

TEST(DemuxDeathTest, HoldsNoMoreThanItWasMadeFor) {
  Demux demux(2, {1, 2});
  demux.Insert(1, 1);
  demux.Insert(1, 2);
  EXPECT_DEATH(demux.Insert(1, 3), "check failed");
}

TEST(Demux, HashDependsOnKeyAndOnEveryField) {
  Demux a(2, {1, 2}), b(2, {1, 3});
  const FlowKey flow = Flow(7);
  EXPECT_NE(a.Hash(flow), b.Hash(flow));
  for (int field = 0; field < 4; ++field) {
    FlowKey other = flow;
    if (field == 0) other.remote.value ^= 1;
    if (field == 1) other.local.value ^= 1;
    if (field == 2) other.remote_port ^= 1;
    if (field == 3) other.local_port ^= 1;
    EXPECT_NE(a.Hash(flow), a.Hash(other)) << "field " << field;
  }
}

// Crowded clusters, with equal hashes among them, against a map.
TEST(Demux, AgreesWithAMapWhileClustersComeAndGo) {
  Random random({3, 4});
  Demux demux(400, {5, 6});
  std::map<uint32_t, uint32_t> hash_of;  // by value
  for (int step = 0; step < 200000; ++step) {
    const uint32_t value = random.Below(1000);
    const auto known = hash_of.find(value);
    if (known != hash_of.end()) {
      const auto matches = [value](uint32_t found) { return found == value; };
      ASSERT_EQ(demux.Find(known->second, matches), value);
      demux.Erase(known->second, value);
      ASSERT_EQ(demux.Find(known->second, matches), kNoIndex);
      hash_of.erase(known);
    } else if (hash_of.size() < 400) {
      // Few different hashes near the end of the table: long clusters that wrap around.
      const uint32_t hash = 0xffffffe0u + random.Below(64);
      demux.Insert(hash, value);
      hash_of[value] = hash;
    }
    ASSERT_EQ(demux.size(), hash_of.size());
  }
  for (const auto& [value, hash] : hash_of) {
    ASSERT_EQ(demux.Find(hash, [v = value](uint32_t found) { return found == v; }), value);
  }
}

}  // namespace
}  // namespace aether::tcp
