#include "replay/packetdrill/sockets.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aether::packetdrill {
namespace {

int Fail(int error) {
  errno = error;
  return -1;
}
int Answer(int error) { return error == 0 ? 0 : Fail(error); }

// The address of an AF_INET socket; nothing, with errno, when it is not one.
std::optional<Ipv4Endpoint> LoadAddress(const sockaddr* address, socklen_t size) {
  sockaddr_in in;
  if (address == nullptr || size < sizeof in) {
    errno = EINVAL;
    return std::nullopt;
  }
  std::memcpy(&in, address, sizeof in);
  if (in.sin_family != AF_INET) {
    errno = EAFNOSUPPORT;
    return std::nullopt;
  }
  return Ipv4Endpoint{{ntohl(in.sin_addr.s_addr)}, ntohs(in.sin_port)};
}

void StoreAddress(Ipv4Endpoint endpoint, sockaddr* address, socklen_t* size) {
  if (address == nullptr || size == nullptr) return;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(endpoint.port);
  in.sin_addr.s_addr = htonl(endpoint.address.value);
  std::memcpy(address, &in, std::min<size_t>(*size, sizeof in));
  *size = sizeof in;
}

int ErrnoOf(Error error, bool port_was_chosen) {
  switch (error) {
    case Error::kPortInUse:
      return port_was_chosen ? EADDRINUSE : EADDRNOTAVAIL;
    case Error::kTooMany:
      return ENOBUFS;
    case Error::kNoAddress:
    case Error::kNoRoute:
      return ENETUNREACH;
    default:
      return EINVAL;
  }
}

}  // namespace

Sockets::Sockets(Context& context) : context_(context), stack_(context.stack()) {
  context_.SetEventSink([this](const Event& event) { OnEvent(event); });
}

void Sockets::OnEvent(const Event& event) {
  if (event.kind == Event::Kind::kAcceptable) {
    for (auto& [fd, socket] : sockets_) {
      if (socket->phase == Socket::Phase::kListening && socket->listener == event.listener)
        ++socket->activity;
    }
    return;
  }
  // A notice is nothing that a call of sockets would end with.
  if (event.kind != Event::Kind::kConnection || event.mask == tcp_event::kNotice) return;
  const auto found = sockets_.find(static_cast<int>(event.user));
  if (found == sockets_.end() || found->second->connection != event.connection) return;
  Socket& socket = *found->second;
  ++socket.activity;
  if ((event.mask & tcp_event::kConnected) != 0) socket.phase = Socket::Phase::kConnected;
  if ((event.mask & tcp_event::kPeerClosed) != 0) socket.peer_closed = true;
  if ((event.mask & tcp_event::kFinished) != 0) socket.is_over = true;
  if ((event.mask & tcp_event::kReset) != 0) {
    // What the kernel says: refused while connecting, a broken pipe after the peer's FIN.
    socket.error = socket.phase == Socket::Phase::kConnecting ? ECONNREFUSED
                   : socket.peer_closed                       ? EPIPE
                                                              : ECONNRESET;
    socket.is_over = true;
  }
  if ((event.mask & tcp_event::kTimedOut) != 0) {
    socket.error = ETIMEDOUT;
    socket.is_over = true;
  }
}

std::shared_ptr<Socket> Sockets::Find(int fd) {
  const auto found = sockets_.find(fd);
  if (found != sockets_.end()) return found->second;
  errno = epolls_.contains(fd) ? ENOTSOCK : EBADF;
  return nullptr;
}

int Sockets::NewDescriptor() { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int Sockets::Open(int domain, int type, int protocol) {
  Lock lock = context_.Enter();
  if (domain != AF_INET) return Fail(EAFNOSUPPORT);
  if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) return Fail(EPROTONOSUPPORT);
  if (protocol != 0 && protocol != IPPROTO_TCP) return Fail(EPROTONOSUPPORT);
  const int fd = NewDescriptor();
  if (fd < 0) return -1;
  auto socket = std::make_shared<Socket>(context_.options());
  socket->nonblocking = (type & SOCK_NONBLOCK) != 0;
  sockets_[fd] = std::move(socket);
  return fd;
}

bool Sockets::PortListens(uint16_t port) const {
  return std::ranges::any_of(sockets_, [port](const auto& entry) {
    return entry.second->phase == Socket::Phase::kListening && entry.second->local.port == port;
  });
}

int Sockets::Bind(int fd, const sockaddr* address, socklen_t size) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  const std::optional<Ipv4Endpoint> local = LoadAddress(address, size);
  if (!local) return -1;
  if (socket->is_bound || socket->phase != Socket::Phase::kNew) return Fail(EINVAL);
  if (!local->address.IsUnspecified()) {
    // Without local= the address of the first bind is ours.
    if (!stack_.address() && local->address.IsUnicast()) context_.link().SetAddress(local->address);
    if (!stack_.address() || stack_.address()->address != local->address)
      return Fail(EADDRNOTAVAIL);
  }
  if (local->port != 0 && PortListens(local->port)) return Fail(EADDRINUSE);
  socket->is_bound = true;
  socket->local = *local;
  return 0;
}

int Sockets::Listen(int fd, int backlog) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if (socket->phase == Socket::Phase::kListening) return 0;
  if (socket->phase != Socket::Phase::kNew) return Fail(EINVAL);
  // A port of the stack's choice would be of no use to a script.
  if (socket->local.port == 0) return Fail(EADDRNOTAVAIL);
  // One more than asked for may wait, as everywhere.
  const uint32_t wanted = backlog < 0 ? 4096u : static_cast<uint32_t>(backlog) + 1;
  const std::expected<ListenerId, Error> listener = stack_.TcpListen(
      socket->local.port, {.owner = 0, .backlog = wanted, .socket = socket->values.ForStack()});
  if (!listener) return Fail(listener.error() == Error::kPortInUse ? EADDRINUSE : ENOBUFS);
  socket->listener = *listener;
  socket->phase = Socket::Phase::kListening;
  return 0;
}

// From here on events of the connection are the socket's; what happened before is looked up.
void Sockets::Attach(int fd, Socket& socket, ConnectionId connection) {
  socket.connection = connection;
  stack_.SetUser(connection, static_cast<uint32_t>(fd));
  const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(connection);
  if (!snapshot) return;
  socket.local = snapshot->local;
  socket.remote = snapshot->remote;
  socket.is_bound = true;
  socket.peer_closed = snapshot->state == tcp::State::kCloseWait;
}

int Sockets::Accept(int fd, sockaddr* address, socklen_t* size) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> listening = Find(fd);
  if (listening == nullptr) return -1;
  if (listening->phase != Socket::Phase::kListening) return Fail(EINVAL);
  const int64_t deadline_us = listening->values.ReceiveDeadlineUs(context_.NowUs());
  std::optional<ConnectionId> connection;
  const auto ready = [&] {
    if (listening->phase != Socket::Phase::kListening) return true;
    return stack_.WaitingForAccept(listening->listener) > 0;
  };
  for (;;) {
    if (listening->phase != Socket::Phase::kListening) return Fail(EINVAL);
    connection = stack_.Accept(listening->listener);
    if (connection) break;
    if (listening->nonblocking || !context_.WaitUntil(lock, ready, deadline_us))
      return Fail(EAGAIN);
  }
  const int accepted_fd = NewDescriptor();
  if (accepted_fd < 0) {
    stack_.Abort(*connection);
    context_.Settle(lock);
    return Fail(EMFILE);
  }
  auto accepted = std::make_shared<Socket>(context_.options());
  accepted->values = listening->values;
  accepted->phase = Socket::Phase::kConnected;
  accepted->connect_reported = true;
  sockets_[accepted_fd] = accepted;
  Attach(accepted_fd, *accepted, *connection);
  stack_.SetOptions(*connection, accepted->values.ForStack());
  StoreAddress(accepted->remote, address, size);
  context_.Settle(lock);
  return accepted_fd;
}

int Sockets::StartConnect(int fd, Socket& socket, Ipv4Endpoint remote) {
  if (remote.port == 0) return Fail(EADDRNOTAVAIL);
  if (!stack_.address()) context_.link().SetAddress(Ipv4Address::Of(192, 168, 0, 1));
  const std::expected<ConnectionId, Error> connection = stack_.TcpConnect(
      remote, {.owner = 0, .local_port = socket.local.port, .socket = socket.values.ForStack()});
  if (!connection) return Fail(ErrnoOf(connection.error(), socket.local.port != 0));
  socket.phase = Socket::Phase::kConnecting;
  socket.connect_reported = socket.is_over = socket.peer_closed = false;
  socket.shut_read = socket.shut_write = false;
  Attach(fd, socket, *connection);
  return 0;
}

// Waits for the end of a handshake and reports it, once.
int Sockets::FinishConnect(Lock& lock, Socket& socket) {
  const auto ready = [&] { return socket.phase != Socket::Phase::kConnecting || socket.is_over; };
  if (!context_.WaitUntil(lock, ready, socket.values.SendDeadlineUs(context_.NowUs())))
    return Fail(EINPROGRESS);
  if (socket.is_over && socket.error != 0) {
    const int error = TakeError(socket);
    Disconnect(socket);
    return Fail(error);
  }
  socket.connect_reported = true;
  return 0;
}

int Sockets::Connect(int fd, const sockaddr* address, socklen_t size) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if (address == nullptr || size < sizeof(sa_family_t)) return Fail(EINVAL);
  if (address->sa_family == AF_UNSPEC) {
    Disconnect(*socket);
    context_.Settle(lock);
    return 0;
  }
  const std::optional<Ipv4Endpoint> remote = LoadAddress(address, size);
  if (!remote) return -1;
  switch (socket->phase) {
    case Socket::Phase::kListening:
      return Fail(EISCONN);
    case Socket::Phase::kConnected:
      if (socket->connect_reported) return Fail(EISCONN);
      socket->connect_reported = true;
      return 0;
    case Socket::Phase::kConnecting:
      if (socket->is_over) {
        // It failed. Whoever took SO_ERROR learns only that it was aborted.
        const int error = socket->error != 0 ? TakeError(*socket) : ECONNABORTED;
        Disconnect(*socket);
        return Fail(error);
      }
      if (socket->nonblocking) return Fail(EALREADY);
      break;
    case Socket::Phase::kNew:
      if (StartConnect(fd, *socket, *remote) < 0) return -1;
      context_.Settle(lock);
      if (socket->nonblocking) return Fail(EINPROGRESS);
      break;
  }
  return FinishConnect(lock, *socket);
}

// Back to a socket that was never connected; its name stays.
void Sockets::Disconnect(Socket& socket) {
  if (socket.phase == Socket::Phase::kListening) {
    stack_.TcpUnlisten(socket.listener);
  } else if (socket.phase != Socket::Phase::kNew) {
    stack_.Abort(socket.connection);
  }
  socket.phase = Socket::Phase::kNew;
  socket.connection = {};
  socket.error = 0;
  ++socket.activity;
}

int Sockets::Shutdown(int fd, int how) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return Fail(EINVAL);
  if (socket->phase == Socket::Phase::kNew) return Fail(ENOTCONN);
  if (socket->phase == Socket::Phase::kListening) {
    if (how == SHUT_WR) return Fail(ENOTCONN);
    Disconnect(*socket);
  } else if (socket->phase == Socket::Phase::kConnecting) {
    Disconnect(*socket);
  } else {
    if (HasEnded(*socket)) return Fail(ENOTCONN);
    if (how != SHUT_WR) socket->shut_read = true;
    if (how != SHUT_RD) {
      socket->shut_write = true;
      stack_.Shutdown(socket->connection);
    }
    ++socket->activity;
  }
  context_.Settle(lock);
  return 0;
}

// SO_LINGER: with no time the peer is reset; with some the call waits until it has everything.
void Sockets::LingerAndClose(Lock& lock, Socket& socket) {
  const struct linger& linger = socket.values.linger_time();
  if (linger.l_onoff != 0 && linger.l_linger == 0) {
    stack_.Abort(socket.connection);
    return;
  }
  if (linger.l_onoff != 0 && !HasEnded(socket) && stack_.Readable(socket.connection) == 0) {
    stack_.Shutdown(socket.connection);
    context_.Settle(lock);
    const auto acknowledged = [&] {
      const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(socket.connection);
      return !snapshot ||
             (snapshot->state != tcp::State::kFinWait1 && snapshot->state != tcp::State::kClosing &&
              snapshot->state != tcp::State::kLastAck);
    };
    context_.WaitUntil(lock, acknowledged, context_.NowUs() + int64_t{linger.l_linger} * 1'000'000);
  }
  stack_.Close(socket.connection);
}

int Sockets::Close(int fd) {
  Lock lock = context_.Enter();
  if (epolls_.erase(fd) > 0) return ::close(fd);
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  sockets_.erase(fd);
  for (auto& [epfd, set] : epolls_)
    std::erase_if(set->items, [fd](const EpollSet::Item& item) { return item.fd == fd; });
  if (socket->phase == Socket::Phase::kListening) {
    stack_.TcpUnlisten(socket->listener);
    socket->phase = Socket::Phase::kNew;
  } else if (socket->phase != Socket::Phase::kNew) {
    LingerAndClose(lock, *socket);
    socket->is_over = true;
  }
  context_.Settle(lock);
  // The placeholder goes with it; the number may be given out again.
  return ::close(fd);
}

int Sockets::GetOption(int fd, int level, int name, void* value, socklen_t* size) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if (level == SOL_SOCKET && name == SO_ERROR)
    return Answer(SocketValues::StoreInt(TakeError(*socket), value, size));
  if (level == SOL_SOCKET && name == SO_ACCEPTCONN) {
    const int listens = socket->phase == Socket::Phase::kListening ? 1 : 0;
    return Answer(SocketValues::StoreInt(listens, value, size));
  }
  if (level == IPPROTO_TCP && name == TCP_MAXSEG) {
    const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(socket->connection);
    // [RFC 9293 3.7.1] 536 is what holds before anybody said more.
    return Answer(SocketValues::StoreInt(snapshot ? snapshot->mss_bytes : 536, value, size));
  }
  return Answer(socket->values.Get(level, name, value, size));
}

int Sockets::SetOption(int fd, int level, int name, const void* value, socklen_t size) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  const int error = socket->values.Set(level, name, value, size);
  if (error != 0) return Fail(error);
  // Keepalive starts to count when it is set; options that the stack does not know leave it alone.
  const bool is_for_stack = level == IPPROTO_TCP || (level == SOL_SOCKET && name == SO_KEEPALIVE);
  if (is_for_stack && socket->connection.IsValid())
    stack_.SetOptions(socket->connection, socket->values.ForStack());
  context_.Settle(lock);
  return 0;
}

int Sockets::Fcntl(int fd, int command, int argument) {
  Lock lock = context_.Enter();
  if (epolls_.contains(fd)) return command == F_GETFL ? O_RDWR : Fail(EINVAL);
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  switch (command) {
    case F_GETFL:
      return O_RDWR | (socket->nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
      socket->nonblocking = (argument & O_NONBLOCK) != 0;
      return 0;
    case F_GETFD:
      return FD_CLOEXEC;
    case F_SETFD:
      return 0;
    default:
      return Fail(EINVAL);
  }
}

int Sockets::Ioctl(int fd, unsigned long request, int* value) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if (value == nullptr) return Fail(EFAULT);
  if (request == FIONBIO) {
    socket->nonblocking = *value != 0;
    return 0;
  }
  if (request != SIOCINQ && request != SIOCOUTQ) return Fail(ENOTTY);
  if (socket->phase == Socket::Phase::kListening) return Fail(EINVAL);
  const size_t bytes = request == SIOCINQ ? stack_.Readable(socket->connection)
                                          : stack_.Unacknowledged(socket->connection);
  *value = static_cast<int>(bytes);
  return 0;
}

}  // namespace aether::packetdrill
