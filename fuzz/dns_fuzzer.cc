// DNS messages and names (RFC 1035, RFC 9267). The input is a message; its bytes are tried as the
// text of a name as well.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "fuzz/naive_dns.h"
#include "fuzz/target.h"
#include "stack/wire/dns.h"
#include "stack/wire/dns_name.h"

namespace aether::fuzz {
namespace {

// A message full of pointers to one long name is large when nothing is compressed.
constexpr size_t kInputBytesMax = 512;
constexpr size_t kTextBytesMax = 300;
constexpr size_t kDataBytesMax = 0xffff;

bool Same(const DnsName& name, const NaiveName& naive) {
  return std::ranges::equal(name.wire(), naive.bytes());
}

// What is written of a name means the same name, byte for byte.
void CheckText(const DnsName& name) {
  std::array<char, DnsName::kTextSizeMax> text;
  const size_t size = name.WriteText(text);
  FUZZ_CHECK(P9, size > 0 && size <= text.size());
  // It can be logged: visible ASCII only.
  for (size_t i = 0; i < size; ++i) FUZZ_CHECK(P12, text[i] > ' ' && text[i] <= '~');
  const auto again = DnsName::FromText(std::string_view(text.data(), size));
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, std::ranges::equal(again->wire(), name.wire()));
  FUZZ_CHECK(P9, *again == name);
}

void CheckNameOfText(Bytes text) {
  const NaiveName naive = NaiveNameOfText(text);
  const auto name = DnsName::FromText({reinterpret_cast<const char*>(text.data()), text.size()});
  FUZZ_CHECK(P10, name.has_value() == naive.is_valid);
  CurrentTrace().Add(name.has_value() ? 0 : static_cast<uint64_t>(name.error()));
  if (!name) return;
  FUZZ_CHECK(P10, Same(*name, naive));
  CheckText(*name);
}

// Puts the data of a record without compression, as its accessors say it; how many bytes.
size_t PutData(const DnsRecord& record, MutableBytes out) {
  if (const auto name = record.NameData()) return name->Emit(out);
  if (const auto mx = record.Mx()) {
    StoreBe<uint16_t>(out.data(), mx->preference);
    return 2 + mx->exchange.Emit(out.subspan(2));
  }
  if (const auto soa = record.Soa()) {
    size_t at = soa->primary.Emit(out);
    at += soa->mailbox.Emit(out.subspan(at));
    for (const uint32_t number :
         {soa->serial, soa->refresh_s, soa->retry_s, soa->expire_s, soa->minimum_s}) {
      StoreBe<uint32_t>(out.data() + at, number);
      at += 4;
    }
    return at;
  }
  if (const auto address = record.Address()) {
    StoreBe<uint32_t>(out.data(), address->value);
    return 4;
  }
  if (const auto address = record.Address6()) {
    std::ranges::copy(*address, out.begin());
    return address->size();
  }
  size_t at = 0;
  DnsTextIterator walk = record.Text();
  for (Bytes text; walk.Next(text);) {
    out[at] = static_cast<uint8_t>(text.size());
    std::ranges::copy(text, out.begin() + static_cast<ptrdiff_t>(at) + 1);
    at += 1 + text.size();
  }
  if (at > 0) return at;
  std::ranges::copy(record.data, out.begin());
  return record.data.size();
}

// Compares what a view says with what stands in the message, and emits it again.
void CheckView(const DnsView& view, Bytes message, std::vector<uint8_t>& out) {
  const DnsHeader header{.id = view.id(),
                         .flags = view.flags(),
                         .question_count = view.question_count(),
                         .answer_count = view.record_count(DnsSection::kAnswer),
                         .authority_count = view.record_count(DnsSection::kAuthority),
                         .additional_count = view.record_count(DnsSection::kAdditional)};
  FUZZ_CHECK(P10, header.id == NaiveWord(message, 0) && header.flags == NaiveWord(message, 2));
  FUZZ_CHECK(P10, view.IsResponse() == (message[2] >= 128));
  FUZZ_CHECK(P10, view.IsTruncated() == (message[2] / 2 % 2 == 1));
  FUZZ_CHECK(P10, view.opcode() == message[2] / 8 % 16);
  FUZZ_CHECK(P10, static_cast<unsigned>(view.response_code()) == message[3] % 16);
  out.resize(DnsHeader::kSize);
  header.Emit(out);

  size_t at = 12;
  NaiveRecord naive;
  DnsQuestionIterator questions = view.questions();
  for (DnsQuestion question; questions.Next(question);) {
    FUZZ_CHECK(P10, NaiveDns::ReadQuestion(message, at, naive) && Same(question.name, naive.name));
    FUZZ_CHECK(P10, static_cast<unsigned>(question.type) == naive.type);
    FUZZ_CHECK(P10, static_cast<unsigned>(question.record_class) == naive.record_class);
    CheckText(question.name);
    const size_t before = out.size();
    out.resize(before + question.Size());
    question.Emit(MutableBytes(out).subspan(before));
  }
  static std::array<uint8_t, kDataBytesMax> data;
  for (const DnsSection section :
       {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
    DnsRecordIterator records = view.records(section);
    for (DnsRecord record; records.Next(record);) {
      FUZZ_CHECK(P10, NaiveDns::ReadRecord(message, at, naive) && Same(record.name, naive.name));
      FUZZ_CHECK(P10, static_cast<unsigned>(record.type) == naive.type);
      FUZZ_CHECK(P10, static_cast<unsigned>(record.record_class) == naive.record_class);
      FUZZ_CHECK(P10, record.ttl_s == naive.ttl_s);
      FUZZ_CHECK(P10, record.data.data() == message.data() + naive.data_at);
      FUZZ_CHECK(P10, record.data.size() == naive.data_bytes);
      record.data = Bytes(data).first(PutData(record, data));
      const size_t before = out.size();
      out.resize(before + record.Size());
      record.Emit(MutableBytes(out).subspan(before));
    }
  }
}

void CheckQuery(const DnsView& view) {
  DnsQuestionIterator questions = view.questions();
  DnsQuestion question;
  if (!questions.Next(question)) return;
  std::array<uint8_t, kDnsQuerySizeMax> out;
  const size_t size = EmitDnsQuery(view.id(), question.name, question.type, out);
  const auto query = DnsView::Parse(Bytes(out).first(size));
  FUZZ_CHECK(P9, query.has_value());
  FUZZ_CHECK(P9, query->id() == view.id() && query->flags() == dns_flags::kRecursionDesired);
  DnsQuestionIterator again = query->questions();
  DnsQuestion asked;
  FUZZ_CHECK(P9, again.Next(asked) && asked.name == question.name && asked.type == question.type);
  FUZZ_CHECK(P9, asked.record_class == DnsClass::kInternet && !again.Next(asked));
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const Bytes message = copy.bytes();
  // The two bytes of the identification say nothing to the parser: they choose what long messages
  // are tried for beside it.
  const bool is_text = message.size() < 12 || message[0] % 2 == 0;
  if (is_text && message.size() <= kTextBytesMax) CheckNameOfText(message);
  static std::vector<uint8_t> canonical;
  static std::vector<uint8_t> out;
  const NaiveDns naive(message, canonical);
  const auto view = DnsView::Parse(message);
  FUZZ_CHECK(P10, view.has_value() == naive.is_valid());
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  CheckView(*view, message, out);
  FUZZ_CHECK(P9, out == canonical);
  if (naive.is_canonical()) FUZZ_CHECK(P9, std::ranges::equal(out, message));
  CheckQuery(*view);
  CurrentTrace().Add(Bytes(out));

  // The uncompressed form is a message that says the same: emitted once more it stays as it is.
  if (message[1] % 2 != 0) return;
  const ExactCopy emitted{Bytes(out)};
  const auto again = DnsView::Parse(emitted.bytes());
  FUZZ_CHECK(P9, again.has_value());
  CheckView(*again, emitted.bytes(), out);
  FUZZ_CHECK(P9, out == canonical);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aether::fuzz::RunOne({data, std::min(size, aether::fuzz::kInputBytesMax)});
  return 0;
}
