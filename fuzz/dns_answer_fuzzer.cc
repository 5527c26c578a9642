// What a DNS answer says of a name (RFC 1034 3.6.2, RFC 2308). The first byte of the input is how
// many aliases are followed, the rest is the message; the name is that of its question.
#include <algorithm>
#include <optional>

#include "fuzz/stateful/dns_reading.h"
#include "fuzz/target.h"
#include "stack/app/dns_answer.h"
#include "stack/wire/dns.h"

namespace aether::fuzz {
namespace {

using app::DnsReading;
using NaiveKind = NaiveDnsReading::Kind;

constexpr size_t kInputBytesMax = 320;
constexpr size_t kAliasesMax = 4;

bool SameKind(const DnsReading& reading, NaiveKind naive) {
  switch (reading.kind) {
    case DnsReading::Kind::kAddresses:
      return naive == NaiveKind::kAddresses;
    case DnsReading::Kind::kNoName:
      return naive == NaiveKind::kNoName;
    case DnsReading::Kind::kNoData:
      return naive == NaiveKind::kNoData;
    case DnsReading::Kind::kAlias:
    case DnsReading::Kind::kTooManyAliases:
      return naive == NaiveKind::kAlias;
    case DnsReading::Kind::kServerFailure:
      return naive == NaiveKind::kFailure;
  }
  return false;
}

// A response to one question of the kind that the resolver asks, or nothing: what is to be believed
// is its business, and the naive reading says nothing of the rest.
std::optional<DnsQuestion> QuestionOf(const DnsView& view) {
  DnsQuestion question;
  if (!view.IsResponse() || view.opcode() != 0 || view.question_count() != 1) return std::nullopt;
  if (view.IsTruncated() || !view.questions().Next(question)) return std::nullopt;
  if (question != DnsQuestion{.name = question.name}) return std::nullopt;
  return question;
}

void CheckReading(const DnsReading& reading, const NaiveDnsReading& naive) {
  FUZZ_CHECK(P10, SameKind(reading, naive.kind));
  if (reading.kind == DnsReading::Kind::kServerFailure) return;
  FUZZ_CHECK(P10, reading.aliases == naive.aliases);
  FUZZ_CHECK(P10, reading.ttl_s == naive.ttl_s);
  if (reading.kind == DnsReading::Kind::kAddresses) {
    FUZZ_CHECK(P10, reading.addresses.count == naive.address_count);
    for (size_t i = 0; i < naive.address_count; ++i)
      FUZZ_CHECK(P10, reading.addresses.list[i].value == naive.addresses[i]);
  } else {
    FUZZ_CHECK(P10, reading.addresses.count == 0);
  }
  if (reading.kind == DnsReading::Kind::kTooManyAliases) return;
  FUZZ_CHECK(P10, reading.negative_ttl_s.has_value() == naive.has_negative_ttl);
  if (naive.has_negative_ttl) FUZZ_CHECK(P10, *reading.negative_ttl_s == naive.negative_ttl_s);
}

void RunOne(size_t aliases_max, Bytes input) {
  const ExactCopy copy(input);
  const auto view = DnsView::Parse(copy.bytes());
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  const auto question = QuestionOf(*view);
  if (!question) return;
  const DnsReading reading =
      app::ReadDnsAnswer(*view, question->name, static_cast<uint32_t>(aliases_max));
  CheckReading(reading, ReadDnsNaively(copy.bytes(), aliases_max));
  CurrentTrace().Add(static_cast<uint64_t>(reading.kind));
  CurrentTrace().Add(reading.ttl_s);
  CurrentTrace().Add(reading.name.wire());
  for (const Ipv4Address address : reading.addresses.all()) CurrentTrace().Add(address.value);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne(data[0] % (aether::fuzz::kAliasesMax + 1), {data + 1, size - 1});
  return 0;
}
