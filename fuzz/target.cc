#include "fuzz/target.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace aether::fuzz {

// Of every word all bits go into all above them by the product, and from there below by the shift.
void Trace::Mix(uint64_t word) {
  hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15u;
  hash_ ^= hash_ >> 32;
}

void Trace::Add(uint64_t value) { Mix(value); }

void Trace::Add(Bytes bytes) {
  Mix(bytes.size());
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    Mix(word);
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  Mix(rest);
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
