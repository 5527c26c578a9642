// The test driver: what packetdrill does with the shared object, for scripts written in C++. It
// loads it, calls the hooks as the host does (the time is waited for by usleep and then by spinning
// on gettimeofday; blocking calls run on a second thread), and speaks for the peer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "replay/packetdrill/host_packet.h"
#include "replay/packetdrill/interface.h"

namespace aether::packetdrill {

inline constexpr uint32_t kLocalAddress = 0xc0a80001;   // 192.168.0.1
inline constexpr uint32_t kRemoteAddress = 0xc0000201;  // 192.0.2.1
inline constexpr uint16_t kBindPort = 8080;
inline constexpr uint16_t kPeerPort = 40123;

// A packet that left, in the numbers of a script: relative to both initial sequence numbers.
struct Sent {
  std::string flags;
  uint32_t seq = 0;
  uint32_t size = 0;
  uint32_t ack = 0;
  int64_t time_us = 0;
  HostPacket packet;
  Octets raw;
};

class Host {
 public:
  // `flags` are added to the local address.
  explicit Host(const std::string& flags = "");
  // Closes what is left open as the host does, and calls free.
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const packetdrill_interface& hooks() const { return hooks_; }
  void* run() const { return hooks_.userdata; }

  // --- Time ---
  int64_t NowUs();
  // Microseconds since the host was made.
  int64_t ElapsedUs() { return NowUs() - start_us_; }
  // Waits as the host does.
  void WaitUntil(int64_t time_us);
  void Wait(int64_t duration_us) { WaitUntil(NowUs() + duration_us); }

  // --- Packets of the peer; the numbers are relative ---
  struct Extra {
    uint16_t window = 65535;
    Octets options = {};
    uint8_t type_of_service = 0;
  };
  void In(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack);
  void In(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack, const Extra& extra);
  void InRaw(const Octets& datagram);
  // The next packet that leaves; fails the test when there is none.
  Sent Out();
  // The same, and it must be this one.
  Sent Out(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack);
  // True when nothing more leaves, whatever timers are pending.
  bool Silent();
  // A SACK option with relative numbers of ours.
  Octets Sack(uint32_t start, uint32_t end) const {
    return option::All(
        {option::Nop(), option::Nop(), option::Sack(local_iss_ + start, local_iss_ + end)});
  }
  uint32_t local_iss() const { return local_iss_; }
  // The peer's next TS value and, when they were negotiated, the option that echoes the last of
  // ours.
  Octets Ts(uint32_t value) const {
    return option::All({option::Nop(), option::Nop(), option::Timestamps(value, ts_echo_)});
  }

  // --- Sockets ---
  int Socket();
  // A listener on port 8080.
  int Listen(int backlog = 1);
  int Accept(int fd);
  // SYN, SYN-ACK, ACK from the peer, with `options` in its SYN; the connection that comes of it.
  int Establish(int listener, const Octets& options = option::Mss(1000));
  int SetInt(int fd, int level, int name, int value);
  // The value, or nothing with errno.
  std::optional<int> GetInt(int fd, int level, int name);
  int SetNonblocking(int fd);
  ssize_t Write(int fd, size_t size);
  ssize_t Read(int fd, size_t size);
  int Close(int fd) { return hooks_.close(run(), fd); }
  int SocketError(int fd);
  short PollOnce(int fd, short events);
  // connect() to the peer's port 8080.
  int Connect(int fd);

  // --- The second thread ---
  // Runs `call` there and returns when the thread sleeps or is done, as the host does.
  void Start(std::function<void()> call);
  // Waits until the call is over; false when it is not after a second of real time.
  bool Join();
  // When the call ended, on the run's clock.
  int64_t ended_us() const { return ended_us_; }

 private:
  void* library_;
  packetdrill_interface hooks_{};
  int64_t start_us_ = 0;
  std::vector<int> open_;

  uint16_t local_port_ = kBindPort;
  uint16_t remote_port_ = kPeerPort;
  uint32_t remote_iss_ = 0x7fffff00;  // the numbers wrap soon
  uint32_t local_iss_ = 0;
  uint32_t ts_echo_ = 0;

  std::thread thread_;
  int thread_id_ = 0;
  std::atomic<bool> thread_done_ = false;
  int64_t ended_us_ = 0;
};

}  // namespace aether::packetdrill
