// TCP options (RFC 9293 3.2, RFC 7323, RFC 2018): one iterator that always advances or ends, the
// set that a segment carries, and emission in the order and padding that Linux uses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/seq.h"

namespace aether {

enum class TcpOptionKind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamps = 8,
};

// [RFC 9293 3.2 MUST-64] options begin at any octet; [RFC 9293 3.1 MUST-4] no-operations are
// skipped, and an end of options ends the list.
class TcpOptionIterator {
 public:
  explicit TcpOptionIterator(Bytes options) : rest_(options) {}

  // The next option's kind and data (without kind and length). False at the end and on a malformed
  // length.
  bool Next(uint8_t& kind, Bytes& data) {
    while (!rest_.empty() && rest_[0] == static_cast<uint8_t>(TcpOptionKind::kNop))
      rest_ = rest_.subspan(1);
    if (rest_.empty() || rest_[0] == static_cast<uint8_t>(TcpOptionKind::kEnd)) return false;
    if (rest_.size() < 2 || rest_[1] < 2 || rest_[1] > rest_.size()) {
      malformed_ = true;
      rest_ = {};
      return false;
    }
    kind = rest_[0];
    data = rest_.subspan(2, rest_[1] - 2u);
    rest_ = rest_.subspan(rest_[1]);
    return true;
  }
  bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

struct TcpTimestamps {
  uint32_t value = 0;
  uint32_t echo_reply = 0;
  constexpr bool operator==(const TcpTimestamps&) const = default;
};

// [start, end), RFC 2018 section 3.
struct SackBlock {
  Seq start{};
  Seq end{};
  constexpr bool operator==(const SackBlock&) const = default;
};

struct TcpOptions {
  static constexpr size_t kSackBlocksMax = 4;
  // [RFC 7323 2.3] a larger shift count is used as 14.
  static constexpr uint8_t kWindowScaleMax = 14;

  std::optional<uint16_t> mss{};
  std::optional<uint8_t> window_scale{};
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps{};
  std::array<SackBlock, kSackBlocksMax> sack_blocks{};
  size_t sack_block_count = 0;

  // A length that leads nowhere rejects all of them; a known kind with a length that is not its own
  // is skipped like an unknown one; of an option that stands twice the last counts. [RFC 9293 3.1
  // MUST-6] unknown options are skipped by their length. [RFC 9293 3.1 MUST-7] illegal lengths do
  // no harm.
  static std::expected<TcpOptions, Drop> Parse(Bytes options);

  // Writes the options padded with NOPs to a multiple of 4, at most 40 bytes; returns that size.
  // [RFC 9293 3.1 MUST-68, MUST-69] all but those have a length, and no end of options is written
  // that zeros would have to follow.
  size_t Emit(MutableBytes out) const;

  constexpr bool operator==(const TcpOptions&) const = default;
};

}  // namespace aether
