#include "bench/report/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bench/report/files.h"
#include "bench/report/json.h"

namespace aether::perf {

namespace {

std::string LineOf(const Journal::Header& header) {
  const Json json = {{"seed", header.seed},
                     {"base", header.base},
                     {"head", header.head},
                     {"base_digest", header.base_digest},
                     {"head_digest", header.head_digest}};
  return json.dump() + "\n";
}

absl::StatusOr<Journal::Header> HeaderOf(const std::string& where, const std::string& line) {
  return ReadJson<Journal::Header>(where, line, [](const Json& json) {
    return Journal::Header{.seed = json.at("seed").get<uint64_t>(),
                           .base = json.at("base").get<std::string>(),
                           .head = json.at("head").get<std::string>(),
                           .base_digest = json.at("base_digest").get<std::string>(),
                           .head_digest = json.at("head_digest").get<std::string>()};
  });
}

}  // namespace

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      planned_blocks_(other.planned_blocks_),
      iterations_(std::move(other.iterations_)),
      blocks_(std::move(other.blocks_)) {}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

absl::StatusOr<Journal> Journal::Create(const std::string& path, const Header& header) {
  if (absl::Status written = WriteFile(path, LineOf(header)); !written.ok()) return written;
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  return Journal(path, fd);
}

absl::StatusOr<Journal::Header> Journal::ReadHeader(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return HeaderOf(absl::StrCat(path, ":1"), text->substr(0, text->find('\n')));
}

absl::StatusOr<Journal> Journal::Resume(const std::string& path, const Header& header) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Header> found = ReadHeader(path);
  if (!found.ok()) return found.status();
  if (*found != header)
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is of other builds or another seed; start anew, without --resume"));
  const size_t whole = text->rfind('\n');
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  Journal journal(path, fd);
  if (::ftruncate(fd, static_cast<off_t>(whole + 1)) != 0)
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  size_t number = 1;
  for (size_t at = text->find('\n') + 1; at <= whole; ++number) {
    const size_t end = text->find('\n', at);
    if (absl::Status taken = journal.TakeLine(text->substr(at, end - at), number + 1); !taken.ok())
      return taken;
    at = end + 1;
  }
  return journal;
}

absl::Status Journal::TakeLine(const std::string& line, size_t number) {
  return ReadJson<int>(absl::StrCat(path_, ":", number), line,
                       [this](const Json& json) {
                         if (json.contains("blocks")) {
                           planned_blocks_ = json.at("blocks").get<size_t>();
                           return 0;
                         }
                         const std::string row = json.at("row").get<std::string>();
                         if (json.contains("iterations")) {
                           iterations_[row] = json.at("iterations").get<uint64_t>();
                           return 0;
                         }
                         blocks_[{row, json.at("block").get<size_t>()}] = {
                             .values = json.at("values").get<std::array<double, 4>>(),
                             .bound = json.at("bound").get<double>()};
                         return 0;
                       })
      .status();
}

absl::Status Journal::Append(const std::string& line) {
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return absl::UnavailableError(absl::StrCat(path_, ": ", std::strerror(errno)));
  return absl::OkStatus();
}

absl::Status Journal::AddIterations(const std::string& row, uint64_t iterations) {
  iterations_[row] = iterations;
  return Append(Json({{"row", row}, {"iterations", iterations}}).dump() + "\n");
}

absl::Status Journal::AddBlock(const std::string& row, size_t block, const Block& values) {
  blocks_[{row, block}] = values;
  return Append(
      Json({{"row", row}, {"block", block}, {"values", values.values}, {"bound", values.bound}})
          .dump() +
      "\n");
}

absl::Status Journal::AddPlan(size_t blocks) {
  planned_blocks_ = blocks;
  return Append(Json({{"blocks", blocks}}).dump() + "\n");
}

uint64_t Journal::Iterations(const std::string& row) const {
  const auto found = iterations_.find(row);
  return found == iterations_.end() ? 0 : found->second;
}

const Journal::Block* Journal::Find(const std::string& row, size_t block) const {
  const auto found = blocks_.find({row, block});
  return found == blocks_.end() ? nullptr : &found->second;
}

}  // namespace aether::perf
