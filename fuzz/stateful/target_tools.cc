#include "fuzz/stateful/target_tools.h"

namespace aether::fuzz {

const Grammar*& TargetGrammar() {
  static const Grammar* grammar = nullptr;
  return grammar;
}

}  // namespace aether::fuzz
