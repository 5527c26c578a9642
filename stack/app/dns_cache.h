// What a resolver remembers: a bounded number of names with their addresses, or with the fact that
// they have none, each until its time is over (RFC 1035 3.2.1, RFC 2308 section 5). All memory is
// taken when it is made; a name more than fits takes the place of the one that would go first.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/app/dns_answer.h"
#include "stack/base/siphash.h"
#include "stack/base/time.h"
#include "stack/wire/dns_name.h"

namespace aether::app {

class DnsCache {
 public:
  enum class Kind : uint8_t { kAddresses, kNoName, kNoData };
  struct Entry {
    DnsName name;
    uint64_t hash = 0;
    Instant expires_at;  // the past: free
    Kind kind = Kind::kAddresses;
    DnsAddresses addresses;
  };

  DnsCache(uint32_t entries_max, SipKey key) : key_(key), entries_(entries_max) {
    for (Entry& entry : entries_) entry.expires_at = Instant::min();
  }

  // What is known and still true at `now`, or null; valid until Put.
  const Entry* Find(const DnsName& name, Instant now) const;
  void Put(const DnsName& name, Kind kind, const DnsAddresses& addresses, Instant expires_at);
  // Entries that are true at `now`.
  uint32_t size(Instant now) const;

 private:
  uint64_t Hash(const DnsName& name) const;

  const SipKey key_;
  std::vector<Entry> entries_;
};

}  // namespace aether::app
