// The dozen small programs that the cycle model has to predict on the machine at hand before it is
// believed about another one. Each does what a part of a network stack or of its client does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace aether::celeron {

struct Kernel {
  std::string name;
  std::string what;
  // Operations of one run; some 50 microseconds.
  uint64_t operations;
  // After so many all of its data was touched.
  uint64_t warm_operations;
  // Whether each access to memory waits for the one before: then nothing of it is hidden.
  bool is_chain;
  // Does so many; what comes out depends on all of them.
  std::function<uint64_t(uint64_t operations)> run;
};

std::vector<Kernel> MakeKernels();

}  // namespace aether::celeron
