// The main of a target beside the engine's: runs files, and the files of folders, each twice, and
// compares the traces (P15). It reads them with the C library alone: MemorySanitizer knows what
// that writes, and nothing of what is compiled into the C++ library.
//
//   NAME_replay FILE|FOLDER...
//   NAME_replay --decode FILE [--pcap OUT]     shows the input as a text and what it does
//   NAME_replay --text FILE                    the text alone
//   NAME_replay --encode TEXT -o FILE          makes an input from such a text
//   NAME_replay --round-trip FOLDER            whether the texts of a folder's files are theirs
//
// The last four not in builds that only fuzz.
//
// Exit: 0 all ran and did the same twice; 1 one did not (one that violates a property ends the
// process); 2 nothing to run, or a file that cannot be read.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/target.h"
#if defined(AETHER_FUZZ_TOOLS)
#include "fuzz/decode_tool.h"
#endif

namespace {

using aether::fuzz::CurrentTrace;

bool ReadFile(const std::string& path, std::vector<uint8_t>& out) {
  out.clear();
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  uint8_t piece[4096];
  for (size_t size; (size = std::fread(piece, 1, sizeof piece, file)) > 0;)
    out.insert(out.end(), piece, piece + size);
  const bool is_whole = std::ferror(file) == 0;
  std::fclose(file);
  return is_whole;
}

// In an allocation of exactly the input's size: a target that reads behind it is seen.
uint64_t HashOf(const std::vector<uint8_t>& input) {
  const auto exact = std::make_unique_for_overwrite<uint8_t[]>(input.size());
  std::ranges::copy(input, exact.get());
  CurrentTrace().Reset();
  LLVMFuzzerTestOneInput(exact.get(), input.size());
  return CurrentTrace().hash();
}

bool IsFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// Adds the files of `argument`, in the order of their names; of a file itself.
void AddFiles(const std::string& argument, std::vector<std::string>& files) {
  DIR* const folder = opendir(argument.c_str());
  if (folder == nullptr) {
    files.push_back(argument);
    return;
  }
  const size_t first = files.size();
  while (const dirent* const entry = readdir(folder)) {
    const std::string path = argument + "/" + entry->d_name;
    if (IsFile(path)) files.push_back(path);
  }
  closedir(folder);
  std::sort(files.begin() + static_cast<ptrdiff_t>(first), files.end());
}

}  // namespace

int main(int argc, char** argv) {
#if defined(AETHER_FUZZ_TOOLS)
  if (const int code = aether::fuzz::RunDecodeTool(argc, argv); code >= 0) return code;
#endif
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) AddFiles(argv[i], files);
  if (files.empty()) {
    std::fprintf(stderr, "%s: nothing to run; give it files, or folders with some\n", argv[0]);
    return 2;
  }
  int different = 0;
  std::vector<uint8_t> input;
  for (const std::string& path : files) {
    // Known before it runs: a violation ends the process.
    std::fprintf(stderr, "%s\r", path.c_str());
    if (!ReadFile(path, input)) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return 2;
    }
    const uint64_t first = HashOf(input);
    if (HashOf(input) == first) continue;
    std::fprintf(stderr, "%s: property P15 does not hold: the second run did something else\n",
                 path.c_str());
    ++different;
  }
  std::printf("%zu inputs, each twice, %d differ\n", files.size(), different);
  return different == 0 ? 0 : 1;
}
