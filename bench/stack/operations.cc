#include "bench/stack/operations.h"

#include <cstdio>
#include <cstdlib>

#include "stack/wire/checksum.h"

namespace aether::bench {
namespace {

constexpr std::string_view kOperations = "--operations=";
constexpr std::string_view kCase = "--case=";

int Print(const OperationTotals& totals, const std::string& wrong) {
  if (!wrong.empty()) {
    std::fprintf(stderr, "WRONG RESULT: %s\n", wrong.c_str());
    return 4;
  }
  // What the processor (or the tool that plays it) lets the stack choose.
  const char* const unit = IsAvailable(ChecksumUnit::kAvx512) ? "avx512"
                           : IsAvailable(ChecksumUnit::kAvx2) ? "avx2"
                                                              : "portable";
  std::printf("operations %llu\nframes_in %llu\nframes_out %llu\nchecksum_unit %s\n",
              static_cast<unsigned long long>(totals.operations),
              static_cast<unsigned long long>(totals.frames_in),
              static_cast<unsigned long long>(totals.frames_out), unit);
  if (totals.answered)
    std::printf("answered %llu\n", static_cast<unsigned long long>(*totals.answered));
  return 0;
}

}  // namespace

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsOperationsCall(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kOperations) || argument.starts_with(kCase)) return true;
  }
  return false;
}

int RunOperations(int argc, char** argv, const char* cases, const RunCase& run) {
  uint64_t operations = 0;
  std::string_view name;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (TakePrefix(argument, kOperations)) {
      operations = std::strtoull(std::string(argument).c_str(), nullptr, 10);
    } else if (TakePrefix(argument, kCase)) {
      name = argument;
    } else {
      std::fprintf(stderr, "%s: unknown argument %s\n", argv[0], argv[i]);
      return 1;
    }
  }
  OperationTotals totals;
  const std::optional<std::string> wrong =
      operations == 0 ? std::nullopt : run(name, operations, totals);
  if (!wrong) {
    std::fprintf(stderr, "usage: %s --operations=N --case=CASE, where CASE is %s\n", argv[0],
                 cases);
    return 1;
  }
  return Print(totals, *wrong);
}

}  // namespace aether::bench
