// TCP options (RFC 9293 3.2, RFC 7323 section 2, RFC 2018). The input is the option field; a header
// holds 40 bytes of it, a little more is tried.
#include <algorithm>
#include <array>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/wire/tcp_options.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 64;

// The options as RFC 9293 3.2 lists them: an index that goes from kind to kind.
struct NaiveOptions {
  bool is_valid = true;
  unsigned options = 0;
  unsigned kinds_sum = 0;
  bool has_mss = false;
  bool has_scale = false;
  bool sack_permitted = false;
  bool has_timestamps = false;
  unsigned mss = 0;
  unsigned scale = 0;
  uint32_t timestamps[2] = {};
  unsigned blocks = 0;
  uint32_t edges[8] = {};
};

void NaiveTake(unsigned kind, Bytes data, NaiveOptions& naive) {
  if (kind == 2 && data.size() == 2) {
    naive.has_mss = true;
    naive.mss = NaiveWord(data, 0);
  }
  if (kind == 3 && data.size() == 1) {
    naive.has_scale = true;
    naive.scale = data[0] > 14 ? 14 : data[0];
  }
  if (kind == 4 && data.empty()) naive.sack_permitted = true;
  if (kind == 8 && data.size() == 8) {
    naive.has_timestamps = true;
    naive.timestamps[0] = NaiveLong(data, 0);
    naive.timestamps[1] = NaiveLong(data, 4);
  }
  if (kind == 5 && data.size() >= 8 && data.size() % 8 == 0) {
    naive.blocks = 0;
    for (size_t at = 0; at < data.size() && naive.blocks < 4; at += 8) {
      naive.edges[naive.blocks * 2] = NaiveLong(data, at);
      naive.edges[naive.blocks * 2 + 1] = NaiveLong(data, at + 4);
      ++naive.blocks;
    }
  }
}

NaiveOptions NaiveParse(Bytes field) {
  NaiveOptions naive;
  for (size_t i = 0; i < field.size() && field[i] != 0;) {
    if (field[i] == 1) {
      ++i;
      continue;
    }
    const size_t length = i + 1 < field.size() ? field[i + 1] : 0;
    if (length < 2 || i + length > field.size()) {
      naive.is_valid = false;
      break;
    }
    ++naive.options;
    naive.kinds_sum += field[i];
    NaiveTake(field[i], field.subspan(i + 2, length - 2), naive);
    i += length;
  }
  return naive;
}

// The one form in which we write options: 4-byte groups, no-operations before what needs them.
class NaiveWriter {
 public:
  void Put(std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) out_[size_++] = static_cast<uint8_t>(byte);
  }
  void Put32(uint32_t value) {
    Put({value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255});
  }
  Bytes bytes() const { return Bytes(out_).first(size_); }

 private:
  std::array<uint8_t, 64> out_{};
  size_t size_ = 0;
};

NaiveWriter NaiveEmit(const NaiveOptions& naive, unsigned blocks) {
  NaiveWriter out;
  if (naive.has_mss) out.Put({2, 4, naive.mss >> 8, naive.mss & 255});
  if (naive.has_timestamps != naive.sack_permitted) out.Put({1, 1});
  if (naive.sack_permitted) out.Put({4, 2});
  if (naive.has_timestamps) {
    out.Put({8, 10});
    out.Put32(naive.timestamps[0]);
    out.Put32(naive.timestamps[1]);
  }
  if (naive.has_scale) out.Put({1, 3, 3, naive.scale});
  if (blocks > 0) out.Put({1, 1, 5, 2 + 8 * blocks});
  for (unsigned i = 0; i < 2 * blocks; ++i) out.Put32(naive.edges[i]);
  return out;
}

void CheckAgreement(const TcpOptions& options, const NaiveOptions& naive) {
  FUZZ_CHECK(P10, options.mss.has_value() == naive.has_mss);
  FUZZ_CHECK(P10, options.mss.value_or(0) == naive.mss);
  FUZZ_CHECK(P10, options.window_scale.has_value() == naive.has_scale);
  FUZZ_CHECK(P10, options.window_scale.value_or(0) == naive.scale);
  FUZZ_CHECK(P10, options.sack_permitted == naive.sack_permitted);
  FUZZ_CHECK(P10, options.timestamps.has_value() == naive.has_timestamps);
  const TcpTimestamps timestamps = options.timestamps.value_or(TcpTimestamps{});
  FUZZ_CHECK(P10, timestamps.value == naive.timestamps[0]);
  FUZZ_CHECK(P10, timestamps.echo_reply == naive.timestamps[1]);
  FUZZ_CHECK(P10, options.sack_block_count == naive.blocks);
  for (size_t i = 0; i < naive.blocks; ++i) {
    FUZZ_CHECK(P10, options.sack_blocks[i].start.value() == naive.edges[2 * i]);
    FUZZ_CHECK(P10, options.sack_blocks[i].end.value() == naive.edges[2 * i + 1]);
  }
}

void CheckRoundTrip(TcpOptions options, const NaiveOptions& naive) {
  // What arrived in one header may need more padding than one header holds.
  unsigned blocks = naive.blocks;
  while (NaiveEmit(naive, blocks).bytes().size() > 40) --blocks;
  for (size_t i = blocks; i < options.sack_block_count; ++i) options.sack_blocks[i] = {};
  options.sack_block_count = blocks;
  const NaiveWriter canonical = NaiveEmit(naive, blocks);
  ExactCopy out(canonical.bytes());
  std::ranges::fill(out.writable(), uint8_t{0xa5});
  FUZZ_CHECK(P9, options.Emit(out.writable()) == out.bytes().size());
  FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), canonical.bytes()));
  const auto again = TcpOptions::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, *again == options);
  CurrentTrace().Add(out.bytes());
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const NaiveOptions naive = NaiveParse(copy.bytes());

  TcpOptionIterator walk(copy.bytes());
  uint8_t kind = 0;
  Bytes data;
  unsigned options = 0;
  unsigned kinds_sum = 0;
  while (walk.Next(kind, data)) {
    FUZZ_CHECK(P8, ++options <= kInputBytesMax / 2);
    kinds_sum += kind;
  }
  FUZZ_CHECK(P10, options == naive.options && kinds_sum == naive.kinds_sum);
  FUZZ_CHECK(P10, walk.malformed() == !naive.is_valid);

  const auto parsed = TcpOptions::Parse(copy.bytes());
  FUZZ_CHECK(P10, parsed.has_value() == naive.is_valid);
  CurrentTrace().Add(parsed.has_value() ? 0 : static_cast<uint64_t>(parsed.error()));
  if (!parsed) return;
  CheckAgreement(*parsed, naive);
  CheckRoundTrip(*parsed, naive);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
