// The ring between two threads, used by one: what goes in comes out, once and in order, and it is
// full and empty exactly when it should be. (That it holds between threads is for TSan.)
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "stack/base/spsc_ring.h"

namespace aether::fuzz {
namespace {

// A std::deque of the numbers from `first` to `end`: all that it could hold.
struct Model {
  uint32_t first = 0;
  uint32_t end = 0;
  uint32_t size() const { return end - first; }
};

void Run(Records records) {
  const uint32_t capacity = 1u << records.Below(6);
  SpscRing<uint32_t> ring(capacity);
  Model model;
  FUZZ_CHECK(P4, ring.capacity() == capacity);
  // One place may be filled before it is committed.
  bool is_reserved = false;
  while (!records.empty()) {
    const uint8_t op = records.Byte();
    switch (op % 6) {
      case 0: {
        uint32_t* const slot = ring.Reserve();
        FUZZ_CHECK(P1, (slot != nullptr) == (model.size() < capacity));
        is_reserved = slot != nullptr;
        if (is_reserved) *slot = model.end;
        break;
      }
      case 1:
        if (!is_reserved) break;
        ring.Commit();
        ++model.end;
        is_reserved = false;
        break;
      case 2: {  // many at once
        for (uint32_t count = records.Below(40); count > 0; --count) {
          uint32_t* const slot = ring.Reserve();
          FUZZ_CHECK(P1, (slot != nullptr) == (model.size() < capacity));
          if (slot == nullptr) break;
          *slot = model.end++;
          ring.Commit();
        }
        is_reserved = false;
        break;
      }
      case 3: {
        const uint32_t* const front = ring.Front();
        FUZZ_CHECK(P1, (front != nullptr) == (model.size() > 0));
        if (front != nullptr) FUZZ_CHECK(P1, *front == model.first);
        break;
      }
      case 4: {
        const uint32_t ahead = records.Below(40);
        const uint32_t* const slot = ring.Peek(ahead);
        FUZZ_CHECK(P1, (slot != nullptr) == (ahead < model.size()));
        if (slot != nullptr) FUZZ_CHECK(P1, *slot == model.first + ahead);
        break;
      }
      default: {
        const uint32_t count = records.Below(model.size() + 1);
        ring.Pop(count);
        model.first += count;
        break;
      }
    }
    FUZZ_CHECK(P4, ring.Empty() == (model.size() == 0));
  }
  CurrentTrace().Add(uint64_t{model.first} << 32 | model.end);
  for (; model.size() > 0; ++model.first) {
    const uint32_t* const front = ring.Front();
    FUZZ_CHECK(P1, front != nullptr && *front == model.first);
    ring.Pop();
  }
  FUZZ_CHECK(P5, ring.Empty() && ring.Front() == nullptr);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return -1;
  aether::fuzz::Run(aether::fuzz::Records({data, size}));
  return 0;
}
