#include "bench/stack/resident.h"

#include <malloc.h>
#include <sys/prctl.h>

#include <fstream>
#include <string>

namespace aether::bench {

// Not from statm, which may be late by some hundred pages.
size_t ResidentBytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  size_t kilobytes = 0;
  while (rollup >> word) {
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

void KeepTablesApart() { ::mallopt(M_MMAP_THRESHOLD, 65536); }

SmallPages::SmallPages() { ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
SmallPages::~SmallPages() { ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0); }

}  // namespace aether::bench
