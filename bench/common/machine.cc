#include "bench/common/machine.h"

#include <sys/utsname.h>

#include <fstream>

namespace aether::bench {

// Written by the build into a source file of its own.
extern const char* const kCommit;

namespace {

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string Kernel() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string Compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

}  // namespace

std::vector<std::pair<std::string, std::string>> DescribeMachine() {
  return {{"cpu_model", CpuModel()},
          {"kernel", Kernel()},
          {"compiler", Compiler()},
          {"flags", AETHER_BENCH_FLAGS},
          {"commit", kCommit}};
}

}  // namespace aether::bench
