#include "stack/app/dns_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace aether::app {
namespace {

using std::chrono::seconds;
using Kind = DnsCache::Kind;

constexpr Instant kStart{seconds(100)};

DnsName NameOf(std::string_view text) { return DnsName::FromText(text).value(); }
DnsAddresses One(uint8_t last) {
  DnsAddresses addresses;
  addresses.Add(Ipv4Address::Of(10, 0, 0, last));
  return addresses;
}

TEST(DnsCacheTest, KeepsUntilItsTime) {
  DnsCache cache(4, {1, 2});
  cache.Put(NameOf("a.example"), Kind::kAddresses, One(1), kStart + seconds(10));
  ASSERT_NE(cache.Find(NameOf("A.Example"), kStart + seconds(9)), nullptr);
  EXPECT_EQ(cache.Find(NameOf("a.example"), kStart)->addresses, One(1));
  EXPECT_EQ(cache.Find(NameOf("b.example"), kStart), nullptr);
  EXPECT_EQ(cache.Find(NameOf("a.example"), kStart + seconds(10)), nullptr);
  EXPECT_EQ(cache.size(kStart + seconds(10)), 0u);
}

TEST(DnsCacheTest, ANameHasOneEntry) {
  DnsCache cache(4, {1, 2});
  cache.Put(NameOf("a.example"), Kind::kNoName, {}, kStart + seconds(10));
  cache.Put(NameOf("A.example"), Kind::kAddresses, One(2), kStart + seconds(20));
  EXPECT_EQ(cache.size(kStart), 1u);
  EXPECT_EQ(cache.Find(NameOf("a.example"), kStart)->kind, Kind::kAddresses);
}

TEST(DnsCacheTest, AtTheLimitTheOneThatEndsFirstGoes) {
  DnsCache cache(3, {1, 2});
  const int ends[] = {30, 10, 20};
  for (int i = 0; i < 3; ++i) {
    cache.Put(NameOf("n" + std::to_string(i)), Kind::kAddresses, One(1), kStart + seconds(ends[i]));
  }
  EXPECT_EQ(cache.size(kStart), 3u);
  cache.Put(NameOf("new"), Kind::kAddresses, One(2), kStart + seconds(5));
  EXPECT_EQ(cache.size(kStart), 3u);
  EXPECT_EQ(cache.Find(NameOf("n1"), kStart), nullptr);
  EXPECT_NE(cache.Find(NameOf("n0"), kStart), nullptr);
  EXPECT_NE(cache.Find(NameOf("new"), kStart), nullptr);
  DnsCache none(0, {1, 2});
  none.Put(NameOf("a"), Kind::kAddresses, One(1), kStart + seconds(5));
  EXPECT_EQ(none.Find(NameOf("a"), kStart), nullptr);
}

}  // namespace
}  // namespace aether::app
