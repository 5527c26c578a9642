#include "stack/runtime/fetch_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace aether::runtime {

absl::Status FetchOutput::Failure(int error) const {
  return absl::UnknownError(absl::StrCat("cannot write to ",
                                         path_ == "-" ? "the standard output" : path_, ": ",
                                         std::strerror(error)));
}

absl::Status FetchOutput::Open() {
  if (is_open()) return absl::OkStatus();
  if (path_ == "-") {
    fd_ = STDOUT_FILENO;
  } else {
    file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file_.IsOpen()) return Failure(errno);
    fd_ = file_.get();
  }
  struct stat status;
  if (::fstat(fd_, &status) != 0) return Failure(errno);
  // Disks and /dev/null take everything at once; pipes, sockets and terminals may not.
  may_wait_ = !S_ISREG(status.st_mode) && !(S_ISCHR(status.st_mode) && ::isatty(fd_) == 0);
  return absl::OkStatus();
}

absl::StatusOr<size_t> FetchOutput::Write(std::span<const Bytes> pieces) {
  size_t room = SIZE_MAX;
  if (may_wait_) {
    pollfd fd = {fd_, POLLOUT, 0};
    if (::poll(&fd, 1, 0) <= 0) return size_t{0};
    // A pipe that can be written to has room for so much.
    room = PIPE_BUF;
  }
  std::array<iovec, 64> parts;
  size_t count = 0;
  for (const Bytes piece : pieces) {
    if (count == parts.size() || room == 0) break;
    const size_t size = std::min(piece.size(), room);
    parts[count++] = {const_cast<uint8_t*>(piece.data()), size};
    room -= size;
  }
  const ssize_t written = ::writev(fd_, parts.data(), static_cast<int>(count));
  if (written >= 0) return static_cast<size_t>(written);
  if (errno == EINTR || errno == EAGAIN) return size_t{0};
  return Failure(errno);
}

absl::Status FetchOutput::Close() {
  if (!is_open()) return absl::OkStatus();
  fd_ = -1;
  if (!file_.IsOpen()) return absl::OkStatus();
  return ::close(file_.Release()) == 0 ? absl::OkStatus() : Failure(errno);
}

}  // namespace aether::runtime
