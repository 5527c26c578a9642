#include "fuzz/target.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/uncounted.h"

namespace aether::fuzz {
AETHER_UNCOUNTED_BEGIN

// One step of FNV-1a for eight bytes; the upper half comes down, for a product's lower bits know
// nothing of it.
void Trace::Add(uint64_t value) {
  hash_ = (hash_ ^ value) * 0x100000001b3u;
  hash_ ^= hash_ >> 32;
}

void Trace::Add(Bytes bytes) {
  Add(bytes.size());
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    uint64_t eight;
    std::memcpy(&eight, bytes.data(), sizeof eight);
    Add(eight);
  }
  uint64_t last = 0;
  if (!bytes.empty()) std::memcpy(&last, bytes.data(), bytes.size());
  Add(last);
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

AETHER_UNCOUNTED_END
}  // namespace aether::fuzz

// libFuzzer starts a thread that watches the process's memory; while that thread asks where its own
// stack is, what it allocates for the answer looks lost to a check for leaks in another one.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:pthread_attr_extension\n"; }
