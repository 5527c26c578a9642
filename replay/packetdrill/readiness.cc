// Poll and epoll.
#include <algorithm>
#include <cerrno>

#include "replay/packetdrill/sockets.h"

namespace aether::packetdrill {
namespace {

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
              POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP && POLLRDNORM == EPOLLRDNORM &&
              POLLWRNORM == EPOLLWRNORM);

constexpr uint32_t kIn = EPOLLIN | EPOLLRDNORM;
constexpr uint32_t kOut = EPOLLOUT | EPOLLWRNORM;
constexpr uint32_t kAlways = EPOLLERR | EPOLLHUP;

int Fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

uint32_t Sockets::Readiness(const Socket& socket) const {
  uint32_t events = socket.error != 0 ? uint32_t{EPOLLERR} : 0;
  switch (socket.phase) {
    case Socket::Phase::kNew:
      return events | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
    case Socket::Phase::kListening:
      return events | (stack_.WaitingForAccept(socket.listener) > 0 ? kIn : 0);
    case Socket::Phase::kConnecting:
      if (socket.is_over) events |= kIn | kOut | EPOLLHUP | EPOLLRDHUP;
      return events;
    case Socket::Phase::kConnected:
      break;
  }
  const bool ended = HasEnded(socket);
  const bool no_more_in = ended || socket.shut_read || socket.peer_closed;
  const bool no_more_out = ended || socket.shut_write;
  if (ended || (no_more_in && no_more_out)) events |= EPOLLHUP;
  if (no_more_in) events |= kIn | EPOLLRDHUP;
  if (stack_.Readable(socket.connection) > 0) events |= kIn;
  if (no_more_out || stack_.WriteSpace(socket.connection) > 0) events |= kOut;
  return events;
}

int64_t Sockets::DeadlineAfter(int timeout_ms) const {
  return timeout_ms < 0 ? Clock::kNeverUs : context_.NowUs() + int64_t{timeout_ms} * 1000;
}

int Sockets::Poll(std::span<pollfd> fds, int timeout_ms) {
  Lock lock = context_.Enter();
  int count = 0;
  const auto ready = [&] {
    count = 0;
    for (pollfd& entry : fds) {
      // It comes in filled with what the script expects.
      entry.revents = 0;
      if (entry.fd < 0) continue;
      const auto found = sockets_.find(entry.fd);
      if (found == sockets_.end()) {
        entry.revents = POLLNVAL;
      } else {
        const uint32_t wanted = static_cast<uint16_t>(entry.events) | kAlways;
        entry.revents = static_cast<short>(Readiness(*found->second) & wanted);
      }
      if (entry.revents != 0) ++count;
    }
    return count > 0;
  };
  context_.WaitUntil(lock, ready, DeadlineAfter(timeout_ms));
  return count;
}

int Sockets::EpollCreate() {
  Lock lock = context_.Enter();
  const int fd = NewDescriptor();
  if (fd >= 0) epolls_[fd] = std::make_shared<EpollSet>();
  return fd;
}

int Sockets::EpollControl(int epfd, int operation, int fd, const epoll_event* event) {
  Lock lock = context_.Enter();
  const auto found = epolls_.find(epfd);
  if (found == epolls_.end()) return Fail(sockets_.contains(epfd) ? EINVAL : EBADF);
  if (!sockets_.contains(fd)) return Fail(EBADF);
  std::vector<EpollSet::Item>& items = found->second->items;
  const auto item = std::ranges::find(items, fd, &EpollSet::Item::fd);
  if (operation != EPOLL_CTL_DEL && event == nullptr) return Fail(EFAULT);
  switch (operation) {
    case EPOLL_CTL_ADD:
      if (item != items.end()) return Fail(EEXIST);
      items.push_back({.fd = fd,
                       .events = event->events,
                       .data = event->data,
                       .reported_activity = 0,
                       .reported = false,
                       .disabled = false});
      break;
    case EPOLL_CTL_MOD:
      if (item == items.end()) return Fail(ENOENT);
      item->events = event->events;
      item->data = event->data;
      item->reported = item->disabled = false;
      break;
    case EPOLL_CTL_DEL:
      if (item == items.end()) return Fail(ENOENT);
      items.erase(item);
      break;
    default:
      return Fail(EINVAL);
  }
  context_.Settle(lock);
  return 0;
}

// Fills `out` with what is ready, and remembers it as reported when `out` is not empty.
int Sockets::CollectEpoll(EpollSet& set, std::span<epoll_event> out) {
  size_t count = 0;
  for (EpollSet::Item& item : set.items) {
    const auto found = sockets_.find(item.fd);
    if (found == sockets_.end() || item.disabled) continue;
    const uint32_t ready = Readiness(*found->second) & (item.events | kAlways);
    const bool is_edge = (item.events & EPOLLET) != 0;
    const uint32_t activity = found->second->activity;
    if (ready == 0 || (is_edge && item.reported && item.reported_activity == activity)) continue;
    if (out.empty()) return 1;
    if (count == out.size()) break;
    out[count++] = {.events = ready, .data = item.data};
    item.reported = true;
    item.reported_activity = activity;
    item.disabled = (item.events & EPOLLONESHOT) != 0;
  }
  return static_cast<int>(count);
}

int Sockets::EpollWait(int epfd, epoll_event* events, int events_max, int timeout_ms) {
  Lock lock = context_.Enter();
  const auto found = epolls_.find(epfd);
  if (found == epolls_.end()) return Fail(sockets_.contains(epfd) ? EINVAL : EBADF);
  if (events_max <= 0 || events == nullptr) return Fail(EINVAL);
  const std::shared_ptr<EpollSet> set = found->second;
  const auto ready = [&] { return CollectEpoll(*set, {}) > 0; };
  context_.WaitUntil(lock, ready, DeadlineAfter(timeout_ms));
  return CollectEpoll(*set, {events, static_cast<size_t>(events_max)});
}

}  // namespace aether::packetdrill
