// The engine on a real TAP in a network namespace of its own, with the kernel's sockets as clients:
// one worker, several with steering, several with a dispatcher must all behave as one host.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "stack/runtime/private_network.h"
#include "stack/runtime/workers.h"
#include "stack/wire/dhcp.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Sharing = Workers::Sharing;

constexpr MacAddress kMac{{0x02, 0, 0, 0, 0, 0x22}};

struct Shape {
  const char* name;
  uint32_t workers;
  bool dispatch_only;
  BackoffMode backoff;
  Sharing sharing;
};

sockaddr_in At(Ipv4Address address, uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(address.value);
  at.sin_port = htons(port);
  return at;
}

class WorkersLiveTest : public ::testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    if (!EnterPrivateNetwork()) GTEST_SKIP() << "needs root and /dev/net/tun";
    static int networks = 0;
    const int network = ++networks;
    name_ = "run" + std::to_string(network);
    server_ = Ipv4Address::Of(10, 77, static_cast<uint8_t>(network), 2);
    options_.tap.name = name_;
    options_.workers = GetParam().workers;
    options_.dispatch_only = GetParam().dispatch_only;
    options_.backoff = GetParam().backoff;
    options_.host.stack.mac = kMac;
    options_.host.address = Ipv4Network{server_, 24};
    options_.seed = {1, static_cast<uint64_t>(network)};
  }

  void Start() {
    absl::StatusOr<std::unique_ptr<Workers>> workers = Workers::Create(options_);
    ASSERT_TRUE(workers.ok()) << workers.status();
    workers_ = *std::move(workers);
    EXPECT_EQ(workers_->sharing(), GetParam().sharing);
    const std::string command =
        "ip address add 10.77." + std::to_string(server_.value >> 8 & 255) + ".1/24 dev " + name_;
    ASSERT_EQ(std::system(command.c_str()), 0);
    workers_->Start(nullptr);
  }

  static FileDescriptor Socket(int type) {
    FileDescriptor fd(::socket(AF_INET, type, 0));
    const timeval patience{5, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
  }
  FileDescriptor Connect(int type, uint16_t port) {
    FileDescriptor fd = Socket(type);
    const sockaddr_in to = At(server_, port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0)
        << std::strerror(errno);
    return fd;
  }
  static void SendText(const FileDescriptor& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  static std::string ReadAll(const FileDescriptor& fd) {
    std::string text;
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return size == 0 ? text : text + "(" + std::strerror(errno) + ")";
      text.append(buffer.data(), static_cast<size_t>(size));
    }
  }
  std::string Get() {
    const FileDescriptor fd = Connect(SOCK_STREAM, 80);
    SendText(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return ReadAll(fd);
  }

  std::string name_;
  Ipv4Address server_;
  WorkersOptions options_;
  std::unique_ptr<Workers> workers_;
};

INSTANTIATE_TEST_SUITE_P(
    All, WorkersLiveTest,
    ::testing::Values(Shape{"Single", 1, false, BackoffMode::kAdaptive, Sharing::kSingle},
                      Shape{"SinglePoll", 1, false, BackoffMode::kPoll, Sharing::kSingle},
                      Shape{"Steered", 2, false, BackoffMode::kAdaptive, Sharing::kSteered},
                      Shape{"SteeredPoll", 3, false, BackoffMode::kPoll, Sharing::kSteered},
                      Shape{"Dispatched", 2, true, BackoffMode::kAdaptive, Sharing::kDispatched},
                      Shape{"DispatchedPoll", 3, true, BackoffMode::kPoll, Sharing::kDispatched}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_P(WorkersLiveTest, EveryFlowGetsTheSameAnswer) {
  Start();
  std::set<std::string> answers;
  for (int i = 0; i < 100; ++i) answers.insert(Get());
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_THAT(*answers.begin(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(*answers.begin(), HasSubstr("Project Aether"));
  workers_->Stop();
  const Report report = workers_->Collect();
  EXPECT_EQ(report.http.requests, 100u);
  EXPECT_EQ(report.stack.tcp_accepted, 100u);
  EXPECT_EQ(report.stack.frames_in, report.stack.delivered + report.stack.TotalDrops());
  EXPECT_EQ(report.ring_overflows, 0u);
}

TEST_P(WorkersLiveTest, ManyAtTheSameTime) {
  Start();
  std::vector<FileDescriptor> connections;
  for (int i = 0; i < 100; ++i) connections.push_back(Connect(SOCK_STREAM, 80));
  for (const FileDescriptor& fd : connections) SendText(fd, "GET / HTTP/1.0\r\n\r\n");
  for (const FileDescriptor& fd : connections) EXPECT_THAT(ReadAll(fd), HasSubstr("</html>"));
}

TEST_P(WorkersLiveTest, EchoesDatagramsFromManyPorts) {
  Start();
  for (int i = 0; i < 50; ++i) {
    const FileDescriptor fd = Connect(SOCK_DGRAM, 7);
    const std::string text = "datagram " + std::to_string(i);
    SendText(fd, text);
    std::array<char, 100> answer;
    const ssize_t size = ::recv(fd.get(), answer.data(), answer.size(), 0);
    ASSERT_EQ(std::string(answer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))), text);
  }
}

TEST_P(WorkersLiveTest, EchoesAStream) {
  Start();
  const FileDescriptor fd = Connect(SOCK_STREAM, 7);
  std::string sent(200'000, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::thread sender([&] {
    SendText(fd, sent);
    ::shutdown(fd.get(), SHUT_WR);
  });
  const std::string received = ReadAll(fd);
  sender.join();
  EXPECT_TRUE(received == sent) << received.size();
}

TEST_P(WorkersLiveTest, AnswersAPing) {
  Start();
  const std::string host = "10.77." + std::to_string(server_.value >> 8 & 255) + ".2";
  EXPECT_EQ(std::system(("ping -q -c 3 -i 0.01 -W 2 " + host + " >/dev/null").c_str()), 0);
}

TEST_P(WorkersLiveTest, CollectsWhileItRuns) {
  Start();
  uint64_t frames = 0;
  for (int i = 0; i < 20; ++i) {
    Get();
    const Report report = workers_->Collect();
    EXPECT_GT(report.stack.frames_in, frames);
    frames = report.stack.frames_in;
  }
}

TEST_P(WorkersLiveTest, StopsAtOnceAlsoFromSleep) {
  Start();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto before = std::chrono::steady_clock::now();
  workers_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  workers_->Stop();
  workers_.reset();
  EXPECT_EQ(::if_nametoindex(name_.c_str()), 0u);
}

TEST_P(WorkersLiveTest, NoticesThatTheTapIsGone) {
  Start();
  EXPECT_FALSE(workers_->Gone());
  ASSERT_EQ(std::system(("ip link delete " + name_).c_str()), 0);
  pollfd poll{workers_->notice_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&poll, 1, 5000), 1);
  EXPECT_TRUE(workers_->Gone());
}

// A DHCP server of a few lines on a kernel socket; answers until it saw a RELEASE or a second
// passed in vain.
class DhcpServer {
 public:
  DhcpServer(const std::string& device, Ipv4Address own, Ipv4Address client)
      : own_(own), client_(client), socket_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    const int one = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                 static_cast<socklen_t>(device.size()));
    const sockaddr_in at = At({}, kDhcpServerPort);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }

  // Until a message of `last` was seen.
  bool ServeUntil(DhcpType last) {
    std::array<uint8_t, 1500> buffer;
    for (int i = 0; i < 20; ++i) {
      pollfd poll{socket_.get(), POLLIN, 0};
      if (::poll(&poll, 1, 3000) != 1) return false;
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      const auto request =
          DhcpView::Parse(Bytes(buffer).first(static_cast<size_t>(std::max<ssize_t>(size, 0))));
      if (!request) continue;
      if (request->type() == DhcpType::kDiscover) Answer(*request, DhcpType::kOffer);
      if (request->type() == DhcpType::kRequest) Answer(*request, DhcpType::kAck);
      if (request->type() == last) return true;
    }
    return false;
  }

 private:
  void Answer(const DhcpView& request, DhcpType type) {
    DhcpMessage answer;
    answer.type = type;
    answer.xid = request.xid();
    answer.client_mac = request.client_mac();
    answer.your_address = client_;
    answer.server_id = own_;
    answer.lease_seconds = 600;
    answer.subnet_mask = 0xffffff00;
    answer.routers = {{own_}, 1};
    std::array<uint8_t, DhcpMessage::kSizeMax> out;
    const size_t size = answer.Emit(out);
    const sockaddr_in to = At(Ipv4Address::Broadcast(), kDhcpClientPort);
    EXPECT_GT(::sendto(socket_.get(), out.data(), size, 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof to),
              0);
  }

  Ipv4Address own_;
  Ipv4Address client_;
  FileDescriptor socket_;
};

TEST_P(WorkersLiveTest, AllWorkersGetTheAddressFromDhcpAndGiveItBack) {
  options_.host.address.reset();
  options_.host.dhcp = true;
  Start();
  const Ipv4Address own{(server_.value & 0xffffff00) | 1};
  DhcpServer server(name_, own, server_);
  ASSERT_TRUE(server.ServeUntil(DhcpType::kRequest));
  pollfd poll{workers_->notice_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&poll, 1, 5000), 1);
  uint64_t version = 0;
  const AddressState state = workers_->address().Read(version);
  EXPECT_EQ(state.address, (Ipv4Network{server_, 24}));
  EXPECT_EQ(state.gateway, own);
  EXPECT_EQ(state.lease_seconds, 600u);
  for (int i = 0; i < 30; ++i) EXPECT_THAT(Get(), StartsWith("HTTP/1.1 200 OK"));
  workers_->Stop();
  EXPECT_TRUE(server.ServeUntil(DhcpType::kRelease));
}

}  // namespace
}  // namespace aether::runtime
