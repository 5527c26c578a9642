// What a stateful target offers besides LLVMFuzzerTestOneInput. Written once in its file:
//
//   AETHER_STATEFUL_TARGET(kGrammar)
//
// defines libFuzzer's custom mutator and crossover, and lets the replay main decode and encode.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/target.h"

namespace aether::fuzz {

// Null in a target without one: its inputs are plain bytes.
const Grammar*& TargetGrammar();

// Whether an input that asks for it is run a second time, as somebody else (P11). An engine that
// fuzzes does so with one in four, by what the first run did: a twin doubles what an input costs,
// and half of all inputs ask. A replay always does, so what was found repeats.
inline bool IsRunAgain() {
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  return CurrentTrace().hash() % 4 == 0 || CurrentObserver() != nullptr;
#else
  return true;
#endif
}

struct RegisterGrammar {
  explicit RegisterGrammar(const Grammar& grammar) { TargetGrammar() = &grammar; }
};

}  // namespace aether::fuzz

// NOLINTBEGIN(bugprone-macro-parentheses)
#define AETHER_STATEFUL_TARGET(grammar)                                                       \
  static const aether::fuzz::RegisterGrammar register_grammar(grammar);                       \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,      \
                                            unsigned seed) {                                  \
    return aether::fuzz::MutateInput(grammar, data, size, size_max, seed);                    \
  }                                                                                           \
  extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size,        \
                                              const uint8_t* second, size_t second_size,      \
                                              uint8_t* out, size_t out_size, unsigned seed) { \
    return aether::fuzz::CrossInputs(grammar, {first, first_size}, {second, second_size},     \
                                     {out, out_size}, seed);                                  \
  }                                                                                           \
  static_assert(true)
// NOLINTEND(bugprone-macro-parentheses)
