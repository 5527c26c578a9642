// What a stateful target offers besides LLVMFuzzerTestOneInput. Written once in its file:
//
//   AETHER_STATEFUL_TARGET(kGrammar)
//
// defines libFuzzer's custom mutator and crossover, and lets the replay main decode and encode.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz {

// Null in a target without one: its inputs are plain bytes.
const Grammar*& TargetGrammar();

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
