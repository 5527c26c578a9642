#include "fuzz/stateful/dns_answer.h"

#include <algorithm>

#include "fuzz/stateful/dns_script.h"

namespace aether::fuzz::dns_resolver {

void DnsAnswer::PutName(Bytes name) {
  if (size_ + name.size() > 900) return;
  std::ranges::copy(name, message_.begin() + static_cast<ptrdiff_t>(size_));
  size_ += name.size();
}

void DnsAnswer::PutRecords(Bytes records, bool authority, size_t& count) {
  const auto byte = [this](size_t value) { message_[size_++] = static_cast<uint8_t>(value); };
  const auto word = [&byte](size_t value) {
    byte(value >> 8);
    byte(value);
  };
  for (; records.size() >= 4; records = records.subspan(4)) {
    if (((records[0] & 0x40) != 0) != authority || size_ > 800) continue;
    ++count;
    // Whose it is: of the question, or one of the names, or somewhere.
    const unsigned owner = records[1] % 16;
    if (owner < 6) {
      word(0xc00c);
    } else if (owner < 12) {
      PutName(NaiveNameOfText(BytesOf(kNames[owner - 6])).bytes());
    } else if (owner < 14) {
      word(0xc000 + size_);
    } else {
      word(0xc000 + records[1] / 16u * 20u);
    }
    static constexpr uint16_t kTypes[] = {1, 5, 6, 28, 1, 16, 5, 1};
    const unsigned kind = records[0] % 8;
    word(kTypes[kind]);
    word(kind == 4 ? 3 : 1);
    static constexpr uint32_t kTtls[] = {60, 0, 1, 3600, 86400 * 30, 0x80000000u, 0xffffffffu, 300};
    const uint32_t ttl = kTtls[records[2] % 8];
    word(ttl >> 16);
    word(ttl & 0xffff);
    const size_t length_at = size_;
    word(0);
    const NaiveName target = NaiveNameOfText(BytesOf(kNames[records[3] % kNames.size()]));
    switch (kind) {
      case 1:
        PutName(target.bytes());
        break;
      case 6:
        word(0xc00c);
        break;
      case 2:
        word(0xc00c);
        word(0xc00c);
        for (int i = 0; i < 4; ++i) word(0);
        word(0);
        word(0);
        word(0);
        word(records[3]);
        break;
      case 3:
        for (int i = 0; i < 8; ++i) word(records[3]);
        break;
      case 5:
        byte(1);
        byte(records[3]);
        break;
      case 7:
        byte(records[3]);
        break;
      default:
        word(0x0a01);
        word(records[3]);
        break;
    }
    const size_t length = size_ - length_at - 2;
    message_[length_at] = static_cast<uint8_t>(length >> 8);
    message_[length_at + 1] = static_cast<uint8_t>(length);
  }
}

Bytes DnsAnswer::Build(const Plan& plan, const Asked& asked) {
  message_.fill(0);
  size_ = 12;
  const uint16_t id =
      plan.id_bit == 0 ? asked.id : static_cast<uint16_t>(asked.id ^ 1u << (plan.id_bit % 16));
  StoreBe(message_.data(), id);
  StoreBe(message_.data() + 2, static_cast<uint16_t>(0x8180 ^ plan.flags));
  const unsigned choice = plan.question % 7;
  const size_t questions = choice == 5 ? 2 : choice == 6 ? 0 : 1;
  for (size_t i = 0; i < questions; ++i) {
    NaiveName name = asked.name;
    if (choice == 1) name = NaiveNameOfText(BytesOf(kNames[plan.question / 7 % kNames.size()]));
    if (choice == 2) {
      for (size_t k = 1; k < name.size; ++k) {
        const uint8_t lower = name.wire[k] | 0x20;
        if (lower >= 'a' && lower <= 'z') name.wire[k] ^= 0x20;
      }
    }
    PutName(name.bytes());
    message_[size_ + 1] = choice == 3 ? 28 : 1;
    message_[size_ + 3] = choice == 4 ? 255 : 1;
    size_ += 4;
  }
  StoreBe(message_.data() + 4, static_cast<uint16_t>(questions));
  size_t answers = 0;
  PutRecords(plan.records, false, answers);
  StoreBe(message_.data() + 6, static_cast<uint16_t>(answers + plan.count));
  size_t authorities = 0;
  PutRecords(plan.records, true, authorities);
  StoreBe(message_.data() + 8, static_cast<uint16_t>(authorities));
  return Bytes(message_).first(size_);
}

Bytes DnsAnswer::Raw(Bytes bytes, const Asked& asked) {
  std::ranges::copy(bytes, message_.begin());
  if (bytes.size() >= 2) StoreBe(message_.data(), asked.id);
  return Bytes(message_).first(bytes.size());
}

}  // namespace aether::fuzz::dns_resolver
