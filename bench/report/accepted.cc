#include "bench/report/accepted.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bench/report/files.h"
#include "bench/report/process.h"

namespace aether::perf {

namespace {

bool IsCommit(const std::string& text) {
  return text.size() >= 12 && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
           return std::isdigit(static_cast<unsigned char>(c)) != 0 || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

absl::StatusOr<std::vector<AcceptedChange>> ReadAccepted(const std::string& path,
                                                         const std::vector<RowRule>& rules) {
  const auto table = ReadTable(path, {"row", "commit", "loss_max", "reason"});
  if (!table.ok()) return table.status();
  std::vector<AcceptedChange> accepted;
  for (const TableRow& line : *table) {
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line.line, ": ", what));
    };
    const std::vector<std::string>& f = line.fields;
    if (std::ranges::find(rules, f[0], &RowRule::row) == rules.end())
      return wrong(absl::StrCat("there is no row ", f[0]));
    if (!IsCommit(f[1])) return wrong("a commit is 12 to 40 hexadecimal digits");
    const absl::StatusOr<double> loss = ParseShare(f[2]);
    if (!loss.ok()) return wrong(std::string(loss.status().message()));
    if (f[3].size() < 10) return wrong("the reason is missing");
    accepted.push_back({.row = f[0], .commit = f[1], .loss_max = *loss, .reason = f[3]});
  }
  return accepted;
}

absl::StatusOr<std::set<std::string>> CommitsBetween(const std::string& folder,
                                                     const std::string& base,
                                                     const std::string& head,
                                                     const std::string& scratch) {
  const std::string out = absl::StrCat(scratch, "/commits.txt");
  const auto plain = [](const std::string& commit) {
    return std::string(absl::StripSuffix(commit, "-dirty"));
  };
  const absl::Status ran = RunOrSay(
      {.arguments = {"git", "-C", folder, "rev-list", absl::StrCat(plain(base), "..", plain(head))},
       .output = out});
  if (!ran.ok()) return ran;
  const absl::StatusOr<std::string> text = ReadFile(out);
  if (!text.ok()) return text.status();
  std::set<std::string> commits;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty()))
    commits.emplace(std::string(line));
  return commits;
}

}  // namespace aether::perf
