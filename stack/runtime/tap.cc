#include "stack/runtime/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "stack/runtime/link_state.h"

namespace aether::runtime {
namespace {

ifreq RequestFor(std::string_view name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  return request;
}

absl::Status OpenError(const std::string& node, int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat("no permission to open ", node,
                       ": run as root, or give the program CAP_NET_ADMIN and access to it"));
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
      return absl::NotFoundError(
          absl::StrCat(node,
                       " is missing: load the driver (modprobe tun) and make the node "
                       "(mknod /dev/net/tun c 10 200)"));
    default:
      return absl::UnknownError(absl::StrCat("cannot open ", node, " (", std::strerror(error),
                                             "): check that it is the TUN/TAP device node"));
  }
}

absl::Status BusyError(const std::string& name) {
  return absl::UnavailableError(
      absl::StrCat("TAP ", name,
                   " is busy: another program has it open; stop that one or choose another --tap"));
}

absl::Status AttachError(const TapOptions& options, bool existed, int error) {
  const std::string& name = options.name;
  switch (error) {
    case EACCES:
    case EPERM:
      if (existed) {
        return absl::PermissionDeniedError(
            absl::StrCat("no permission to use TAP ", name,
                         ": run as root, or let root give it to you (ip tuntap add dev ", name,
                         " mode tap user NAME)"));
      }
      return absl::PermissionDeniedError(absl::StrCat(
          "no permission to create TAP ", name,
          ": run as root, or let root make it (ip tuntap add dev ", name, " mode tap user NAME)"));
    case EBUSY:
      return BusyError(name);
    case E2BIG:
      return absl::UnavailableError(
          absl::StrCat("TAP ", name, " has no queue left: ask for fewer workers"));
    case EINVAL: {
      const std::string driver = LinkDriver(name);
      if (driver == "tap") {
        return absl::FailedPreconditionError(
            options.multi_queue
                ? absl::StrCat("TAP ", name,
                               " exists with a single queue: make it anew (ip tuntap add dev ",
                               name, " mode tap multi_queue) or use --workers=1")
                : absl::StrCat("TAP ", name,
                               " exists for several queues only: make it anew (ip tuntap add dev ",
                               name, " mode tap)"));
      }
      return absl::FailedPreconditionError(absl::StrCat(name, " exists but is no TAP device",
                                                        driver == "tun" ? " (it is a TUN)" : "",
                                                        ": choose another --tap"));
    }
    case ENOTTY:
    case EBADFD:
      return absl::FailedPreconditionError(absl::StrCat(
          options.node, " is not the TUN/TAP device node: make it (mknod /dev/net/tun c 10 200)"));
    default:
      return absl::UnknownError(
          absl::StrCat("cannot attach to TAP ", name, " (", std::strerror(error),
                       "): check the device with `ip -d link show ", name, "`"));
  }
}

// The library's read and write are cancellation points, which in a program with threads costs two
// atomic operations a call.
ssize_t RawRead(int fd, void* into, size_t size) { return ::syscall(SYS_read, fd, into, size); }
ssize_t RawWrite(int fd, const void* from, size_t size) {
  return ::syscall(SYS_write, fd, from, size);
}

}  // namespace

bool IsTapName(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  for (const char c : name) {
    if (c <= ' ' || c > '~' || c == '/' || c == ':' || c == '%') return false;
  }
  return true;
}

absl::StatusOr<Tap> Tap::Open(const TapOptions& options) {
  if (!IsTapName(options.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", options.name, "\" cannot name a TAP: give ", kTapNameRule));
  }
  FileDescriptor fd(::open(options.node.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.IsOpen()) return OpenError(options.node, errno);

  const bool existed = ::if_nametoindex(options.name.c_str()) != 0;
  ifreq request = RequestFor(options.name);
  request.ifr_flags =
      static_cast<short>(IFF_TAP | IFF_NO_PI | (options.multi_queue ? IFF_MULTI_QUEUE : 0));
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) return AttachError(options, existed, errno);
  // Whoever had the device before may have left offloads on; we want whole frames with finished
  // checksums.
  ::ioctl(fd.get(), TUNSETOFFLOAD, 0ul);

  Tap tap(std::move(fd), options.name, !existed);
  if (tap.created_) {
    if (absl::Status up = BringLinkUp(options.name); !up.ok()) return up;
  }
  return tap;
}

absl::StatusOr<Tap> Tap::Duplicate() const {
  FileDescriptor copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.IsOpen()) {
    return absl::ResourceExhaustedError("too many open files: raise the limit (ulimit -n)");
  }
  return Tap(std::move(copy), name_, false);
}

size_t Tap::Receive(MutableBytes into) {
  const ssize_t size = RawRead(fd_.get(), into.data(), into.size());
  if (size >= 0) [[likely]]
    return static_cast<size_t>(size);
  if (errno != EAGAIN) NoteFailure(errno, failures_.reads);
  return 0;
}

bool Tap::Send(Bytes frame) {
  while (true) {
    const ssize_t size = RawWrite(fd_.get(), frame.data(), frame.size());
    if (size >= 0) [[likely]]
      return true;
    if (errno == EAGAIN) return false;
    if (errno == EINTR) continue;
    NoteFailure(errno, failures_.writes);
    return true;
  }
}

bool Tap::NoteFailure(int error, uint64_t& counter) {
  if (error == EINTR) return true;
  ++counter;
  // What tells a deleted device from one whose link is down (EIO, ENETDOWN) or a kernel short of
  // memory.
  if (error == EBADFD || error == ENODEV || error == ENXIO || error == EBADF) gone_ = true;
  return !gone_;
}

absl::StatusOr<std::vector<Tap>> OpenTapQueues(const TapOptions& options, size_t count) {
  std::vector<Tap> queues;
  TapOptions each = options;
  each.multi_queue = count > 1 || options.multi_queue;
  for (size_t i = 0; i < count; ++i) {
    absl::StatusOr<Tap> queue = Tap::Open(each);
    // A device for several queues serves a single one as well.
    if (!queue.ok() && count == 1 && !each.multi_queue &&
        queue.status().code() == absl::StatusCode::kFailedPrecondition) {
      each.multi_queue = true;
      absl::StatusOr<Tap> again = Tap::Open(each);
      if (again.ok()) queue = std::move(again);
    }
    if (!queue.ok()) return queue.status();
    queues.push_back(*std::move(queue));
  }
  if (AttachedQueues(options.name).value_or(0) > count) return BusyError(options.name);
  return queues;
}

}  // namespace aether::runtime
