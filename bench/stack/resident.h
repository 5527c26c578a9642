// What the kernel says this process has in memory, for rows about memory.
#pragma once

#include <cstddef>

namespace aether::bench {

size_t ResidentBytes();

// To be called before anything large is allocated: every table comes from the kernel and goes back
// to it, so that none lies in what another one has used.
void KeepTablesApart();

// A page of 2 MiB would count as used with its first byte.
class SmallPages {
 public:
  SmallPages();
  ~SmallPages();
  SmallPages(const SmallPages&) = delete;
  SmallPages& operator=(const SmallPages&) = delete;
};

}  // namespace aether::bench
