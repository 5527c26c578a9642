// Reading and writing.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "replay/packetdrill/sockets.h"

namespace aether::packetdrill {
namespace {

int Fail(int error) {
  errno = error;
  return -1;
}

size_t TotalSize(std::span<const iovec> buffers) {
  size_t size = 0;
  for (const iovec& buffer : buffers) size += buffer.iov_len;
  return size;
}

std::vector<uint8_t> Gather(std::span<const iovec> buffers) {
  std::vector<uint8_t> bytes;
  bytes.reserve(TotalSize(buffers));
  for (const iovec& buffer : buffers) {
    const uint8_t* const from = static_cast<const uint8_t*>(buffer.iov_base);
    bytes.insert(bytes.end(), from, from + buffer.iov_len);
  }
  return bytes;
}

// Copies `bytes` to where `skip` bytes of the buffers are full already.
void Scatter(Bytes bytes, std::span<const iovec> buffers, size_t skip) {
  for (const iovec& buffer : buffers) {
    if (skip >= buffer.iov_len) {
      skip -= buffer.iov_len;
      continue;
    }
    const size_t size = std::min(bytes.size(), buffer.iov_len - skip);
    std::memcpy(static_cast<uint8_t*>(buffer.iov_base) + skip, bytes.data(), size);
    bytes = bytes.subspan(size);
    skip = 0;
    if (bytes.empty()) return;
  }
}

}  // namespace

bool Sockets::HasEnded(const Socket& socket) const {
  if (socket.is_over) return true;
  const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(socket.connection);
  return !snapshot || snapshot->state == tcp::State::kClosed ||
         snapshot->state == tcp::State::kTimeWait;
}

// Nothing will come any more, and nothing is left.
bool Sockets::IsAtEnd(const Socket& socket) const {
  if (stack_.Readable(socket.connection) > 0) return false;
  return socket.shut_read || HasEnded(socket) || stack_.AtEnd(socket.connection);
}

int Sockets::TakeError(Socket& socket) {
  const int error = socket.error;
  socket.error = 0;
  return error;
}

// Copies what is queued to the buffers, `skip` bytes of which are full; returns how much.
size_t Sockets::CopyOut(const Socket& socket, std::span<const iovec> to, size_t skip) const {
  size_t room = TotalSize(to) - skip;
  size_t copied = 0;
  while (room > 0) {
    Bytes bytes = stack_.Peek(socket.connection, copied);
    if (bytes.empty()) break;
    bytes = bytes.first(std::min(bytes.size(), room));
    Scatter(bytes, to, skip + copied);
    copied += bytes.size();
    room -= bytes.size();
  }
  return copied;
}

ssize_t Sockets::Receive(int fd, std::span<const iovec> to, int flags) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if ((flags & MSG_ERRQUEUE) != 0) return Fail(EAGAIN);
  if ((flags & MSG_OOB) != 0) return Fail(EINVAL);
  if (socket->phase == Socket::Phase::kNew || socket->phase == Socket::Phase::kListening)
    return Fail(socket->error != 0 ? TakeError(*socket) : ENOTCONN);
  const size_t wanted = TotalSize(to);
  const bool peek = (flags & MSG_PEEK) != 0;
  const bool wait_for_all = (flags & MSG_WAITALL) != 0;
  const bool nonblocking = socket->nonblocking || (flags & MSG_DONTWAIT) != 0;
  const int64_t deadline_us = socket->values.ReceiveDeadlineUs(context_.NowUs());
  size_t done = 0;
  const auto at_end = [&] {
    if (socket->phase == Socket::Phase::kConnecting) return socket->is_over;
    return socket->phase != Socket::Phase::kConnected || IsAtEnd(*socket);
  };
  const auto ready = [&] {
    return socket->error != 0 || at_end() ||
           (socket->phase == Socket::Phase::kConnected && stack_.Readable(socket->connection) > 0);
  };
  for (;;) {
    if (socket->phase == Socket::Phase::kConnected) {
      const size_t copied = (flags & MSG_TRUNC) != 0
                                ? std::min(stack_.Readable(socket->connection), wanted - done)
                                : CopyOut(*socket, to, done);
      done += copied;
      if (!peek && copied > 0) {
        stack_.Consume(socket->connection, copied);
        // The window may have opened.
        context_.Settle(lock);
      }
      if (done == wanted || (done > 0 && !wait_for_all)) return static_cast<ssize_t>(done);
    }
    if (socket->error != 0) return done > 0 ? static_cast<ssize_t>(done) : Fail(TakeError(*socket));
    // Looking ahead waits for the first bytes only.
    if (at_end() || (peek && done > 0)) return static_cast<ssize_t>(done);
    if (nonblocking || !context_.WaitUntil(lock, ready, deadline_us))
      return done > 0 ? static_cast<ssize_t>(done) : Fail(EAGAIN);
  }
}

ssize_t Sockets::ReceiveMessage(int fd, msghdr* message, int flags) {
  if (message == nullptr) return Fail(EFAULT);
  // They come in filled with what the script expects.
  message->msg_flags = 0;
  message->msg_controllen = 0;
  message->msg_namelen = 0;
  return Receive(fd, {message->msg_iov, message->msg_iovlen}, flags);
}

ssize_t Sockets::Send(int fd, std::span<const iovec> from, int flags) {
  Lock lock = context_.Enter();
  const std::shared_ptr<Socket> socket = Find(fd);
  if (socket == nullptr) return -1;
  if ((flags & (MSG_OOB | MSG_FASTOPEN)) != 0) return Fail(EOPNOTSUPP);
  const bool nonblocking = socket->nonblocking || (flags & MSG_DONTWAIT) != 0;
  const int64_t deadline_us = socket->values.SendDeadlineUs(context_.NowUs());
  const std::vector<uint8_t> bytes = Gather(from);
  size_t done = 0;
  const auto can_write = [&] {
    return socket->phase == Socket::Phase::kConnected && stack_.WriteSpace(socket->connection) > 0;
  };
  const auto is_broken = [&] {
    if (socket->phase == Socket::Phase::kConnecting) return socket->is_over;
    return socket->phase != Socket::Phase::kConnected || socket->shut_write || HasEnded(*socket);
  };
  const auto ready = [&] { return socket->error != 0 || is_broken() || can_write(); };
  for (;;) {
    if (socket->error != 0) return done > 0 ? static_cast<ssize_t>(done) : Fail(TakeError(*socket));
    if (is_broken()) return done > 0 ? static_cast<ssize_t>(done) : Fail(EPIPE);
    if (socket->phase == Socket::Phase::kConnected) {
      const size_t written = stack_.Write(socket->connection, Bytes(bytes).subspan(done));
      done += written;
      if (written > 0) context_.Settle(lock);
      if (done == bytes.size()) return static_cast<ssize_t>(done);
      if (written > 0) continue;
    }
    if (nonblocking || !context_.WaitUntil(lock, ready, deadline_us))
      return done > 0 ? static_cast<ssize_t>(done) : Fail(EAGAIN);
  }
}

}  // namespace aether::packetdrill
