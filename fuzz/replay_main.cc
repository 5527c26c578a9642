// The main of a target outside of the fuzz build: runs files, and the files of folders, each twice,
// and compares the traces (P15).
//
//   NAME_replay FILE|FOLDER...
//   NAME_replay --decode FILE [--pcap OUT]     shows the input as a text and what it does
//   NAME_replay --text FILE                    the text alone
//   NAME_replay --encode TEXT -o FILE          makes an input from such a text
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

#include "fuzz/decode.h"
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

// udp of bin/udp_replay.
std::string TargetName(const char* program) {
  const std::string name = std::filesystem::path(program).filename().string();
  return name.substr(0, name.rfind("_replay"));
}

int RunDecode(const char* program, const char* path, const std::string& pcap) {
  const std::optional<std::vector<uint8_t>> input = ReadFile(path);
  const std::string problem = input ? aether::fuzz::Decode(TargetName(program), *input, pcap)
                                    : std::string("cannot be read");
  if (problem.empty()) return 0;
  std::fprintf(stderr, "%s: %s\n", path, problem.c_str());
  return 2;
}

int RunText(const char* path) {
  const std::optional<std::vector<uint8_t>> input = ReadFile(path);
  if (input) {
    std::printf("%s", aether::fuzz::TextOf(*input).c_str());
    return 0;
  }
  std::fprintf(stderr, "%s: cannot be read\n", path);
  return 2;
}

int RunEncode(const char* path, const char* out_path) {
  const std::optional<std::vector<uint8_t>> text = ReadFile(path);
  std::vector<uint8_t> input;
  const std::string problem = text ? aether::fuzz::Encode({text->begin(), text->end()}, input)
                                   : std::string("cannot be read");
  if (!problem.empty()) {
    std::fprintf(stderr, "%s: %s\n", path, problem.c_str());
    return 2;
  }
  std::ofstream out(out_path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(input.data()),
            static_cast<std::streamsize>(input.size()));
  out.close();
  if (out) return 0;
  std::fprintf(stderr, "%s: cannot be written\n", out_path);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  // What was printed before a violation is to be seen.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (argc == 3 && arguments[0] == "--decode") return RunDecode(argv[0], argv[2], {});
  if (argc == 5 && arguments[0] == "--decode" && arguments[2] == "--pcap")
    return RunDecode(argv[0], argv[2], arguments[3]);
  if (argc == 3 && arguments[0] == "--text") return RunText(argv[2]);
  if (argc == 5 && arguments[0] == "--encode" && arguments[2] == "-o")
    return RunEncode(argv[2], argv[4]);
  if (argc > 1 && arguments[0].starts_with("--")) {
    std::fprintf(
        stderr,
        "%s: one of FILE|FOLDER..., --decode FILE [--pcap OUT], --text FILE, --encode TEXT -o "
        "FILE\n",
        argv[0]);
    return 2;
  }
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
