#include "stack/wire/tcp_options.h"

#include <algorithm>

namespace aether {

std::expected<TcpOptions, Drop> TcpOptions::Parse(Bytes options) {
  TcpOptions parsed;
  TcpOptionIterator walk(options);
  uint8_t kind;
  Bytes data;
  while (walk.Next(kind, data)) {
    switch (static_cast<TcpOptionKind>(kind)) {
      case TcpOptionKind::kMss:
        if (data.size() == 2) parsed.mss = LoadBe<uint16_t>(data.data());
        break;
      case TcpOptionKind::kWindowScale:
        if (data.size() == 1) parsed.window_scale = std::min(data[0], kWindowScaleMax);
        break;
      case TcpOptionKind::kSackPermitted:
        if (data.empty()) parsed.sack_permitted = true;
        break;
      case TcpOptionKind::kTimestamps:
        if (data.size() == 8) {
          parsed.timestamps =
              TcpTimestamps{LoadBe<uint32_t>(data.data()), LoadBe<uint32_t>(data.data() + 4)};
        }
        break;
      case TcpOptionKind::kSack: {
        if (data.empty() || data.size() % 8 != 0) break;
        // Of an option that stands twice nothing stays.
        parsed.sack_blocks = {};
        parsed.sack_block_count = std::min(data.size() / 8, kSackBlocksMax);
        for (size_t i = 0; i < parsed.sack_block_count; ++i) {
          parsed.sack_blocks[i] = {Seq(LoadBe<uint32_t>(data.data() + 8 * i)),
                                   Seq(LoadBe<uint32_t>(data.data() + 8 * i + 4))};
        }
        break;
      }
      default:
        break;
    }
  }
  if (walk.malformed()) return std::unexpected(Drop::kTcpBadOptions);
  return parsed;
}

size_t TcpOptions::Emit(MutableBytes out) const {
  constexpr uint8_t kNop = static_cast<uint8_t>(TcpOptionKind::kNop);
  const size_t size = (mss ? 4u : 0u) + (timestamps ? (sack_permitted ? 10u : 12u) : 0u) +
                      (sack_permitted ? (timestamps ? 2u : 4u) : 0u) + (window_scale ? 4u : 0u) +
                      (sack_block_count != 0 ? 4 + 8 * sack_block_count : 0u);
  AETHER_CHECK(size <= 40 && out.size() >= size && sack_block_count <= kSackBlocksMax);
  uint8_t* at = out.data();
  const auto put = [&at](std::initializer_list<uint8_t> bytes) {
    at = std::copy(bytes.begin(), bytes.end(), at);
  };
  if (mss) {
    put({static_cast<uint8_t>(TcpOptionKind::kMss), 4});
    StoreBe<uint16_t>(at, *mss);
    at += 2;
  }
  if (sack_permitted) {
    if (!timestamps) put({kNop, kNop});
    put({static_cast<uint8_t>(TcpOptionKind::kSackPermitted), 2});
  } else if (timestamps) {
    put({kNop, kNop});
  }
  if (timestamps) {
    put({static_cast<uint8_t>(TcpOptionKind::kTimestamps), 10});
    StoreBe<uint32_t>(at, timestamps->value);
    StoreBe<uint32_t>(at + 4, timestamps->echo_reply);
    at += 8;
  }
  if (window_scale)
    put({kNop, static_cast<uint8_t>(TcpOptionKind::kWindowScale), 3, *window_scale});
  if (sack_block_count != 0) {
    put({kNop, kNop, static_cast<uint8_t>(TcpOptionKind::kSack),
         static_cast<uint8_t>(2 + 8 * sack_block_count)});
    for (size_t i = 0; i < sack_block_count; ++i) {
      StoreBe<uint32_t>(at, sack_blocks[i].start.value());
      StoreBe<uint32_t>(at + 4, sack_blocks[i].end.value());
      at += 8;
    }
  }
  return size;
}

}  // namespace aether
