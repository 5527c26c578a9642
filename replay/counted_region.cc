#include "replay/counted_region.h"

extern "C" void aether_counted_region(const std::function<void()>& run) {
  run();
  // Not a jump: the function stays on the stack, where profilers look for it.
  asm volatile("");
}
