// A second parser, written from the RFCs byte by byte and sharing no code with wire/: every frame
// that the stack emits in a test goes through it. It is strict where a receiver would be liberal,
// because what we send has to be right: exact lengths, every checksum, zero padding, reserved bits
// zero, options well formed and where they belong.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "stack/base/bytes.h"

namespace aether::testing {

// Some of the bytes of the frame that was parsed, which it does not own: they live as long as the
// frame does.
struct NaiveBytes : Bytes {
  using Bytes::Bytes;
  NaiveBytes(Bytes bytes) : Bytes(bytes) {}
  friend bool operator==(const NaiveBytes& a, Bytes b) { return std::ranges::equal(a, b); }
};

// A list of at most N, in place.
template <typename T, size_t N>
class ShortList {
 public:
  using value_type = T;
  using const_iterator = const T*;

  void push_back(const T& value) { values_.at(size_++) = value; }
  const T* begin() const { return values_.data(); }
  const T* end() const { return begin() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](size_t i) const { return values_.at(i); }
  friend bool operator==(const ShortList& a, std::initializer_list<T> b) {
    return std::ranges::equal(a, b);
  }
  friend bool operator==(const ShortList& a, const auto& b) { return std::ranges::equal(a, b); }

 private:
  std::array<T, N> values_{};
  size_t size_ = 0;
};

struct NaiveArp {
  uint16_t operation = 0;
  std::array<uint8_t, 6> sender_mac{};
  uint32_t sender_ip = 0;
  std::array<uint8_t, 6> target_mac{};
  uint32_t target_ip = 0;
};

struct NaiveIpv4 {
  uint8_t type_of_service = 0;
  uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint32_t fragment_offset_bytes = 0;
  uint8_t time_to_live = 0;
  uint8_t protocol = 0;
  uint32_t source = 0;
  uint32_t destination = 0;
  NaiveBytes payload;
};

struct NaiveIcmp {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest_of_header = 0;
  NaiveBytes payload;
};

struct NaiveUdp {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  NaiveBytes payload;
};

struct NaiveTcp {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t urgent_pointer = 0;
  std::optional<uint16_t> mss;
  std::optional<uint8_t> window_scale;
  bool sack_permitted = false;
  struct Timestamps {
    uint32_t value = 0;
    uint32_t echo_reply = 0;
  };
  std::optional<Timestamps> timestamps;
  // Left and right edge of each block.
  ShortList<std::array<uint32_t, 2>, 4> sack_blocks;
  // The kinds of the options in their order, padding included.
  ShortList<uint8_t, 40> option_kinds;
  NaiveBytes payload;
};

struct NaiveFrame {
  std::array<uint8_t, 6> destination{};
  std::array<uint8_t, 6> source{};
  uint16_t type = 0;
  std::optional<NaiveArp> arp;
  std::optional<NaiveIpv4> ip;
  std::optional<NaiveIcmp> icmp;
  std::optional<NaiveUdp> udp;
  std::optional<NaiveTcp> tcp;
};

// Views into `frame`. The error says what is wrong with it.
std::expected<NaiveFrame, std::string> NaiveParse(Bytes frame);
std::expected<NaiveFrame, std::string> NaiveParse(std::vector<uint8_t>&& frame) = delete;

// The Internet checksum of RFC 1071 in its slowest form; zero over data that holds its own right
// checksum.
uint16_t NaiveChecksum(Bytes data);
// The same with the pseudo header of TCP and UDP before the data.
uint16_t NaiveChecksumWithPseudoHeader(uint32_t source, uint32_t destination, uint8_t protocol,
                                       Bytes data);

}  // namespace aether::testing
