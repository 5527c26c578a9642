#include "bench/stack/operations.h"

#include <cstdio>
#include <cstdlib>

#include "stack/wire/checksum.h"

namespace aether::bench {
namespace {

constexpr std::string_view kOperations = "--operations=";
constexpr std::string_view kCase = "--case=";

// The build whose instructions are counted.
#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

int Print(const OperationTotals& totals, const std::string& wrong) {
  if (!wrong.empty()) {
    std::fprintf(stderr, "WRONG RESULT: %s\n", wrong.c_str());
    return 4;
  }
  // What the processor (or the tool that plays it) lets the stack choose.
  const char* const unit = IsAvailable(ChecksumUnit::kAvx512) ? "avx512"
                           : IsAvailable(ChecksumUnit::kAvx2) ? "avx2"
                                                              : "portable";
  const auto print = [](const char* name, uint64_t value) {
    std::printf("%s %llu\n", name, static_cast<unsigned long long>(value));
  };
  print("operations", totals.operations);
  print("frames_in", totals.frames_in);
  print("frames_out", totals.frames_out);
  print("bytes_out", totals.bytes_out);
  print("pure_acks_out", totals.pure_acks_out);
  print("retransmissions", totals.retransmissions);
  print("allocations", totals.allocations);
  print("locks", totals.locks);
  print("waits", totals.waits);
  std::printf("checksum_unit %s\ncompiler %s\n", unit, kCompiler);
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
