#include "replay/packetdrill/host.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/syscall.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <utility>

namespace aether::packetdrill {
namespace {

sockaddr_in Address(uint32_t address, uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(address);
  return in;
}

// The letter that /proc shows for a thread of ours: 'S' is asleep.
char ThreadState(int id) {
  std::ifstream stat("/proc/self/task/" + std::to_string(id) + "/stat");
  std::string text;
  std::getline(stat, text);
  const size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? '?' : text[end + 2];
}

}  // namespace

Host::Host(const std::string& flags) {
  library_ = dlopen(AETHER_PACKETDRILL_SO, RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) {
    ADD_FAILURE() << dlerror();
    std::abort();
  }
  const auto init = reinterpret_cast<decltype(&packetdrill_interface_init)>(
      dlsym(library_, "packetdrill_interface_init"));
  const std::string all = "local=192.168.0.1" + (flags.empty() ? "" : "," + flags);
  init(all.c_str(), &hooks_);
  start_us_ = NowUs();
}

Host::~Host() {
  if (thread_.joinable()) thread_.join();
  // What the script leaves open the host closes itself, and then resets what may be left.
  for (const int fd : open_) EXPECT_EQ(::close(fd), 0) << "not a real descriptor";
  In("RA", 1, 0, 1);
  hooks_.free(run());
  dlclose(library_);
}

int64_t Host::NowUs() {
  timeval time{};
  EXPECT_EQ(hooks_.gettimeofday(run(), &time, nullptr), 0);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

void Host::WaitUntil(int64_t time_us) {
  const int64_t left_us = time_us - NowUs();
  if (left_us > 20) hooks_.usleep(run(), static_cast<useconds_t>(left_us - 20));
  while (NowUs() < time_us) {
  }
}

void Host::In(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack) {
  In(flags, seq, size, ack, Extra{});
}

void Host::In(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack,
              const Extra& extra) {
  HostPacket packet{.source = kRemoteAddress,
                    .destination = kLocalAddress,
                    .source_port = remote_port_,
                    .destination_port = local_port_,
                    .flags = flags,
                    .seq = remote_iss_ + seq,
                    .ack = flags.find('A') == std::string::npos ? 0 : local_iss_ + ack,
                    .window = extra.window,
                    .type_of_service = extra.type_of_service,
                    .options = extra.options,
                    .payload = Octets(size)};
  InRaw(packet.Emit());
}

void Host::InRaw(const Octets& datagram) {
  EXPECT_EQ(hooks_.netdev_send(run(), datagram.data(), datagram.size()), 0);
}

Sent Host::Out() {
  Sent sent;
  Octets bytes(65536);
  size_t size = bytes.size();
  long long time_us = 0;
  EXPECT_EQ(hooks_.netdev_receive(run(), bytes.data(), &size, &time_us), 0);
  sent.time_us = time_us;
  if (size == 0) {
    ADD_FAILURE() << "nothing leaves the stack";
    return sent;
  }
  bytes.resize(size);
  const std::expected<HostPacket, std::string> packet = HostPacket::Parse(bytes);
  if (!packet) {
    ADD_FAILURE() << packet.error();
    return sent;
  }
  EXPECT_EQ(packet->source, kLocalAddress);
  EXPECT_EQ(packet->destination, kRemoteAddress);
  sent.raw = bytes;
  sent.packet = *packet;
  sent.flags = packet->flags;
  if (packet->flags.find('S') != std::string::npos) {
    local_iss_ = packet->seq;
    local_port_ = packet->source_port;
    remote_port_ = packet->destination_port;
  }
  if (const std::optional<Octets> ts = packet->Option(8)) ts_echo_ = Load32(*ts, 0);
  sent.seq = packet->seq - local_iss_;
  sent.size = static_cast<uint32_t>(packet->payload.size());
  const bool acknowledges = packet->flags.find('A') != std::string::npos;
  sent.ack = acknowledges ? packet->ack - remote_iss_ : 0;
  EXPECT_TRUE(std::ranges::all_of(packet->payload, [](uint8_t byte) { return byte == 0; }));
  return sent;
}

Sent Host::Out(const std::string& flags, uint32_t seq, uint32_t size, uint32_t ack) {
  Sent sent = Out();
  EXPECT_EQ(sent.flags, flags);
  EXPECT_EQ(sent.seq, seq);
  EXPECT_EQ(sent.size, size);
  EXPECT_EQ(sent.ack, ack);
  return sent;
}

bool Host::Silent() {
  Octets bytes(65536);
  size_t size = bytes.size();
  long long time_us = 0;
  EXPECT_EQ(hooks_.netdev_receive(run(), bytes.data(), &size, &time_us), 0);
  return size == 0;
}

int Host::Socket() {
  const int fd = hooks_.socket(run(), AF_INET, SOCK_STREAM, IPPROTO_TCP);
  EXPECT_GE(fd, 0);
  if (fd >= 0) open_.push_back(fd);
  return fd;
}

int Host::Listen(int backlog) {
  const int fd = Socket();
  const sockaddr_in in = Address(kLocalAddress, kBindPort);
  EXPECT_EQ(SetInt(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
  EXPECT_EQ(hooks_.bind(run(), fd, reinterpret_cast<const sockaddr*>(&in), sizeof in), 0);
  EXPECT_EQ(hooks_.listen(run(), fd, backlog), 0);
  return fd;
}

int Host::Accept(int fd) {
  sockaddr_in in{};
  socklen_t size = sizeof in;
  const int accepted = hooks_.accept(run(), fd, reinterpret_cast<sockaddr*>(&in), &size);
  if (accepted < 0) return accepted;
  open_.push_back(accepted);
  EXPECT_EQ(size, sizeof in);
  EXPECT_EQ(in.sin_family, AF_INET);
  EXPECT_EQ(ntohl(in.sin_addr.s_addr), kRemoteAddress);
  EXPECT_EQ(ntohs(in.sin_port), kPeerPort);
  return accepted;
}

int Host::Establish(int listener, const Octets& options) {
  In("S", 0, 0, 0, {.window = 65535, .options = options});
  const Sent answer = Out("SA", 0, 0, 1);
  Extra extra;
  if (answer.packet.Option(8)) extra.options = Ts(1001);
  In("A", 1, 0, 1, extra);
  const int fd = Accept(listener);
  EXPECT_GE(fd, 0);
  return fd;
}

int Host::SetInt(int fd, int level, int name, int value) {
  return hooks_.setsockopt(run(), fd, level, name, &value, sizeof value);
}

std::optional<int> Host::GetInt(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  if (hooks_.getsockopt(run(), fd, level, name, &value, &size) != 0) return std::nullopt;
  EXPECT_EQ(size, sizeof value);
  return value;
}

int Host::SetNonblocking(int fd) { return hooks_.fcntl(run(), fd, F_SETFL, O_RDWR | O_NONBLOCK); }

ssize_t Host::Write(int fd, size_t size) {
  const Octets zeros(size);
  return hooks_.write(run(), fd, zeros.data(), size);
}

ssize_t Host::Read(int fd, size_t size) {
  Octets bytes(size + 1, 0xaa);
  const ssize_t got = hooks_.read(run(), fd, bytes.data(), size);
  for (ssize_t i = 0; i < got; ++i) EXPECT_EQ(bytes[static_cast<size_t>(i)], 0);
  EXPECT_EQ(bytes[size], 0xaa);
  return got;
}

int Host::SocketError(int fd) { return GetInt(fd, SOL_SOCKET, SO_ERROR).value_or(-1); }

short Host::PollOnce(int fd, short events) {
  // Filled in beforehand with something else than the answer.
  pollfd entry{.fd = fd, .events = events, .revents = 0x5555};
  const int count = hooks_.poll(run(), &entry, 1, 0);
  EXPECT_EQ(count, entry.revents == 0 ? 0 : 1);
  return entry.revents;
}

int Host::Connect(int fd) {
  const sockaddr_in in = Address(kRemoteAddress, kBindPort);
  return hooks_.connect(run(), fd, reinterpret_cast<const sockaddr*>(&in), sizeof in);
}

void Host::Start(std::function<void()> call) {
  if (thread_.joinable()) thread_.join();
  thread_done_ = false;
  std::atomic<int> id = 0;
  thread_ = std::thread([this, &id, call = std::move(call)] {
    id = static_cast<int>(syscall(SYS_gettid));
    call();
    ended_us_ = NowUs();
    thread_done_ = true;
  });
  while (id == 0) std::this_thread::yield();
  thread_id_ = id;
  while (!thread_done_ && ThreadState(thread_id_) != 'S') std::this_thread::yield();
}

bool Host::Join() {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (!thread_done_ && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  if (thread_done_ && thread_.joinable()) thread_.join();
  return thread_done_;
}

}  // namespace aether::packetdrill
