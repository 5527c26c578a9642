#include "bench/report/counted_case.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bench/report/files.h"
#include "bench/report/process.h"

namespace aether::perf {

namespace {

constexpr uint64_t kOperations = 4096;
constexpr const char* kRegion = "aether_counted_region";
// Takes the C library's string functions back to those of SSE2: the same on every machine.
constexpr const char* kSwitchedOff[] = {"AVX512F",
                                        "AVX512BW",
                                        "AVX512VL",
                                        "AVX2",
                                        "AVX",
                                        "ERMS",
                                        "FSRM",
                                        "SSSE3",
                                        "SSE4_1",
                                        "SSE4_2",
                                        "BMI1",
                                        "BMI2",
                                        "LZCNT",
                                        "MOVBE",
                                        "RTM",
                                        "AVX_Fast_Unaligned_Load",
                                        "Fast_Unaligned_Copy",
                                        "Prefer_No_VZEROUPPER"};

struct Counted {
  uint64_t instructions = 0;
  uint64_t operations = 0;
};

uint64_t NumberAfter(const std::string& text, absl::string_view mark) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    uint64_t number = 0;
    if (absl::StartsWith(line, mark) && absl::SimpleAtoi(line.substr(mark.size()), &number))
      return number;
  }
  return 0;
}

absl::StatusOr<Counted> CountOnce(const std::string& program, const std::string& name,
                                  uint64_t operations, const std::string& profile) {
  const std::string log = absl::StrCat(profile, ".txt");
  const absl::Status ran = RunOrSay(
      {.arguments = {"valgrind", "--tool=callgrind", "--collect-atstart=no",
                     absl::StrCat("--toggle-collect=", kRegion),
                     absl::StrCat("--callgrind-out-file=", profile), program,
                     absl::StrCat("--operations=", operations), absl::StrCat("--case=", name)},
       .environment = {{"GLIBC_TUNABLES",
                        absl::StrCat("glibc.cpu.hwcaps=-", absl::StrJoin(kSwitchedOff, ",-"))}},
       .output = log});
  if (!ran.ok()) return ran;
  const absl::StatusOr<std::string> printed = ReadFile(log);
  if (!printed.ok()) return printed.status();
  const absl::StatusOr<std::string> counted = ReadFile(profile);
  if (!counted.ok()) return counted.status();
  Counted result{.instructions = std::max(NumberAfter(*counted, "totals: "),
                                          NumberAfter(*counted, "summary: ")),
                 .operations = NumberAfter(*printed, "operations ")};
  if (result.instructions == 0 || result.operations == 0)
    return absl::InternalError(
        absl::StrCat(program, ", case ", name, ": callgrind counted nothing"));
  return result;
}

}  // namespace

std::string WhyNotCounted() {
  if (FindProgram("valgrind").empty()) return "valgrind is not installed";
  const absl::StatusOr<std::string> info = ReadFile("/proc/cpuinfo");
  if (!info.ok() || info->find(" avx2") == info->npos) return "this processor has no AVX2";
  return "";
}

std::string ProfileName(const std::string& name) {
  std::string file = name;
  std::ranges::replace(file, '/', '.');
  return absl::StrCat("callgrind.", file);
}

absl::StatusOr<double> CountCase(const std::string& program, const std::string& name,
                                 const std::string& folder) {
  if (absl::Status made = MakeDirectories(folder); !made.ok()) return made;
  const std::string profile = absl::StrCat(folder, "/", ProfileName(name));
  const auto once = CountOnce(program, name, kOperations, profile);
  if (!once.ok()) return once.status();
  const auto twice = CountOnce(program, name, 2 * once->operations, profile);
  if (!twice.ok()) return twice.status();
  if (twice->operations <= once->operations)
    return absl::InternalError(absl::StrCat(name, ": no operations between N and 2N"));
  const absl::Status written =
      WriteFile(absl::StrCat(profile, ".operations"), absl::StrCat(twice->operations, "\n"));
  if (!written.ok()) return written;
  return static_cast<double>(twice->instructions - once->instructions) /
         static_cast<double>(twice->operations - once->operations);
}

}  // namespace aether::perf
