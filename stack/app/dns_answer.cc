#include "stack/app/dns_answer.h"

#include <algorithm>

namespace aether::app {
namespace {

// What the answer section says about one name: addresses, or else an alias.
std::optional<DnsName> LookFor(const DnsView& view, DnsReading& reading) {
  std::optional<DnsName> alias;
  uint32_t alias_ttl_s = 0;
  DnsRecord record;
  for (DnsRecordIterator records = view.records(DnsSection::kAnswer); records.Next(record);) {
    if (!(record.name == reading.name)) continue;
    if (const std::optional<Ipv4Address> address = record.Address()) {
      reading.addresses.Add(*address);
      reading.ttl_s = std::min(reading.ttl_s, record.ttl_s);
    } else if (record.type == DnsType::kCname && !alias) {
      // [RFC 1034 3.6.2] a name has one canonical name; of several the first is taken.
      alias = record.NameData();
      alias_ttl_s = record.ttl_s;
    }
  }
  if (reading.addresses.count > 0) return std::nullopt;
  if (alias) reading.ttl_s = std::min(reading.ttl_s, alias_ttl_s);
  return alias;
}

// [RFC 2308 section 5] the lesser of the SOA's own life and its minimum field.
std::optional<uint32_t> NegativeTtl(const DnsView& view) {
  DnsRecord record;
  for (DnsRecordIterator records = view.records(DnsSection::kAuthority); records.Next(record);) {
    if (const std::optional<DnsSoa> soa = record.Soa())
      return std::min(record.ttl_s, soa->minimum_s);
  }
  return std::nullopt;
}

}  // namespace

DnsReading ReadDnsAnswer(const DnsView& view, const DnsName& asked, uint32_t aliases_max) {
  DnsReading reading;
  reading.name = asked;
  const DnsResponseCode code = view.response_code();
  if (code != DnsResponseCode::kNoError && code != DnsResponseCode::kNameError) return reading;
  // [RFC 1034 5.2.2] aliases are followed; a loop is found by their number.
  while (const std::optional<DnsName> alias = LookFor(view, reading)) {
    if (reading.aliases == aliases_max) {
      reading.kind = DnsReading::Kind::kTooManyAliases;
      return reading;
    }
    ++reading.aliases;
    reading.name = *alias;
  }
  reading.negative_ttl_s = NegativeTtl(view);
  if (code == DnsResponseCode::kNameError) {
    // [RFC 2308 2.1] it is the name at the end of the chain that does not exist.
    reading.addresses = {};
    reading.kind = DnsReading::Kind::kNoName;
  } else if (reading.addresses.count > 0) {
    reading.kind = DnsReading::Kind::kAddresses;
  } else if (reading.aliases > 0 && !reading.negative_ttl_s) {
    // The server knew the alias and not where it leads.
    reading.kind = DnsReading::Kind::kAlias;
  } else {
    // [RFC 2308 2.2] no data: no error, and no answer.
    reading.kind = DnsReading::Kind::kNoData;
  }
  return reading;
}

}  // namespace aether::app
