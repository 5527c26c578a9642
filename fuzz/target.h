// What fuzz targets have in common. A target is one file <name>_fuzzer.cc with
// LLVMFuzzerTestOneInput; it states properties (FUZZING.md, P1 to P16) with FUZZ_CHECK and tells
// the trace what happened, so that two executions can be compared. It links libFuzzer's main in the
// fuzz build and replay_main.cc in every other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "stack/base/bytes.h"

namespace aether::fuzz {

// A hash of what one execution did (P15): verdicts, values, bytes that came out. Not of addresses,
// times or anything else that the next execution may do differently.
class Trace {
 public:
  void Add(uint64_t value);
  void Add(Bytes bytes);
  uint64_t hash() const { return hash_; }
  void Reset() { hash_ = kStart; }

 private:
  static constexpr uint64_t kStart = 0xcbf29ce484222325u;
  uint64_t hash_ = kStart;
};
// Of the execution under way; whoever calls the target resets it.
Trace& CurrentTrace();

// Says which property does not hold, where, and ends the process as a crash.
[[noreturn]] void Fail(const char* property, const char* expression, const char* file, int line);

// The bytes in an allocation of exactly their size: a read beyond them is seen by AddressSanitizer.
class ExactCopy {
 public:
  explicit ExactCopy(Bytes bytes);
  Bytes bytes() const { return {memory_.get(), size_}; }
  MutableBytes writable() { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t size_;
};

}  // namespace aether::fuzz

// `property` is its name in FUZZING.md, as in FUZZ_CHECK(P9, again == header).
#define FUZZ_CHECK(property, condition)                                              \
  do {                                                                               \
    if (!(condition)) aether::fuzz::Fail(#property, #condition, __FILE__, __LINE__); \
  } while (false)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
