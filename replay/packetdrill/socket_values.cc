#include "replay/packetdrill/socket_values.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace aether::packetdrill {
namespace {

std::optional<int> LoadInt(const void* value, socklen_t size) {
  if (value == nullptr || size < sizeof(int)) return std::nullopt;
  int result;
  std::memcpy(&result, value, sizeof result);
  return result;
}

std::optional<int64_t> LoadTime(const void* value, socklen_t size) {
  timeval time;
  if (value == nullptr || size < sizeof time) return std::nullopt;
  std::memcpy(&time, value, sizeof time);
  if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec >= 1'000'000) return std::nullopt;
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

timeval TimeOf(int64_t us) { return {.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000}; }

std::string_view NameOf(tcp::CongestionAlgorithm algorithm) {
  switch (algorithm) {
    case tcp::CongestionAlgorithm::kCubic:
      return "cubic";
    case tcp::CongestionAlgorithm::kNewReno:
      return "reno";
    case tcp::CongestionAlgorithm::kNone:
      break;
  }
  return "none";
}

}  // namespace

SocketValues::SocketValues(const Options& options)
    : congestion_(NameOf(options.config.profile.congestion)) {
  const TcpLimits& tcp = options.config.tcp;
  ints_ = {
      {{SOL_SOCKET, SO_RCVBUF}, static_cast<int>(tcp.receive_buffer_bytes)},
      {{SOL_SOCKET, SO_SNDBUF}, static_cast<int>(tcp.send_buffer_bytes)},
      {{SOL_SOCKET, SO_KEEPALIVE}, 0},
      {{SOL_SOCKET, SO_REUSEADDR}, 0},
      {{SOL_SOCKET, SO_REUSEPORT}, 0},
      {{SOL_SOCKET, SO_RCVLOWAT}, 1},
      {{SOL_SOCKET, SO_PRIORITY}, 0},
      {{SOL_SOCKET, SO_MARK}, 0},
      {{SOL_SOCKET, SO_OOBINLINE}, 0},
      {{IPPROTO_TCP, TCP_NODELAY}, options.no_delay ? 1 : 0},
      {{IPPROTO_TCP, TCP_QUICKACK}, options.quick_ack ? 1 : 0},
      {{IPPROTO_TCP, TCP_KEEPIDLE},
       static_cast<int>(SocketOptions::kKeepaliveIdleDefault / std::chrono::seconds(1))},
      {{IPPROTO_TCP, TCP_KEEPINTVL}, 75},
      {{IPPROTO_TCP, TCP_KEEPCNT}, 9},
      {{IPPROTO_TCP, TCP_USER_TIMEOUT}, 0},
      {{IPPROTO_IP, IP_TOS}, 0},
      {{IPPROTO_IP, IP_TTL}, 64},
      {{IPPROTO_IP, IP_MTU_DISCOVER}, IP_PMTUDISC_DO},
      {{IPPROTO_IP, IP_RECVERR}, 0},
  };
}

int SocketValues::Keep(int level, int name, const void* value, socklen_t size) {
  const auto known = ints_.find({level, name});
  if (known == ints_.end()) return ENOPROTOOPT;
  const std::optional<int> number = LoadInt(value, size);
  if (!number) {
    // [ip(7)] the options of IP also come in one byte.
    if (level != IPPROTO_IP || value == nullptr || size < 1) return EINVAL;
    known->second = *static_cast<const uint8_t*>(value);
    return 0;
  }
  known->second = *number;
  return 0;
}

int SocketValues::SetSocketLevel(int name, const void* value, socklen_t size) {
  switch (name) {
    case SO_LINGER:
      if (value == nullptr || size < sizeof linger_) return EINVAL;
      std::memcpy(&linger_, value, sizeof linger_);
      return 0;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: {
      const std::optional<int64_t> limit_us = LoadTime(value, size);
      if (!limit_us) return EDOM;
      (name == SO_RCVTIMEO ? receive_limit_us_ : send_limit_us_) = *limit_us;
      return 0;
    }
    case SO_RCVBUFFORCE:
    case SO_SNDBUFFORCE:
      name = name == SO_RCVBUFFORCE ? SO_RCVBUF : SO_SNDBUF;
      [[fallthrough]];
    case SO_RCVBUF:
    case SO_SNDBUF: {
      const std::optional<int> bytes = LoadInt(value, size);
      if (!bytes) return EINVAL;
      // [socket(7)] twice as much is reported, for the bookkeeping.
      ints_[{SOL_SOCKET, name}] = std::clamp(*bytes, 1024, 1 << 29) * 2;
      return 0;
    }
    default:
      return Keep(SOL_SOCKET, name, value, size);
  }
}

int SocketValues::SetTcpLevel(int name, const void* value, socklen_t size) {
  if (name == TCP_CONGESTION) {
    if (value == nullptr) return EINVAL;
    const char* const text = static_cast<const char*>(value);
    const std::string_view wanted(text, strnlen(text, size));
    // One algorithm for the whole stack: so_flags chose it.
    return wanted == congestion_ ? 0 : ENOENT;
  }
  const std::optional<int> number = LoadInt(value, size);
  if (!number) return EINVAL;
  switch (name) {
    case TCP_KEEPIDLE:
    case TCP_KEEPINTVL:
      // [tcp(7)] seconds, up to the 15 bits of a short.
      if (*number < 1 || *number > 32767) return EINVAL;
      break;
    case TCP_KEEPCNT:
      if (*number < 1 || *number > 127) return EINVAL;
      break;
    case TCP_USER_TIMEOUT:
      if (*number < 0) return EINVAL;
      break;
    case TCP_NODELAY:
    case TCP_QUICKACK:
      ints_[{IPPROTO_TCP, name}] = *number != 0 ? 1 : 0;
      return 0;
    default:
      break;
  }
  return Keep(IPPROTO_TCP, name, value, size);
}

int SocketValues::Set(int level, int name, const void* value, socklen_t size) {
  if (level == SOL_SOCKET) return SetSocketLevel(name, value, size);
  if (level == IPPROTO_TCP) return SetTcpLevel(name, value, size);
  if (level == IPPROTO_IP) return Keep(level, name, value, size);
  return ENOPROTOOPT;
}

int SocketValues::Store(const void* from, socklen_t from_size, void* value, socklen_t* size) {
  if (value == nullptr || size == nullptr) return EFAULT;
  std::memcpy(value, from, std::min(*size, from_size));
  *size = std::min(*size, from_size);
  return 0;
}

int SocketValues::Get(int level, int name, void* value, socklen_t* size) const {
  if (level == SOL_SOCKET && name == SO_LINGER) return Store(&linger_, sizeof linger_, value, size);
  if (level == SOL_SOCKET && name == SO_TYPE) return StoreInt(SOCK_STREAM, value, size);
  if (level == SOL_SOCKET && name == SO_PROTOCOL) return StoreInt(IPPROTO_TCP, value, size);
  if (level == SOL_SOCKET && name == SO_DOMAIN) return StoreInt(AF_INET, value, size);
  if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
    const timeval time = TimeOf(name == SO_RCVTIMEO ? receive_limit_us_ : send_limit_us_);
    return Store(&time, sizeof time, value, size);
  }
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
    char text[16] = {};
    std::memcpy(text, congestion_.data(), congestion_.size());
    return Store(text, sizeof text, value, size);
  }
  const auto known = ints_.find({level, name});
  return known == ints_.end() ? ENOPROTOOPT : StoreInt(known->second, value, size);
}

SocketOptions SocketValues::ForStack() const {
  const auto get = [this](int level, int name) { return ints_.at({level, name}); };
  SocketOptions options;
  options.no_delay = get(IPPROTO_TCP, TCP_NODELAY) != 0;
  options.quick_ack = get(IPPROTO_TCP, TCP_QUICKACK) != 0;
  if (get(SOL_SOCKET, SO_KEEPALIVE) != 0)
    options.keepalive_idle = std::chrono::seconds(get(IPPROTO_TCP, TCP_KEEPIDLE));
  options.keepalive_interval = std::chrono::seconds(get(IPPROTO_TCP, TCP_KEEPINTVL));
  options.keepalive_probes = static_cast<uint8_t>(get(IPPROTO_TCP, TCP_KEEPCNT));
  options.user_timeout = std::chrono::milliseconds(get(IPPROTO_TCP, TCP_USER_TIMEOUT));
  return options;
}

}  // namespace aether::packetdrill
