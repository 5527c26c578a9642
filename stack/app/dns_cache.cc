#include "stack/app/dns_cache.h"

#include <algorithm>
#include <array>

namespace aether::app {

// [RFC 1035 2.3.3] of the name in lower case. (No length octet is a letter.)
uint64_t DnsCache::Hash(const DnsName& name) const {
  std::array<uint8_t, DnsName::kWireSizeMax> lower;
  const Bytes wire = name.wire();
  std::ranges::transform(wire, lower.begin(), [](uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte | 0x20) : byte;
  });
  return SipHash24Bytes(key_, Bytes(lower).first(wire.size()));
}

const DnsCache::Entry* DnsCache::Find(const DnsName& name, Instant now) const {
  const uint64_t hash = Hash(name);
  for (const Entry& entry : entries_) {
    if (entry.hash == hash && entry.expires_at > now && entry.name == name) return &entry;
  }
  return nullptr;
}

void DnsCache::Put(const DnsName& name, Kind kind, const DnsAddresses& addresses,
                   Instant expires_at) {
  if (entries_.empty()) return;
  const uint64_t hash = Hash(name);
  auto place = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.hash == hash && entry.expires_at != Instant::min() && entry.name == name;
  });
  // What is over has the earliest time of all.
  if (place == entries_.end()) place = std::ranges::min_element(entries_, {}, &Entry::expires_at);
  *place = {
      .name = name, .hash = hash, .expires_at = expires_at, .kind = kind, .addresses = addresses};
}

uint32_t DnsCache::size(Instant now) const {
  return static_cast<uint32_t>(std::ranges::count_if(
      entries_, [now](const Entry& entry) { return entry.expires_at > now; }));
}

}  // namespace aether::app
