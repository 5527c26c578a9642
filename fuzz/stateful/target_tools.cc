#include "fuzz/stateful/target_tools.h"

#include "fuzz/stateful/observer.h"

namespace aether::fuzz {

const Grammar*& TargetGrammar() {
  static const Grammar* grammar = nullptr;
  return grammar;
}

Observer*& CurrentObserver() {
  static Observer* observer = nullptr;
  return observer;
}

}  // namespace aether::fuzz
