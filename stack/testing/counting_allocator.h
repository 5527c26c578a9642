// Counts every call of the global operator new. Whoever links this file gets a replaced operator
// new and delete; only tests do.
#pragma once

#include <cstdint>

namespace aether::testing {

// Allocations since the program started.
uint64_t AllocationCount();

// Counts from its construction on.
class AllocationScope {
 public:
  AllocationScope() : start_(AllocationCount()) {}
  uint64_t count() const { return AllocationCount() - start_; }

 private:
  uint64_t start_;
};

}  // namespace aether::testing
