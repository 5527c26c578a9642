// The part of a replay main that reads and writes texts; see replay_main.cc.
#include "fuzz/decode_tool.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/decode.h"

namespace aether::fuzz {
namespace {

std::optional<std::vector<uint8_t>> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(file), {});
}

// udp of bin/udp_replay.
std::string TargetName(const char* program) {
  const std::string name = std::filesystem::path(program).filename().string();
  return name.substr(0, name.rfind("_replay"));
}

int RunDecode(const char* program, const char* path, const std::string& pcap) {
  const std::optional<std::vector<uint8_t>> input = ReadFile(path);
  const std::string problem =
      input ? Decode(TargetName(program), *input, pcap) : std::string("cannot be read");
  if (problem.empty()) return 0;
  std::fprintf(stderr, "%s: %s\n", path, problem.c_str());
  return 2;
}

int RunText(const char* path) {
  const std::optional<std::vector<uint8_t>> input = ReadFile(path);
  if (input) {
    std::printf("%s", TextOf(*input).c_str());
    return 0;
  }
  std::fprintf(stderr, "%s: cannot be read\n", path);
  return 2;
}

int RunEncode(const char* path, const char* out_path) {
  const std::optional<std::vector<uint8_t>> text = ReadFile(path);
  std::vector<uint8_t> input;
  const std::string problem =
      text ? Encode({text->begin(), text->end()}, input) : std::string("cannot be read");
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

// Each file's text encodes back to it. Of one that ends in the middle of a record comes back more,
// which means the same: it has the same text.
int RunRoundTrip(const char* folder) {
  int different = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::optional<std::vector<uint8_t>> input = ReadFile(entry.path());
    if (!input) continue;
    const std::string text = TextOf(*input);
    std::vector<uint8_t> again;
    const std::string problem = Encode(text, again);
    if (problem.empty() && (again == *input || TextOf(again) == text)) continue;
    std::printf("%s: its text does not encode back to it %s\n", entry.path().c_str(),
                problem.c_str());
    ++different;
  }
  return different == 0 ? 0 : 1;
}

}  // namespace

int RunDecodeTool(int argc, char** argv) {
  // What was printed before a violation is to be seen.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (argc == 3 && arguments[0] == "--decode") return RunDecode(argv[0], argv[2], {});
  if (argc == 5 && arguments[0] == "--decode" && arguments[2] == "--pcap")
    return RunDecode(argv[0], argv[2], arguments[3]);
  if (argc == 3 && arguments[0] == "--text") return RunText(argv[2]);
  if (argc == 3 && arguments[0] == "--round-trip") return RunRoundTrip(argv[2]);
  if (argc == 5 && arguments[0] == "--encode" && arguments[2] == "-o")
    return RunEncode(argv[2], argv[4]);
  if (argc > 1 && arguments[0].starts_with("--")) {
    std::fprintf(
        stderr,
        "%s: one of FILE|FOLDER..., --decode FILE [--pcap OUT], --text FILE, --encode TEXT -o "
        "FILE, --round-trip FOLDER\n",
        argv[0]);
    return 2;
  }
  return -1;
}

}  // namespace aether::fuzz
