// For tests: a file with a name of its own in the working directory, removed at the end.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "stack/base/bytes.h"

namespace aether::testing {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& suffix = ".pcap")
      : path_("aether_test." + std::to_string(::getpid()) + "." + std::to_string(++count_) +
              suffix) {}
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  std::vector<uint8_t> Contents() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void Write(Bytes contents) const {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    for (uint8_t byte : contents) out.put(static_cast<char>(byte));
  }

 private:
  static inline int count_ = 0;
  std::string path_;
};

}  // namespace aether::testing
