#include "stack/wire/dns.h"

#include <algorithm>

#include "stack/base/check.h"

namespace aether {
namespace {

constexpr size_t kQuestionFixedSize = 4;
constexpr size_t kRecordFixedSize = 10;
constexpr size_t kSoaNumbersSize = 20;
// The fewest bytes that a question and a record can have: those with the root as their name.
constexpr size_t kQuestionSizeMin = 1 + kQuestionFixedSize;
constexpr size_t kRecordSizeMin = 1 + kRecordFixedSize;

std::expected<DnsQuestion, Drop> ParseQuestion(Bytes message, size_t offset, size_t& end) {
  if (message.size() - offset < kQuestionSizeMin) return std::unexpected(Drop::kDnsBadQuestion);
  size_t at = 0;
  const auto name = DnsName::Parse(message, offset, at);
  if (!name) return std::unexpected(name.error());
  if (message.size() - at < kQuestionFixedSize) return std::unexpected(Drop::kDnsBadQuestion);
  end = at + kQuestionFixedSize;
  return DnsQuestion{
      .name = *name,
      .type = static_cast<DnsType>(LoadBe<uint16_t>(message.data() + at)),
      .record_class = static_cast<DnsClass>(LoadBe<uint16_t>(message.data() + at + 2))};
}

}  // namespace

size_t DnsQuestion::Emit(MutableBytes out) const {
  AETHER_CHECK(out.size() >= Size());
  const size_t at = name.Emit(out);
  StoreBe<uint16_t>(out.data() + at, static_cast<uint16_t>(type));
  StoreBe<uint16_t>(out.data() + at + 2, static_cast<uint16_t>(record_class));
  return Size();
}

bool DnsTextIterator::Next(Bytes& text) {
  if (rest_.empty() || rest_[0] > rest_.size() - 1) return false;
  text = rest_.subspan(1, rest_[0]);
  rest_ = rest_.subspan(1 + text.size());
  return true;
}

std::expected<DnsRecord, Drop> DnsRecord::Parse(Bytes message, size_t offset, size_t& end) {
  if (message.size() - offset < kRecordSizeMin) return std::unexpected(Drop::kDnsBadRecord);
  size_t at = 0;
  const auto name = DnsName::Parse(message, offset, at);
  if (!name) return std::unexpected(name.error());
  if (message.size() - at < kRecordFixedSize) return std::unexpected(Drop::kDnsBadRecord);
  const uint8_t* fixed = message.data() + at;
  const size_t data_size = LoadBe<uint16_t>(fixed + 8);
  at += kRecordFixedSize;
  if (data_size > message.size() - at) return std::unexpected(Drop::kDnsBadRecord);
  DnsRecord record;
  record.name = *name;
  record.type = static_cast<DnsType>(LoadBe<uint16_t>(fixed));
  record.record_class = static_cast<DnsClass>(LoadBe<uint16_t>(fixed + 2));
  record.ttl_s = LoadBe<uint32_t>(fixed + 4);
  // [RFC 2181 8] a time to live with its top bit set counts as zero. (In OPT the field means
  // something else.)
  if (record.ttl_s > 0x7fffffffu && record.type != DnsType::kOpt) record.ttl_s = 0;
  record.data = message.subspan(at, data_size);
  record.message_ = message;
  record.data_offset_ = at;
  end = at + data_size;
  return record;
}

bool DnsRecord::DataIsValid() const {
  // [RFC 9267 5] the data is as long as its type says, and names in it end where it ends.
  if (record_class != DnsClass::kInternet) return true;
  switch (type) {
    case DnsType::kA:
      return Address().has_value();
    case DnsType::kAaaa:
      return Address6().has_value();
    case DnsType::kNs:
    case DnsType::kCname:
    case DnsType::kPtr:
      return NameData().has_value();
    case DnsType::kMx:
      return Mx().has_value();
    case DnsType::kSoa:
      return Soa().has_value();
    case DnsType::kTxt: {
      // [RFC 1035 3.3.14] one or more strings, and nothing else.
      size_t walked = 0;
      DnsTextIterator walk(data);
      for (Bytes text; walk.Next(text);) walked += 1 + text.size();
      return walked != 0 && walked == data.size();
    }
    default:
      return true;
  }
}

std::optional<Ipv4Address> DnsRecord::Address() const {
  if (!Is(DnsType::kA) || data.size() != 4) return std::nullopt;
  return Ipv4Address{LoadBe<uint32_t>(data.data())};
}

std::optional<std::array<uint8_t, 16>> DnsRecord::Address6() const {
  std::array<uint8_t, 16> address;
  if (!Is(DnsType::kAaaa) || data.size() != address.size()) return std::nullopt;
  std::ranges::copy(data, address.begin());
  return address;
}

std::optional<DnsName> DnsRecord::NameData() const {
  if (!Is(DnsType::kCname) && !Is(DnsType::kNs) && !Is(DnsType::kPtr)) return std::nullopt;
  size_t end = 0;
  const auto held = DnsName::Parse(message(), data_offset(), end);
  if (!held || end != data_end()) return std::nullopt;
  return *held;
}

std::optional<DnsMx> DnsRecord::Mx() const {
  if (!Is(DnsType::kMx) || data.size() < 3) return std::nullopt;
  size_t end = 0;
  const auto exchange = DnsName::Parse(message(), data_offset() + 2, end);
  if (!exchange || end != data_end()) return std::nullopt;
  return DnsMx{.preference = LoadBe<uint16_t>(data.data()), .exchange = *exchange};
}

std::optional<DnsSoa> DnsRecord::Soa() const {
  if (!Is(DnsType::kSoa)) return std::nullopt;
  size_t end = 0;
  const auto primary = DnsName::Parse(message(), data_offset(), end);
  if (!primary || end > data_end()) return std::nullopt;
  const auto mailbox = DnsName::Parse(message(), end, end);
  if (!mailbox || end > data_end() || data_end() - end != kSoaNumbersSize) return std::nullopt;
  const uint8_t* numbers = message().data() + end;
  return DnsSoa{.primary = *primary,
                .mailbox = *mailbox,
                .serial = LoadBe<uint32_t>(numbers),
                .refresh_s = LoadBe<uint32_t>(numbers + 4),
                .retry_s = LoadBe<uint32_t>(numbers + 8),
                .expire_s = LoadBe<uint32_t>(numbers + 12),
                .minimum_s = LoadBe<uint32_t>(numbers + 16)};
}

DnsTextIterator DnsRecord::Text() const {
  return DnsTextIterator(Is(DnsType::kTxt) ? data : Bytes());
}

size_t DnsRecord::Emit(MutableBytes out) const {
  AETHER_CHECK(out.size() >= Size() && data.size() <= 0xffff);
  uint8_t* at = out.data() + name.Emit(out);
  StoreBe<uint16_t>(at, static_cast<uint16_t>(type));
  StoreBe<uint16_t>(at + 2, static_cast<uint16_t>(record_class));
  StoreBe<uint32_t>(at + 4, ttl_s);
  StoreBe<uint16_t>(at + 8, static_cast<uint16_t>(data.size()));
  std::ranges::copy(data, at + kRecordFixedSize);
  return Size();
}

bool DnsQuestionIterator::Next(DnsQuestion& question) {
  if (count_ == 0) return false;
  --count_;
  const auto parsed = ParseQuestion(message_, offset_, offset_);
  AETHER_CHECK(parsed.has_value());
  question = *parsed;
  return true;
}

bool DnsRecordIterator::Next(DnsRecord& record) {
  if (count_ == 0) return false;
  --count_;
  const auto parsed = DnsRecord::Parse(message_, offset_, offset_);
  AETHER_CHECK(parsed.has_value());
  record = *parsed;
  return true;
}

std::expected<DnsView, Drop> DnsView::Parse(Bytes message) {
  if (message.size() < kHeaderSize) return std::unexpected(Drop::kDnsTooShort);
  DnsView view(message);
  size_t offset = kHeaderSize;
  // [RFC 9267 6] a count is believed as far as there is data for it; each entry takes some, so the
  // walk ends.
  for (size_t left = view.question_count(); left > 0; --left) {
    const auto question = ParseQuestion(message, offset, offset);
    if (!question) return std::unexpected(question.error());
  }
  for (const DnsSection section :
       {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
    view.section_offsets_[static_cast<size_t>(section)] = offset;
    for (size_t left = view.record_count(section); left > 0; --left) {
      const auto record = DnsRecord::Parse(message, offset, offset);
      if (!record) return std::unexpected(record.error());
      if (!record->DataIsValid()) return std::unexpected(Drop::kDnsBadRecord);
    }
  }
  return view;
}

size_t DnsHeader::Emit(MutableBytes out) const {
  AETHER_CHECK(out.size() >= kSize);
  uint8_t* at = out.data();
  DnsView::Id::Store(at, id);
  DnsView::Flags::Store(at, flags);
  DnsView::QuestionCount::Store(at, question_count);
  StoreBe<uint16_t>(at + 6, answer_count);
  StoreBe<uint16_t>(at + 8, authority_count);
  StoreBe<uint16_t>(at + 10, additional_count);
  return kSize;
}

size_t EmitDnsQuery(uint16_t id, const DnsName& name, DnsType type, MutableBytes out) {
  AETHER_CHECK(out.size() >= kDnsQuerySizeMax);
  const DnsHeader header{.id = id, .flags = dns_flags::kRecursionDesired, .question_count = 1};
  const size_t at = header.Emit(out);
  return at + DnsQuestion{.name = name, .type = type}.Emit(out.subspan(at));
}

}  // namespace aether
