// What getsockopt and setsockopt know of one socket. Some values reach the stack (SocketOptions),
// some the socket calls (linger, time limits), and those that scripts set in passing are only kept.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "replay/packetdrill/clock.h"
#include "replay/packetdrill/options.h"
#include "stack/tcp/socket_options.h"

namespace aether::packetdrill {

class SocketValues {
 public:
  explicit SocketValues(const Options& options);

  // 0 or an errno; ENOPROTOOPT for what is not known.
  int Set(int level, int name, const void* value, socklen_t size);
  // The same, for what does not need the connection: `size` in and out as in the system call.
  int Get(int level, int name, void* value, socklen_t* size) const;

  // What the stack is to be told.
  SocketOptions ForStack() const;
  const linger& linger_time() const { return linger_; }
  // When a call that begins now stops waiting.
  int64_t ReceiveDeadlineUs(int64_t now_us) const { return Deadline(now_us, receive_limit_us_); }
  int64_t SendDeadlineUs(int64_t now_us) const { return Deadline(now_us, send_limit_us_); }

  // Copies `size` bytes of a value to the caller's buffer, cut to what fits, and says how many.
  static int Store(const void* from, socklen_t from_size, void* value, socklen_t* size);
  static int StoreInt(int from, void* value, socklen_t* size) {
    return Store(&from, sizeof from, value, size);
  }

 private:
  static int64_t Deadline(int64_t now_us, int64_t limit_us) {
    return limit_us == 0 ? Clock::kNeverUs : now_us + limit_us;
  }
  int SetSocketLevel(int name, const void* value, socklen_t size);
  int SetTcpLevel(int name, const void* value, socklen_t size);
  int Keep(int level, int name, const void* value, socklen_t size);

  std::string_view congestion_;
  // The values that are ints, by level and name.
  std::map<std::pair<int, int>, int> ints_;
  struct linger linger_{};
  int64_t receive_limit_us_ = 0;  // 0: none
  int64_t send_limit_us_ = 0;
};

}  // namespace aether::packetdrill
