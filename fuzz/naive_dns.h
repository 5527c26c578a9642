// DNS messages (RFC 1035 section 4) as the RFCs describe them, byte by byte: the second opinion of
// dns_fuzzer.cc. It writes what it reads in the one form without compression.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/uncounted.h"
#include "stack/base/bytes.h"

namespace aether::fuzz {
AETHER_UNCOUNTED_BEGIN

struct NaiveName {
  bool is_valid = false;
  bool is_compressed = false;
  std::array<uint8_t, 256> wire{};
  size_t size = 0;
  size_t end = 0;  // behind the name where it stands
  Bytes bytes() const { return Bytes(wire).first(size); }
};

// RFC 1035 4.1.4 with the bounds of RFC 9267: every pointer leads to a prior place, which is before
// all that was read for this name, and not into the header.
inline NaiveName NaiveReadName(Bytes message, size_t offset) {
  NaiveName name;
  size_t lowest = offset;
  unsigned pointers = 0;
  for (size_t at = offset; at < message.size();) {
    const unsigned octet = message[at];
    if (octet >= 192) {
      if (at + 1 == message.size()) return name;
      const size_t target = NaiveWord(message, at) - 0xc000;
      if (!name.is_compressed) name.end = at + 2;
      name.is_compressed = true;
      if (target < 12 || target >= lowest || ++pointers > 127) return name;
      at = lowest = target;
      continue;
    }
    if (octet > 63 || at + 1 + octet > message.size() || name.size + 1 + octet > 255) return name;
    for (size_t i = 0; i <= octet; ++i) name.wire[name.size++] = message[at + i];
    at += 1 + octet;
    if (octet != 0) continue;
    if (!name.is_compressed) name.end = at;
    name.is_valid = true;
    return name;
  }
  return name;
}

struct NaiveRecord {
  NaiveName name;
  unsigned type = 0;
  unsigned record_class = 0;
  uint32_t ttl_s = 0;
  size_t data_at = 0;
  size_t data_bytes = 0;
};

// A walk over a message: is it valid, and is it the form that is sent (nothing compressed, nothing
// behind the end)? `canonical` is that form of it.
class NaiveDns {
 public:
  NaiveDns(Bytes message, std::vector<uint8_t>& canonical)
      : message_(message), canonical_(canonical) {
    canonical_.clear();
    is_valid_ = Walk();
    if (at_ != message_.size()) is_canonical_ = false;
  }
  bool is_valid() const { return is_valid_; }
  bool is_canonical() const { return is_valid_ && is_canonical_; }

  // The next of the questions or records from `at` on, which moves behind it; false when there is
  // none.
  static bool ReadQuestion(Bytes message, size_t& at, NaiveRecord& question) {
    question.name = NaiveReadName(message, at);
    if (!question.name.is_valid || question.name.end + 4 > message.size()) return false;
    question.type = NaiveWord(message, question.name.end);
    question.record_class = NaiveWord(message, question.name.end + 2);
    at = question.name.end + 4;
    return true;
  }
  static bool ReadRecord(Bytes message, size_t& at, NaiveRecord& record) {
    if (!ReadQuestion(message, at, record) || at + 6 > message.size()) return false;
    record.ttl_s = NaiveLong(message, at);
    // [RFC 2181 8] the top bit makes it zero, but in OPT (41) it is not a time.
    if (record.ttl_s >= 0x80000000u && record.type != 41) record.ttl_s = 0;
    record.data_bytes = NaiveWord(message, at + 4);
    record.data_at = at + 6;
    at = record.data_at + record.data_bytes;
    return at <= message.size();
  }

 private:
  void Put(Bytes bytes) { canonical_.insert(canonical_.end(), bytes.begin(), bytes.end()); }
  void PutWord(size_t word) {
    canonical_.push_back(static_cast<uint8_t>(word / 256));
    canonical_.push_back(static_cast<uint8_t>(word % 256));
  }

  bool Walk() {
    if (message_.size() < 12) return false;
    Put(message_.first(12));
    at_ = 12;
    for (unsigned left = NaiveWord(message_, 4); left > 0; --left) {
      NaiveRecord question;
      if (!ReadQuestion(message_, at_, question)) return false;
      PutHead(question);
    }
    for (size_t count_at = 6; count_at < 12; count_at += 2) {
      for (unsigned left = NaiveWord(message_, count_at); left > 0; --left) {
        NaiveRecord record;
        if (!ReadRecord(message_, at_, record)) return false;
        PutHead(record);
        PutWord(record.ttl_s >> 16);
        PutWord(record.ttl_s & 0xffff);
        if (record.ttl_s != NaiveLong(message_, record.data_at - 6)) is_canonical_ = false;
        const size_t size_at = canonical_.size();
        PutWord(0);
        if (!PutData(record)) return false;
        const size_t size = canonical_.size() - size_at - 2;
        canonical_[size_at] = static_cast<uint8_t>(size / 256);
        canonical_[size_at + 1] = static_cast<uint8_t>(size % 256);
      }
    }
    return true;
  }

  void PutHead(const NaiveRecord& record) {
    if (record.name.is_compressed) is_canonical_ = false;
    Put(record.name.bytes());
    PutWord(record.type);
    PutWord(record.record_class);
  }

  // The name at `at` in the data; where it ends, or 0.
  size_t PutName(size_t at, const NaiveRecord& record) {
    const NaiveName name = NaiveReadName(message_, at);
    if (!name.is_valid || name.end > record.data_at + record.data_bytes) return 0;
    if (name.is_compressed) is_canonical_ = false;
    Put(name.bytes());
    return name.end;
  }

  bool PutData(const NaiveRecord& record) {
    const Bytes data = message_.subspan(record.data_at, record.data_bytes);
    const size_t end = record.data_at + record.data_bytes;
    if (record.record_class == 1) {
      switch (record.type) {
        case 1:
          if (data.size() != 4) return false;
          break;
        case 28:
          if (data.size() != 16) return false;
          break;
        case 2:
        case 5:
        case 12:
          return PutName(record.data_at, record) == end;
        case 15:
          if (data.size() < 3) return false;
          Put(data.first(2));
          return PutName(record.data_at + 2, record) == end;
        case 6: {
          const size_t mailbox = PutName(record.data_at, record);
          if (mailbox == 0) return false;
          const size_t numbers = PutName(mailbox, record);
          if (numbers == 0 || numbers + 20 != end) return false;
          Put(message_.subspan(numbers, 20));
          return true;
        }
        case 16: {
          size_t walked = 0;
          while (walked < data.size()) walked += 1u + data[walked];
          if (data.empty() || walked != data.size()) return false;
          break;
        }
        default:
          break;
      }
    }
    Put(data);
    return true;
  }

  Bytes message_;
  std::vector<uint8_t>& canonical_;
  size_t at_ = 0;
  bool is_valid_ = false;
  bool is_canonical_ = true;
};

// RFC 1035 5.1: the name that a text means. Not valid: an empty label, one over 63 octets, a name
// over 255, an escape that is none.
inline NaiveName NaiveNameOfText(Bytes text) {
  NaiveName name;
  name.wire[0] = 0;
  name.size = 1;
  if (text.empty()) return name;
  if (text.size() == 1 && text[0] == '.') {
    name.is_valid = true;
    return name;
  }
  size_t length_at = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned octet = text[i];
    if (octet == '.') {
      if (name.wire[length_at] == 0) return name;
      if (i + 1 == text.size()) break;
      if (name.size > 254) return name;
      length_at = name.size++;
      name.wire[length_at] = 0;
      continue;
    }
    if (octet == '\\') {
      if (++i == text.size()) return name;
      octet = text[i];
      if (octet >= '0' && octet <= '9') {
        octet = 0;
        for (size_t digit = 0; digit < 3; ++digit) {
          if (i + digit >= text.size()) return name;
          const unsigned c = text[i + digit];
          if (c < '0' || c > '9') return name;
          octet = octet * 10 + (c - '0');
        }
        if (octet > 255) return name;
        i += 2;
      }
    }
    if (name.wire[length_at] == 63 || name.size > 253) return name;
    name.wire[name.size++] = static_cast<uint8_t>(octet);
    ++name.wire[length_at];
  }
  name.wire[name.size++] = 0;
  name.is_valid = true;
  return name;
}

AETHER_UNCOUNTED_END
}  // namespace aether::fuzz
