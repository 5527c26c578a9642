// What an answer about a name says, read with naive_dns.h (RFC 1034 3.6.2, RFC 2308): the second
// opinion of stateful/dns_world.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fuzz/naive_dns.h"
#include "fuzz/uncounted.h"
#include "stack/base/bytes.h"

namespace aether::fuzz {

inline bool SameDnsName(const NaiveName& a, const NaiveName& b) {
  const auto lower = [](uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + 32) : byte;
  };
  return a.size == b.size &&
         std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(),
                    [lower](uint8_t x, uint8_t y) { return lower(x) == lower(y); });
}

struct NaiveDnsReading {
  enum class Kind : uint8_t { kInvalid, kCut, kFailure, kNoName, kAddresses, kNoData, kAlias };
  Kind kind = Kind::kInvalid;
  NaiveName question;
  std::array<uint32_t, 8> addresses{};
  size_t address_count = 0;
  uint32_t ttl_s = UINT32_MAX;
  bool has_negative_ttl = false;
  uint32_t negative_ttl_s = 0;
  size_t aliases = 0;
};

// [RFC 2308 5] the first SOA among the authorities.
AETHER_UNCOUNTED inline void ReadNegativeTtl(Bytes message, size_t at, NaiveDnsReading& reading) {
  NaiveRecord record;
  for (unsigned left = NaiveWord(message, 6); left > 0; --left)
    NaiveDns::ReadRecord(message, at, record);
  for (unsigned left = NaiveWord(message, 8); left > 0 && !reading.has_negative_ttl; --left) {
    NaiveDns::ReadRecord(message, at, record);
    if (record.type != 6 || record.record_class != 1) continue;
    reading.has_negative_ttl = true;
    reading.negative_ttl_s =
        std::min(record.ttl_s, NaiveLong(message, record.data_at + record.data_bytes - 4));
  }
}

// Invalid unless it is a response to one question, of type A and class IN.
AETHER_UNCOUNTED inline NaiveDnsReading ReadDnsNaively(Bytes message, size_t aliases_max) {
  using Kind = NaiveDnsReading::Kind;
  NaiveDnsReading reading;
  std::vector<uint8_t> canonical;
  if (!NaiveDns(message, canonical).is_valid()) return reading;
  const unsigned flags = NaiveWord(message, 2);
  if (flags < 0x8000 || (flags & 0x7800) != 0 || NaiveWord(message, 4) != 1) return reading;
  size_t at = 12;
  NaiveRecord question;
  NaiveDns::ReadQuestion(message, at, question);
  if (question.type != 1 || question.record_class != 1) return reading;
  reading.question = question.name;
  const size_t answers_at = at;
  if ((flags & 0x0200) != 0) {
    reading.kind = Kind::kCut;
    return reading;
  }
  const unsigned code = flags & 15;
  if (code != 0 && code != 3) {
    reading.kind = Kind::kFailure;
    return reading;
  }
  // Address records of the name, or else one alias after another.
  NaiveName name = question.name;
  NaiveRecord record;
  while (true) {
    NaiveName alias;
    uint32_t alias_ttl_s = 0;
    size_t answer_at = answers_at;
    for (unsigned left = NaiveWord(message, 6); left > 0; --left) {
      NaiveDns::ReadRecord(message, answer_at, record);
      if (!SameDnsName(record.name, name) || record.record_class != 1) continue;
      if (record.type == 1) {
        reading.ttl_s = std::min(reading.ttl_s, record.ttl_s);
        if (reading.address_count < 8)
          reading.addresses[reading.address_count++] = NaiveLong(message, record.data_at);
      } else if (record.type == 5 && !alias.is_valid) {
        alias = NaiveReadName(message, record.data_at);
        alias_ttl_s = record.ttl_s;
      }
    }
    if (reading.address_count > 0 || !alias.is_valid) break;
    reading.ttl_s = std::min(reading.ttl_s, alias_ttl_s);
    if (reading.aliases == aliases_max) {
      reading.kind = Kind::kAlias;  // too many
      return reading;
    }
    ++reading.aliases;
    name = alias;
  }
  ReadNegativeTtl(message, answers_at, reading);
  if (code == 3) {
    reading.kind = Kind::kNoName;
  } else if (reading.address_count > 0) {
    reading.kind = Kind::kAddresses;
  } else if (reading.aliases > 0 && !reading.has_negative_ttl) {
    reading.kind = Kind::kAlias;
  } else {
    reading.kind = Kind::kNoData;
  }
  return reading;
}

}  // namespace aether::fuzz
