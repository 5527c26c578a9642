#include "fuzz/target.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace aether::fuzz {

// FNV-1a, 64 bits.
void Trace::Add(uint64_t value) {
  for (int i = 0; i < 8; ++i) {
    hash_ = (hash_ ^ (value & 0xff)) * 0x100000001b3u;
    value >>= 8;
  }
}

void Trace::Add(Bytes bytes) {
  Add(bytes.size());
  for (const uint8_t byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001b3u;
}

Trace& CurrentTrace() {
  static Trace trace;
  return trace;
}

void Fail(const char* property, const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: property %s does not hold: %s\n", file, line, property, expression);
  std::fflush(stderr);
  std::abort();
}

ExactCopy::ExactCopy(Bytes bytes)
    : memory_(std::make_unique_for_overwrite<uint8_t[]>(bytes.size())), size_(bytes.size()) {
  if (size_ > 0) std::memcpy(memory_.get(), bytes.data(), size_);
}

}  // namespace aether::fuzz

// libFuzzer starts a thread that watches the process's memory; while that thread asks where its own
// stack is, what it allocates for the answer looks lost to a check for leaks in another one.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:pthread_attr_extension\n"; }
