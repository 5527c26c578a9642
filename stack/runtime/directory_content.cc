#include "stack/runtime/directory_content.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace aether::runtime {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for its other end; what is not a regular file is closed
// again at once.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

struct MediaType {
  std::string_view extension;
  std::string_view type;
};
constexpr std::array kMediaTypes = {
    MediaType{"html", "text/html; charset=utf-8"},
    MediaType{"htm", "text/html; charset=utf-8"},
    MediaType{"css", "text/css; charset=utf-8"},
    MediaType{"js", "text/javascript; charset=utf-8"},
    MediaType{"mjs", "text/javascript; charset=utf-8"},
    MediaType{"json", "application/json"},
    MediaType{"txt", "text/plain; charset=utf-8"},
    MediaType{"md", "text/markdown; charset=utf-8"},
    MediaType{"csv", "text/csv; charset=utf-8"},
    MediaType{"xml", "application/xml"},
    MediaType{"svg", "image/svg+xml"},
    MediaType{"png", "image/png"},
    MediaType{"jpg", "image/jpeg"},
    MediaType{"jpeg", "image/jpeg"},
    MediaType{"gif", "image/gif"},
    MediaType{"webp", "image/webp"},
    MediaType{"ico", "image/x-icon"},
    MediaType{"woff2", "font/woff2"},
    MediaType{"wasm", "application/wasm"},
    MediaType{"pdf", "application/pdf"},
    MediaType{"mp4", "video/mp4"},
    MediaType{"webm", "video/webm"},
    MediaType{"mp3", "audio/mpeg"},
    MediaType{"zip", "application/zip"},
    MediaType{"gz", "application/gzip"},
};

class OpenFile : public app::Content {
 public:
  OpenFile(FileDescriptor fd, uint64_t size, std::string_view media_type,
           std::shared_ptr<std::atomic<uint32_t>> open_files)
      : fd_(std::move(fd)),
        size_(size),
        media_type_(media_type),
        open_files_(std::move(open_files)) {}
  ~OpenFile() override { open_files_->fetch_sub(1, std::memory_order_relaxed); }

  uint64_t size() const override { return size_; }
  std::string_view media_type() const override { return media_type_; }

  size_t Read(uint64_t offset, MutableBytes out) override {
    // A file that grew meanwhile still ends where the header said.
    if (offset >= size_) return 0;
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(out.size(), size_ - offset));
    while (true) {
      const ssize_t got = ::pread(fd_.get(), out.data(), wanted, static_cast<off_t>(offset));
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return 0;
    }
  }

 private:
  FileDescriptor fd_;
  uint64_t size_;
  std::string_view media_type_;
  std::shared_ptr<std::atomic<uint32_t>> open_files_;
};

bool IsDirectory(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::string_view MediaTypeOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0) {
    const std::string extension =
        absl::AsciiStrToLower({name.data() + dot + 1, name.size() - dot - 1});
    for (const MediaType& known : kMediaTypes) {
      if (known.extension == extension) return known.type;
    }
  }
  return "application/octet-stream";
}

absl::StatusOr<std::unique_ptr<DirectoryContent>> DirectoryContent::OpenRoot(
    const std::string& root, Options options) {
  FileDescriptor fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.IsOpen()) {
    const int error = errno;
    const std::string name = absl::StrCat("--http_root: ", root);
    if (error == ENOENT)
      return absl::NotFoundError(
          absl::StrCat(name, " does not exist: name a directory with files"));
    if (error == ENOTDIR) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, " is not a directory: name a directory with files"));
    }
    if (error == EACCES || error == EPERM) {
      return absl::PermissionDeniedError(
          absl::StrCat(name, " cannot be read: give this user permission (chmod +rx)"));
    }
    return absl::UnknownError(absl::StrCat(name, " cannot be opened (", std::strerror(error),
                                           "): name another directory"));
  }
  // To list is not to enter: without the x bit no file in it can be opened.
  if (::faccessat(fd.get(), ".", R_OK | X_OK, AT_EACCESS) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "--http_root: ", root, " cannot be read: give this user permission (chmod +rx)"));
  }
  return std::unique_ptr<DirectoryContent>(new DirectoryContent(std::move(fd), options));
}

std::unique_ptr<app::Content> DirectoryContent::Open(std::string_view path) {
  // The server promises a normalised absolute path; what it did not keep would be refused beneath,
  // too.
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string_view::npos) return nullptr;
  if (open_files_->fetch_add(1, std::memory_order_relaxed) >= options_.open_files_max) {
    open_files_->fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  std::string relative(path.substr(1));
  FileDescriptor fd = OpenBeneath(relative.empty() ? "." : relative);
  if (fd.IsOpen() && IsDirectory(fd.get())) {
    relative = absl::StrCat(relative, relative.empty() || relative.ends_with('/') ? "" : "/",
                            "index.html");
    fd = OpenBeneath(relative);
  }
  struct stat info{};
  if (!fd.IsOpen() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    open_files_->fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  return std::make_unique<OpenFile>(std::move(fd), static_cast<uint64_t>(info.st_size),
                                    MediaTypeOf(relative), open_files_);
}

FileDescriptor DirectoryContent::OpenBeneath(const std::string& relative) {
  if (!options_.without_openat2) {
    open_how how{};
    how.flags = static_cast<uint64_t>(kOpenFlags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    FileDescriptor fd(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), relative.c_str(), &how, sizeof how)));
    if (fd.IsOpen() || (errno != ENOSYS && errno != EPERM)) return fd;
    // Old kernels do not know the call, and some sandboxes forbid it.
    if (errno == ENOSYS) options_.without_openat2 = true;
  }
  return OpenStepwise(relative);
}

// One component at a time, never through a link and never upwards.
FileDescriptor DirectoryContent::OpenStepwise(const std::string& relative) const {
  FileDescriptor at(::openat(root_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  size_t begin = 0;
  while (at.IsOpen()) {
    const size_t slash = relative.find('/', begin);
    const std::string name =
        relative.substr(begin, slash == std::string::npos ? slash : slash - begin);
    if (name == "..") return FileDescriptor();
    const bool last = slash == std::string::npos;
    const std::string step = name.empty() ? "." : name;
    if (last) return FileDescriptor(::openat(at.get(), step.c_str(), kOpenFlags | O_NOFOLLOW));
    at = FileDescriptor(
        ::openat(at.get(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    begin = slash + 1;
  }
  return at;
}

}  // namespace aether::runtime
