// A minimal web server on the kernel's TCP: one thread, epoll, one read and one write per request.
// It answers whatever it reads with the whole response that aether-run gives to `GET /`. A peer,
// for what a server in front of the kernel costs when it does next to nothing.
//
//   epoll_server [--address=10.0.0.2] [--port=80] [--close]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/live/default_response.h"

namespace aether::bench {
namespace {

volatile std::sig_atomic_t stop = 0;

struct Options {
  std::string address = "10.0.0.2";
  uint16_t port = 80;
  bool close = false;
};

[[noreturn]] void Fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "epoll_server: %s\n", sentence.c_str());
  std::exit(code);
}

class EpollServer {
 public:
  explicit EpollServer(const Options& options)
      : options_(options), response_(DefaultResponse(options.close)) {}

  void Open() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    if (::inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) != 1)
      Fail(2, "--address takes A.B.C.D");
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 4096) != 0)
      Fail(1, std::string("cannot listen (") + std::strerror(errno) + ")");
    Watch(listener_);
  }

  void Run() {
    std::array<epoll_event, 256> events{};
    while (stop == 0) {
      ++system_calls_;
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int file = events[static_cast<size_t>(i)].data.fd;
        if (file == listener_) {
          Accept();
        } else {
          Serve(file);
        }
      }
    }
  }

  uint64_t requests() const { return requests_; }
  uint64_t system_calls() const { return system_calls_; }

 private:
  void Watch(int file) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = file;
    ++system_calls_;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, file, &event);
  }

  void Accept() {
    while (true) {
      ++system_calls_;
      const int file = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (file < 0) return;
      const int on = 1;
      ++system_calls_;
      ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Watch(file);
    }
  }

  void Serve(int file) {
    std::array<char, 4096> request{};
    ++system_calls_;
    const ssize_t got = ::read(file, request.data(), request.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    bool done = got <= 0;
    if (!done) {
      ++requests_;
      ++system_calls_;
      const ssize_t sent = ::send(file, response_.data(), response_.size(), MSG_NOSIGNAL);
      done = options_.close || sent != static_cast<ssize_t>(response_.size());
    }
    if (!done) return;
    ++system_calls_;
    ::close(file);
  }

  const Options options_;
  const std::string response_;
  int listener_ = -1;
  int epoll_ = -1;
  uint64_t requests_ = 0;
  uint64_t system_calls_ = 0;
};

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--address=")) {
      options.address = argument.substr(10);
    } else if (argument.starts_with("--port=")) {
      const long port = std::strtol(argv[i] + 7, nullptr, 10);
      if (port < 1 || port > 65535) Fail(2, "--port takes a number from 1 to 65535");
      options.port = static_cast<uint16_t>(port);
    } else if (argument == "--close") {
      options.close = true;
    } else {
      Fail(2, "unknown argument " + std::string(argument) + "; known are --address --port --close");
    }
  }
  return options;
}

int Main(int argc, char** argv) {
  EpollServer server(ParseOptions(argc, argv));
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    action.sa_handler = [](int) { stop = 1; };
    ::sigaction(signal, &action, nullptr);
  }
  server.Open();
  std::printf("epoll_server: ready\n");
  std::fflush(stdout);
  server.Run();
  std::printf("counters:\nsystem_calls %llu\nhttp_requests %llu\n",
              static_cast<unsigned long long>(server.system_calls()),
              static_cast<unsigned long long>(server.requests()));
  return 0;
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) { return aether::bench::Main(argc, argv); }
