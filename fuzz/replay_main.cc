// The main of a target outside of the fuzz build: runs files, and the files of folders, each twice,
// and compares the traces (P15).
//
//   NAME_replay FILE|FOLDER...
//
// Exit: 0 all ran and did the same twice; 1 one did not (one that violates a property ends the
// process); 2 nothing to run, or a file that cannot be read.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace {

using aether::fuzz::CurrentTrace;

std::optional<std::vector<uint8_t>> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {});
}

uint64_t HashOf(const std::vector<uint8_t>& input) {
  CurrentTrace().Reset();
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return CurrentTrace().hash();
}

// The files of `argument`, in the order of their names.
std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& argument) {
  if (!std::filesystem::is_directory(argument)) return {argument};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argument)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::vector<std::filesystem::path> more = FilesOf(argv[i]);
    files.insert(files.end(), more.begin(), more.end());
  }
  if (files.empty()) {
    std::fprintf(stderr, "%s: nothing to run; give it files, or folders with some\n", argv[0]);
    return 2;
  }
  int different = 0;
  for (const std::filesystem::path& path : files) {
    // Known before it runs: a violation ends the process.
    std::fprintf(stderr, "%s\r", path.c_str());
    const std::optional<std::vector<uint8_t>> input = ReadFile(path);
    if (!input) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return 2;
    }
    const uint64_t first = HashOf(*input);
    if (HashOf(*input) == first) continue;
    std::fprintf(stderr, "%s: property P15 does not hold: the second run did something else\n",
                 path.c_str());
    ++different;
  }
  std::printf("%zu inputs, each twice, %d differ\n", files.size(), different);
  return different == 0 ? 0 : 1;
}
