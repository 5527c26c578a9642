// The lines of the history: made, appended, read.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/report/files.h"
#include "bench/report/history.h"
#include "bench/report/identity.h"
#include "bench/report/json.h"

namespace aether::perf {

namespace {

constexpr int kFormat = 1;

double QuarterOf(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

Json JsonOf(const HistoryEntry& entry) {
  Json rows = Json::object();
  for (const auto& [name, row] : entry.rows)
    rows[name] = {{"unit", row.unit},
                  {"value", row.value},
                  {"low", row.low},
                  {"high", row.high},
                  {"samples", row.samples}};
  return {{"format", kFormat},        {"commit", entry.commit}, {"date", entry.date},
          {"machine", entry.machine}, {"facts", entry.facts},   {"compiler", entry.compiler},
          {"flags", entry.flags},     {"rows", std::move(rows)}};
}

HistoryEntry EntryOf(const Json& json) {
  if (json.at("format").get<int>() != kFormat)
    throw Json::other_error::create(501, "another format", &json);
  HistoryEntry entry{.commit = json.at("commit").get<std::string>(),
                     .date = json.at("date").get<std::string>(),
                     .machine = json.at("machine").get<std::string>(),
                     .facts = json.at("facts").get<std::map<std::string, std::string>>(),
                     .compiler = json.at("compiler").get<std::string>(),
                     .flags = json.at("flags").get<std::string>()};
  for (const auto& [name, row] : json.at("rows").items())
    entry.rows[name] = {.unit = row.at("unit").get<std::string>(),
                        .value = row.at("value").get<double>(),
                        .low = row.at("low").get<double>(),
                        .high = row.at("high").get<double>(),
                        .samples = row.at("samples").get<size_t>()};
  return entry;
}

// Held by whoever appends, on a file of its own: the history is replaced while it is held.
class Lock {
 public:
  explicit Lock(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) {
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0 && errno == EINTR) continue;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool is_held() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace

HistoryEntry EntryOf(const Comparison& comparison, const FixedRows& fixed) {
  HistoryEntry entry{.commit = comparison.head.commit,
                     .date = comparison.date,
                     .compiler = comparison.head.Find("compiler"),
                     .flags = comparison.head.Find("flags")};
  entry.facts = {{"cpu_model", comparison.head.Find("cpu_model")},
                 {"kernel", comparison.head.Find("kernel")},
                 {"cores", absl::StrCat(std::thread::hardware_concurrency())}};
  std::string facts;
  for (const auto& [name, value] : entry.facts) absl::StrAppend(&facts, name, "=", value, "\n");
  entry.machine = Digest(facts).substr(0, 8);
  for (const ComparedRow& row : comparison.rows) {
    if (!row.head.empty())
      entry.rows[row.rule.row] = {.unit = row.rule.unit,
                                  .value = MedianOfValues(row.head),
                                  .low = QuarterOf(row.head, 0.25),
                                  .high = QuarterOf(row.head, 0.75),
                                  .samples = row.head.size()};
  }
  for (const auto& [name, row] : fixed)
    entry.rows[name] = {.unit = row.unit, .value = row.value, .low = row.value, .high = row.value};
  return entry;
}

absl::Status AppendHistory(const std::string& path, const HistoryEntry& entry) {
  const size_t slash = path.rfind('/');
  if (slash != path.npos)
    if (absl::Status made = MakeDirectories(path.substr(0, slash)); !made.ok()) return made;
  const std::string lock_path = absl::StrCat(path, ".lock");
  const Lock lock(lock_path);
  if (!lock.is_held())
    return absl::UnavailableError(absl::StrCat(lock_path, ": ", std::strerror(errno)));
  std::string text;
  if (FileExists(path)) {
    absl::StatusOr<std::string> before = ReadFile(path);
    if (!before.ok()) return before.status();
    text = *std::move(before);
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  return WriteFile(path, absl::StrCat(text, JsonOf(entry).dump(), "\n"));
}

absl::StatusOr<std::vector<HistoryEntry>> ReadHistory(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  std::vector<HistoryEntry> history;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    if (line.empty()) continue;
    auto entry = ReadJson<HistoryEntry>(absl::StrCat(path, ":", number), std::string(line),
                                        [](const Json& json) { return EntryOf(json); });
    if (!entry.ok())
      return absl::InvalidArgumentError(absl::StrCat(
          entry.status().message(), "\nNothing was changed; repair or remove that line."));
    history.push_back(*std::move(entry));
  }
  return history;
}

}  // namespace aether::perf
