// The socket calls over the stack: a table from file descriptors to listeners, connections and
// epoll sets, with the answers and errnos of the system calls. Every descriptor is a real one (an
// eventfd) that only holds the number: the host closes what a script leaves open with the C
// library, which this table does not hear of.
//
// All calls return the result, or -1 with errno set. Not here: IPv6, datagram sockets, urgent data,
// TCP Fast Open, cork.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "replay/packetdrill/context.h"
#include "replay/packetdrill/socket_values.h"
#include "stack/stack.h"

namespace aether::packetdrill {

struct Socket {
  enum class Phase : uint8_t {
    kNew,
    kListening,
    kConnecting,
    kConnected,  // and after: whatever became of the connection
  };

  explicit Socket(const Options& options) : values(options) {}

  Phase phase = Phase::kNew;
  bool nonblocking = false;
  bool connect_reported = false;  // connect() has answered 0
  bool is_over = false;           // reset, timed out, or closed on both sides
  bool peer_closed = false;
  bool shut_read = false;
  bool shut_write = false;
  int error = 0;          // SO_ERROR
  uint32_t activity = 0;  // counts what happened, for edge-triggered epoll
  bool is_bound = false;
  Ipv4Endpoint local;
  Ipv4Endpoint remote;
  ListenerId listener;
  ConnectionId connection;
  SocketValues values;
};

struct EpollSet {
  struct Item {
    int fd;
    uint32_t events;
    epoll_data_t data;
    uint32_t reported_activity;  // of the last report; edge-triggered items are silent until more
    bool reported;
    bool disabled;  // EPOLLONESHOT
  };
  std::vector<Item> items;
};

class Sockets {
 public:
  explicit Sockets(Context& context);
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  // --- sockets.cc ---
  int Open(int domain, int type, int protocol);
  int Bind(int fd, const sockaddr* address, socklen_t size);
  int Listen(int fd, int backlog);
  int Accept(int fd, sockaddr* address, socklen_t* size);
  int Connect(int fd, const sockaddr* address, socklen_t size);
  int Shutdown(int fd, int how);
  int Close(int fd);
  int GetOption(int fd, int level, int name, void* value, socklen_t* size);
  int SetOption(int fd, int level, int name, const void* value, socklen_t size);
  int Fcntl(int fd, int command, int argument);
  int Ioctl(int fd, unsigned long request, int* value);

  // --- sockets_data.cc ---
  ssize_t Receive(int fd, std::span<const iovec> to, int flags);
  ssize_t ReceiveMessage(int fd, msghdr* message, int flags);
  ssize_t Send(int fd, std::span<const iovec> from, int flags);

  // --- readiness.cc ---
  int Poll(std::span<pollfd> fds, int timeout_ms);
  int EpollCreate();
  int EpollControl(int epfd, int operation, int fd, const epoll_event* event);
  int EpollWait(int epfd, epoll_event* events, int events_max, int timeout_ms);

 private:
  using Lock = Context::Lock;

  void OnEvent(const Event& event);
  // Null, with errno, when it is not an open socket.
  std::shared_ptr<Socket> Find(int fd);
  // A descriptor for `socket`, -1 with errno when the process has none left.
  int NewDescriptor();
  void Attach(int fd, Socket& socket, ConnectionId connection);
  void Disconnect(Socket& socket);
  void LingerAndClose(Lock& lock, Socket& socket);
  int StartConnect(int fd, Socket& socket, Ipv4Endpoint remote);
  int FinishConnect(Lock& lock, Socket& socket);
  bool PortListens(uint16_t port) const;

  bool HasEnded(const Socket& socket) const;
  bool IsAtEnd(const Socket& socket) const;
  int TakeError(Socket& socket);
  size_t CopyOut(const Socket& socket, std::span<const iovec> to, size_t skip) const;
  // The revents of poll and epoll_wait (the constants are the same), not yet masked.
  uint32_t Readiness(const Socket& socket) const;
  int64_t DeadlineAfter(int timeout_ms) const;
  int CollectEpoll(EpollSet& set, std::span<epoll_event> out);

  Context& context_;
  Stack& stack_;
  // Shared with a call that waits while another thread closes the socket.
  std::map<int, std::shared_ptr<Socket>> sockets_;
  std::map<int, std::shared_ptr<EpollSet>> epolls_;
};

}  // namespace aether::packetdrill
