#include "stack/base/siphash.h"

namespace aether {

uint64_t SipHash24Bytes(SipKey key, Bytes data) {
  siphash_internal::State state(key);
  const size_t whole = data.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    state.Absorb<2>(std::byteswap(LoadBe<uint64_t>(data.data() + i)));
  }
  uint64_t last = static_cast<uint64_t>(data.size()) << 56;
  for (size_t i = whole; i < data.size(); ++i) {
    last |= static_cast<uint64_t>(data[i]) << (8 * (i - whole));
  }
  state.Absorb<2>(last);
  return state.Finish<4>();
}

}  // namespace aether
