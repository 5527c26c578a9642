// DNS messages (RFC 1035 section 4): a view over a message whose every question and record has been
// walked before it is born, and emission of queries and of uncompressed records. The resolver is a
// user of this; no transport here.
//
// Left out: IXFR/UPDATE semantics, DNSSEC, the contents of OPT (RFC 6891), whose records are walked
// like unknown ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"
#include "stack/wire/dns_name.h"

namespace aether {

enum class DnsType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kOpt = 41,
};

enum class DnsClass : uint16_t { kInternet = 1, kAny = 255 };

enum class DnsResponseCode : uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,
  kNotImplemented = 4,
  kRefused = 5,
};

enum class DnsSection : uint8_t { kAnswer = 0, kAuthority = 1, kAdditional = 2 };

// Bits of the second word of a header.
namespace dns_flags {
inline constexpr uint16_t kResponse = 0x8000;
inline constexpr uint16_t kOpcodeMask = 0x7800;
inline constexpr uint16_t kAuthoritative = 0x0400;
inline constexpr uint16_t kTruncated = 0x0200;
inline constexpr uint16_t kRecursionDesired = 0x0100;
inline constexpr uint16_t kRecursionAvailable = 0x0080;
inline constexpr uint16_t kResponseCodeMask = 0x000f;
}  // namespace dns_flags

struct DnsQuestion {
  DnsName name{};
  DnsType type = DnsType::kA;
  DnsClass record_class = DnsClass::kInternet;

  size_t Size() const { return name.wire().size() + 4; }
  // Writes and returns Size() bytes; `out` must hold them.
  size_t Emit(MutableBytes out) const;
  bool operator==(const DnsQuestion&) const = default;
};

struct DnsMx {
  uint16_t preference = 0;
  DnsName exchange{};
};

struct DnsSoa {
  DnsName primary{};
  DnsName mailbox{};
  uint32_t serial = 0;
  uint32_t refresh_s = 0;
  uint32_t retry_s = 0;
  uint32_t expire_s = 0;
  uint32_t minimum_s = 0;
};

// Walks the strings of a TXT record; never past its end.
class DnsTextIterator {
 public:
  explicit DnsTextIterator(Bytes data) : rest_(data) {}
  bool Next(Bytes& text);

 private:
  Bytes rest_;
};

// A record as it stands in a message. The typed accessors answer nothing when the record is of
// another type or class.
struct DnsRecord {
  DnsName name{};
  DnsType type = DnsType::kA;
  DnsClass record_class = DnsClass::kInternet;
  uint32_t ttl_s = 0;
  Bytes data;

  std::optional<Ipv4Address> Address() const;
  std::optional<std::array<uint8_t, 16>> Address6() const;
  // The name that a CNAME, NS or PTR record holds.
  std::optional<DnsName> NameData() const;
  std::optional<DnsMx> Mx() const;
  std::optional<DnsSoa> Soa() const;
  // Empty unless the record is a TXT.
  DnsTextIterator Text() const;

  size_t Size() const { return name.wire().size() + 10 + data.size(); }
  // Writes and returns Size() bytes, nothing compressed. `data` goes out as it is: it must hold no
  // pointers into another message, and at most 65,535 bytes.
  size_t Emit(MutableBytes out) const;

 private:
  friend class DnsView;
  friend class DnsRecordIterator;
  bool Is(DnsType wanted) const { return type == wanted && record_class == DnsClass::kInternet; }
  static std::expected<DnsRecord, Drop> Parse(Bytes message, size_t offset, size_t& end);
  bool DataIsValid() const;
  // True while `data` is what Parse found; a record made by hand lies in itself, and so do the
  // names in it.
  bool IsInMessage() const {
    return data_offset_ != 0 && data_offset_ + data.size() <= message_.size() &&
           data.data() == message_.data() + data_offset_;
  }
  Bytes message() const { return IsInMessage() ? message_ : data; }
  size_t data_offset() const { return IsInMessage() ? data_offset_ : 0; }
  size_t data_end() const { return data_offset() + data.size(); }

  Bytes message_;
  size_t data_offset_ = 0;
};

class DnsView;

class DnsQuestionIterator {
 public:
  // False after the last.
  bool Next(DnsQuestion& question);

 private:
  friend class DnsView;
  DnsQuestionIterator(Bytes message, size_t offset, size_t count)
      : message_(message), offset_(offset), count_(count) {}
  Bytes message_;
  size_t offset_;
  size_t count_;
};

class DnsRecordIterator {
 public:
  // False after the last.
  bool Next(DnsRecord& record);

 private:
  friend class DnsView;
  DnsRecordIterator(Bytes message, size_t offset, size_t count)
      : message_(message), offset_(offset), count_(count) {}
  Bytes message_;
  size_t offset_;
  size_t count_;
};

class DnsView {
 public:
  static constexpr size_t kHeaderSize = 12;

  // Walks all that the counts announce: every name, every length, and the data of the types that
  // have accessors. Bytes behind the last record are ignored.
  static std::expected<DnsView, Drop> Parse(Bytes message);

  uint16_t id() const { return Id::Load(message_.data()); }
  // See dns_flags.
  uint16_t flags() const { return Flags::Load(message_.data()); }
  bool IsResponse() const { return (flags() & dns_flags::kResponse) != 0; }
  bool IsTruncated() const { return (flags() & dns_flags::kTruncated) != 0; }
  uint8_t opcode() const { return static_cast<uint8_t>((flags() & dns_flags::kOpcodeMask) >> 11); }
  DnsResponseCode response_code() const {
    return static_cast<DnsResponseCode>(flags() & dns_flags::kResponseCodeMask);
  }

  uint16_t question_count() const { return QuestionCount::Load(message_.data()); }
  uint16_t record_count(DnsSection section) const {
    return LoadBe<uint16_t>(message_.data() + 6 + 2 * static_cast<size_t>(section));
  }
  DnsQuestionIterator questions() const { return {message_, kHeaderSize, question_count()}; }
  DnsRecordIterator records(DnsSection section) const {
    return {message_, section_offsets_[static_cast<size_t>(section)], record_count(section)};
  }

 private:
  friend struct DnsHeader;
  using Id = Field<uint16_t, 0>;
  using Flags = Field<uint16_t, 2>;
  using QuestionCount = Field<uint16_t, 4>;

  explicit DnsView(Bytes message) : message_(message) {}
  Bytes message_;
  std::array<size_t, 3> section_offsets_{};
};

struct DnsHeader {
  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t question_count = 0;
  uint16_t answer_count = 0;
  uint16_t authority_count = 0;
  uint16_t additional_count = 0;

  static constexpr size_t kSize = DnsView::kHeaderSize;
  // Writes and returns kSize bytes; `out` must hold them.
  size_t Emit(MutableBytes out) const;
  constexpr bool operator==(const DnsHeader&) const = default;
};

// Header, longest name, type and class.
inline constexpr size_t kDnsQuerySizeMax = DnsView::kHeaderSize + DnsName::kWireSizeMax + 4;

// One question, recursion desired. Returns the size; `out` must hold kDnsQuerySizeMax bytes.
size_t EmitDnsQuery(uint16_t id, const DnsName& name, DnsType type, MutableBytes out);

}  // namespace aether
