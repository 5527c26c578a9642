// What a DNS answer says about the addresses of a name: the chain of aliases walked, bounded, and
// the kinds of "no" told apart (RFC 1034 3.6.2, RFC 2308). It judges the contents alone; whether
// the message is to be believed at all is the resolver's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "stack/wire/address.h"
#include "stack/wire/dns.h"
#include "stack/wire/dns_name.h"

namespace aether::app {

// The first few addresses of a name, in the order of the answer.
struct DnsAddresses {
  static constexpr size_t kMax = 8;
  std::array<Ipv4Address, kMax> list{};
  uint8_t count = 0;

  std::span<const Ipv4Address> all() const { return std::span(list).first(count); }
  void Add(Ipv4Address address) {
    if (count < kMax) list[count++] = address;
  }
  bool operator==(const DnsAddresses&) const = default;
};

struct DnsReading {
  enum class Kind : uint8_t {
    kAddresses,
    kNoName,          // NXDOMAIN
    kNoData,          // the name exists, without an address
    kAlias,           // the chain leads to `name`, about which nothing is said
    kTooManyAliases,  // a loop, or a chain that is longer than is followed
    kServerFailure,   // the server cannot or will not say
  };
  Kind kind = Kind::kServerFailure;
  DnsAddresses addresses;
  DnsName name;          // at the end of the chain
  uint32_t aliases = 0;  // followed to get there
  // The shortest life of what was used: aliases and addresses. UINT32_MAX when nothing was.
  uint32_t ttl_s = UINT32_MAX;
  // [RFC 2308 section 5] how long a "no" may be kept; nothing without an SOA record.
  std::optional<uint32_t> negative_ttl_s;
};

// `view` is a response about `asked`. Looks at each answer record at most aliases_max + 2 times.
DnsReading ReadDnsAnswer(const DnsView& view, const DnsName& asked, uint32_t aliases_max);

}  // namespace aether::app
