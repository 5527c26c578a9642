#include "bench/report/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace aether::perf {

namespace {

absl::Status WriteAll(int fd, const std::string& path, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
    done += static_cast<size_t>(count);
  }
  if (::fsync(fd) != 0)
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || std::filesystem::is_directory(path))
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read; is it there?"));
  text << in.rdbuf();
  if (in.bad()) return absl::NotFoundError(absl::StrCat(path, ": cannot be read to its end"));
  return text.str();
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) {
    if (absl::Status made = MakeDirectories(folder.string()); !made.ok()) return made;
  }
  const std::string beside = absl::StrCat(path, ".new.", ::getpid());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(beside, ": ", std::strerror(errno)));
  absl::Status status = WriteAll(fd, beside, text);
  ::close(fd);
  if (status.ok() && std::rename(beside.c_str(), path.c_str()) != 0)
    status = absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  if (!status.ok()) ::unlink(beside.c_str());
  return status;
}

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TableRow>> ReadTable(const std::string& path,
                                                const std::vector<std::string>& header) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  std::vector<TableRow> rows;
  bool has_header = false;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    TableRow row{.line = number, .fields = absl::StrSplit(line, '\t')};
    if (!has_header) {
      if (row.fields != header)
        return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": the header is not '",
                                                       absl::StrJoin(header, " "), "'"));
      has_header = true;
      continue;
    }
    if (row.fields.size() != header.size())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": ", row.fields.size(), " fields, not ", header.size()));
    rows.push_back(std::move(row));
  }
  if (!has_header)
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no header; is it empty?"));
  return rows;
}

}  // namespace aether::perf
