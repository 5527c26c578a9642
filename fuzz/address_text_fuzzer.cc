// Addresses, networks and hardware addresses as a command line says them. The input is the text;
// it is tried as each of them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "stack/wire/address.h"
#include "stack/wire/address_text.h"

namespace aether::fuzz {
namespace {

// The longest text that means something has 18 characters.
constexpr size_t kInputBytesMax = 32;

// The number that up to three decimal digits are, in the only way to write it; -1 when they are
// none, or more than `most`.
int NaiveNumber(std::string_view text, int most) {
  if (text.empty() || text.size() > 3 || (text[0] == '0' && text != "0")) return -1;
  int number = 0;
  for (const char c : text) {
    if (!NaiveIsDigit(c)) return -1;
    number = number * 10 + (c - '0');
  }
  return number <= most ? number : -1;
}

// Four numbers and three dots between them; false when it is something else.
bool NaiveAddress(std::string_view text, uint32_t& value) {
  if (std::ranges::count(text, '.') != 3) return false;
  value = 0;
  for (size_t begin = 0, dots = 0; dots < 4; ++dots) {
    const size_t end = std::min(text.find('.', begin), text.size());
    const int number = NaiveNumber(text.substr(begin, end - begin), 255);
    if (number < 0) return false;
    value = value * 256 + static_cast<uint32_t>(number);
    begin = end + 1;
  }
  return true;
}

constexpr std::string_view kHexadecimal = "0123456789abcdef";

// Seventeen characters: every third one a colon, the others digits of base 16.
bool NaiveMac(std::string_view text, std::array<uint8_t, 6>& octets) {
  octets = {};
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] + 32) : text[i];
    const size_t digit = kHexadecimal.find(c);
    if (i % 3 == 2 ? c != ':' : digit == kHexadecimal.npos) return false;
    if (i % 3 != 2) octets[i / 3] = static_cast<uint8_t>(octets[i / 3] * 16 + digit);
  }
  return true;
}

// Text in a place of its own, without allocation.
class Writer {
 public:
  void Put(char c) { text_[size_++] = c; }
  void Number(unsigned number) {
    if (number >= 100) Put(static_cast<char>('0' + number / 100));
    if (number >= 10) Put(static_cast<char>('0' + number / 10 % 10));
    Put(static_cast<char>('0' + number % 10));
  }
  void Address(Ipv4Address address) {
    for (unsigned shift = 32; shift > 0;) {
      shift -= 8;
      Number(address.value >> shift & 255);
      if (shift > 0) Put('.');
    }
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 24> text_{};
  size_t size_ = 0;
};

// Each has one text only, so what is written of it is what was read.
void CheckAddress(std::string_view text) {
  uint32_t value = 0;
  const auto address = ParseAddress(text);
  FUZZ_CHECK(P10, address.has_value() == NaiveAddress(text, value));
  CurrentTrace().Add(address.has_value() ? uint64_t{address->value} : UINT64_MAX);
  if (!address) return;
  FUZZ_CHECK(P10, address->value == value);
  Writer out;
  out.Address(*address);
  FUZZ_CHECK(P9, out.text() == text);
}

void CheckNetwork(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  uint32_t value = 0;
  const int bits = slash < text.size() ? NaiveNumber(text.substr(slash + 1), 32) : -1;
  const bool is_valid = bits >= 0 && NaiveAddress(text.substr(0, slash), value);
  const auto network = ParseNetwork(text);
  FUZZ_CHECK(P10, network.has_value() == is_valid);
  CurrentTrace().Add(network.has_value() ? uint64_t{network->prefix_length} : UINT64_MAX);
  if (!network) return;
  FUZZ_CHECK(P10, network->address.value == value && network->prefix_length == bits);
  FUZZ_CHECK(P10, network->Contains(network->address));
  Writer out;
  out.Address(network->address);
  out.Put('/');
  out.Number(network->prefix_length);
  FUZZ_CHECK(P9, out.text() == text);
}

// Letters of either size mean the same.
void CheckMac(std::string_view text) {
  std::array<uint8_t, 6> octets;
  const auto mac = ParseMac(text);
  FUZZ_CHECK(P10, mac.has_value() == NaiveMac(text, octets));
  CurrentTrace().Add(mac.has_value() ? Bytes(mac->octets) : Bytes());
  if (!mac) return;
  FUZZ_CHECK(P10, mac->octets == octets);
  Writer out;
  for (size_t i = 0; i < octets.size(); ++i) {
    if (i > 0) out.Put(':');
    out.Put(kHexadecimal[mac->octets[i] / 16]);
    out.Put(kHexadecimal[mac->octets[i] % 16]);
  }
  FUZZ_CHECK(P9, NaiveSame(text, out.text()));
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const std::string_view text = TextOf(copy.bytes());
  CheckAddress(text);
  CheckNetwork(text);
  CheckMac(text);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
