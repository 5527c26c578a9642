// The exported entry, and one thin function per hook: from C to the run that `userdata` points to.
#include "replay/packetdrill/interface.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "replay/packetdrill/context.h"
#include "replay/packetdrill/options.h"
#include "replay/packetdrill/sockets.h"

namespace aether::packetdrill {
namespace {

// Everything that one run has; nothing is static, since scripts may follow each other in one
// process, and one that fails leaves with exit() while a thread still waits in here.
struct Run {
  explicit Run(const Options& options) : context(options), sockets(context) {}
  Context context;
  Sockets sockets;
};

Run& RunOf(void* userdata) { return *static_cast<Run*>(userdata); }
Sockets& SocketsOf(void* userdata) { return RunOf(userdata).sockets; }

int Unsupported() {
  errno = ENOSYS;
  return -1;
}

ssize_t ReceiveOne(void* run, int fd, void* to, size_t size, int flags) {
  const iovec buffer{to, size};
  return SocketsOf(run).Receive(fd, {&buffer, 1}, flags);
}

ssize_t SendOne(void* run, int fd, const void* from, size_t size, int flags) {
  const iovec buffer{const_cast<void*>(from), size};
  return SocketsOf(run).Send(fd, {&buffer, 1}, flags);
}

// A count of buffers as the vector calls take it.
bool IsVectorCount(int count) {
  if (count >= 0 && count <= 1024) return true;
  errno = EINVAL;
  return false;
}

void FreeHook(void* run) { delete &RunOf(run); }
int SocketHook(void* run, int domain, int type, int protocol) {
  return SocketsOf(run).Open(domain, type, protocol);
}
int BindHook(void* run, int fd, const sockaddr* address, socklen_t size) {
  return SocketsOf(run).Bind(fd, address, size);
}
int ListenHook(void* run, int fd, int backlog) { return SocketsOf(run).Listen(fd, backlog); }
int AcceptHook(void* run, int fd, sockaddr* address, socklen_t* size) {
  return SocketsOf(run).Accept(fd, address, size);
}
int ConnectHook(void* run, int fd, const sockaddr* address, socklen_t size) {
  return SocketsOf(run).Connect(fd, address, size);
}
ssize_t ReadHook(void* run, int fd, void* to, size_t size) {
  return ReceiveOne(run, fd, to, size, 0);
}
ssize_t ReadvHook(void* run, int fd, const iovec* to, int count) {
  if (!IsVectorCount(count)) return -1;
  return SocketsOf(run).Receive(fd, {to, static_cast<size_t>(count)}, 0);
}
ssize_t RecvHook(void* run, int fd, void* to, size_t size, int flags) {
  return ReceiveOne(run, fd, to, size, flags);
}
ssize_t RecvfromHook(void* run, int fd, void* to, size_t size, int flags, sockaddr*,
                     socklen_t* address_size) {
  // A stream says nothing about where its bytes came from.
  if (address_size != nullptr) *address_size = 0;
  return ReceiveOne(run, fd, to, size, flags);
}
ssize_t RecvmsgHook(void* run, int fd, msghdr* message, int flags) {
  return SocketsOf(run).ReceiveMessage(fd, message, flags);
}
ssize_t WriteHook(void* run, int fd, const void* from, size_t size) {
  return SendOne(run, fd, from, size, 0);
}
ssize_t WritevHook(void* run, int fd, const iovec* from, int count) {
  if (!IsVectorCount(count)) return -1;
  return SocketsOf(run).Send(fd, {from, static_cast<size_t>(count)}, 0);
}
ssize_t SendHook(void* run, int fd, const void* from, size_t size, int flags) {
  return SendOne(run, fd, from, size, flags);
}
ssize_t SendtoHook(void* run, int fd, const void* from, size_t size, int flags, const sockaddr*,
                   socklen_t) {
  return SendOne(run, fd, from, size, flags);
}
ssize_t SendmsgHook(void* run, int fd, const msghdr* message, int flags) {
  if (message == nullptr) {
    errno = EFAULT;
    return -1;
  }
  return SocketsOf(run).Send(fd, {message->msg_iov, message->msg_iovlen}, flags);
}
int FcntlHook(void* run, int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const int argument = va_arg(arguments, int);
  va_end(arguments);
  return SocketsOf(run).Fcntl(fd, command, argument);
}
int IoctlHook(void* run, int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  int* const value = va_arg(arguments, int*);
  va_end(arguments);
  return SocketsOf(run).Ioctl(fd, request, value);
}
int CloseHook(void* run, int fd) { return SocketsOf(run).Close(fd); }
int ShutdownHook(void* run, int fd, int how) { return SocketsOf(run).Shutdown(fd, how); }
int GetsockoptHook(void* run, int fd, int level, int name, void* value, socklen_t* size) {
  return SocketsOf(run).GetOption(fd, level, name, value, size);
}
int SetsockoptHook(void* run, int fd, int level, int name, const void* value, socklen_t size) {
  return SocketsOf(run).SetOption(fd, level, name, value, size);
}
int PollHook(void* run, pollfd* fds, nfds_t count, int timeout_ms) {
  return SocketsOf(run).Poll({fds, count}, timeout_ms);
}
int NetdevSendHook(void* run, const void* packet, size_t size) {
  return RunOf(run).context.NetdevSend(packet, size);
}
int NetdevReceiveHook(void* run, void* buffer, size_t* size, long long* time_us) {
  return RunOf(run).context.NetdevReceive(buffer, size, time_us);
}
int UsleepHook(void* run, useconds_t duration_us) {
  return RunOf(run).context.Sleep(int64_t{duration_us});
}
int GettimeofdayHook(void* run, timeval* time, struct timezone*) {
  return RunOf(run).context.GetTimeOfDay(time);
}
int EpollCreateHook(void* run, int) { return SocketsOf(run).EpollCreate(); }
int EpollCtlHook(void* run, int epfd, int operation, int fd, epoll_event* event) {
  return SocketsOf(run).EpollControl(epfd, operation, fd, event);
}
int EpollWaitHook(void* run, int epfd, epoll_event* events, int max, int timeout_ms) {
  return SocketsOf(run).EpollWait(epfd, events, max, timeout_ms);
}
int PipeHook(void*, int*) { return Unsupported(); }
int SpliceHook(void*, int, loff_t*, int, loff_t*, size_t, unsigned) { return Unsupported(); }

}  // namespace
}  // namespace aether::packetdrill

extern "C" void packetdrill_interface_init(const char* flags,
                                           struct packetdrill_interface* interface) {
  using namespace aether::packetdrill;
  const std::expected<Options, std::string> options = ParseOptions(flags != nullptr ? flags : "");
  if (!options) {
    std::fprintf(stderr, "aether: so_flags: %s\n", options.error().c_str());
    std::exit(1);
  }
  *interface = {
      .userdata = std::make_unique<Run>(*options).release(),
      .free = FreeHook,
      .socket = SocketHook,
      .bind = BindHook,
      .listen = ListenHook,
      .accept = AcceptHook,
      .connect = ConnectHook,
      .read = ReadHook,
      .readv = ReadvHook,
      .recv = RecvHook,
      .recvfrom = RecvfromHook,
      .recvmsg = RecvmsgHook,
      .write = WriteHook,
      .writev = WritevHook,
      .send = SendHook,
      .sendto = SendtoHook,
      .sendmsg = SendmsgHook,
      .fcntl = FcntlHook,
      .ioctl = IoctlHook,
      .close = CloseHook,
      .shutdown = ShutdownHook,
      .getsockopt = GetsockoptHook,
      .setsockopt = SetsockoptHook,
      .poll = PollHook,
      .netdev_send = NetdevSendHook,
      .netdev_receive = NetdevReceiveHook,
      .usleep = UsleepHook,
      .gettimeofday = GettimeofdayHook,
      .epoll_create = EpollCreateHook,
      .epoll_ctl = EpollCtlHook,
      .epoll_wait = EpollWaitHook,
      .pipe = PipeHook,
      .splice = SpliceHook,
  };
}
