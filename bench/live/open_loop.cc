// An open-loop HTTP client: requests are due at times that are set beforehand, and a latency counts
// from that time, whatever the client or the server were busy with then. A request that finds all
// connections in use waits for one, and its wait counts. It spins, so it wants a core of its own.
//
//   open_loop --address=10.0.0.2 [--port=80] [--rate=1000] [--seconds=2] [--connections=100]
//   [--close] [--random] [--seed=1]
//
// --close: a connection for each request. --random: a Poisson process instead of even gaps.
// Prints `name value` lines: requests, errors, unanswered, and latencies in nanoseconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace aether::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

struct Options {
  std::string address;
  uint16_t port = 80;
  double rate = 1000;
  double seconds = 2;
  uint32_t connections = 100;
  bool close = false;
  bool random = false;
  uint64_t seed = 1;
};

// What is in flight when the time is over may still come.
constexpr auto kPatience = std::chrono::seconds(2);

[[noreturn]] void Fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "open_loop: %s\n", sentence.c_str());
  std::exit(code);
}

struct Connection {
  int file = -1;
  bool is_connecting = false;
  bool is_busy = false;
  Time due{};
  std::string answer;
};

class Client {
 public:
  explicit Client(const Options& options) : options_(options), connections_(options.connections) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.address.c_str(), &address_.sin_addr) != 1)
      Fail(2, "--address takes A.B.C.D");
    request_ = "GET / HTTP/1.1\r\nHost: " + options.address +
               (options.close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < options.connections; ++i) idle_.push_back(i);
    MakeSchedule();
  }

  void Run() {
    if (!options_.close) OpenAll();
    const Time begin = Clock::now() + std::chrono::milliseconds(5);
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(options_.seconds));
    size_t next = 0;
    while (true) {
      const Time now = Clock::now();
      while (next < schedule_.size() && begin + schedule_[next] <= now)
        waiting_.push_back(begin + schedule_[next++]);
      while (!waiting_.empty() && !idle_.empty()) {
        Begin(idle_.back(), waiting_.front());
        waiting_.pop_front();
      }
      Poll();
      const bool is_done = next == schedule_.size() && waiting_.empty() && busy_ == 0;
      if (is_done || now > end + kPatience) break;
    }
  }

  void Print() {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [this](double share) -> unsigned long long {
      if (latencies_.empty()) return 0;
      const auto index = static_cast<size_t>(share * static_cast<double>(latencies_.size()));
      return latencies_[std::min(index, latencies_.size() - 1)];
    };
    std::printf("scheduled %zu\nrequests %zu\nerrors %llu\nunanswered %zu\n", schedule_.size(),
                latencies_.size(), static_cast<unsigned long long>(errors_),
                schedule_.size() - latencies_.size());
    std::printf("min_ns %llu\np50_ns %llu\np90_ns %llu\np99_ns %llu\np999_ns %llu\nmax_ns %llu\n",
                at(0), at(0.5), at(0.9), at(0.99), at(0.999), at(1));
  }

 private:
  // Offsets from the beginning.
  void MakeSchedule() {
    std::mt19937_64 generator(options_.seed);
    std::exponential_distribution<double> gap(options_.rate);
    for (double at = 0; at < options_.seconds;
         at += options_.random ? gap(generator) : 1 / options_.rate)
      schedule_.push_back(
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at)));
  }

  // Connections that stay are there before anything is timed.
  void OpenAll() {
    for (uint32_t i = 0; i < connections_.size(); ++i) {
      Open(i);
      while (connections_[i].is_connecting) Poll();
    }
  }

  void Open(uint32_t index) {
    Connection& connection = connections_[index];
    connection.file = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(connection.file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(connection.file, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) !=
            0 &&
        errno != EINPROGRESS) {
      Abandon(index);
      return;
    }
    connection.is_connecting = true;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u32 = index;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.file, &event);
  }

  void Begin(uint32_t index, Time due) {
    idle_.pop_back();
    ++busy_;
    Connection& connection = connections_[index];
    connection.is_busy = true;
    connection.due = due;
    connection.answer.clear();
    if (connection.file < 0) {
      Open(index);
    } else {
      Send(index);
    }
  }

  void Send(uint32_t index) {
    const ssize_t sent =
        ::send(connections_[index].file, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size())) Abandon(index);
  }

  void Poll() {
    std::array<epoll_event, 64> events{};
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      Connection& connection = connections_[event.data.u32];
      if (connection.is_connecting && (event.events & (EPOLLOUT | EPOLLERR)) != 0) {
        connection.is_connecting = false;
        if ((event.events & EPOLLERR) != 0) {
          Abandon(event.data.u32);
          continue;
        }
        if (connection.is_busy) Send(event.data.u32);
      }
      if (connection.file >= 0 && (event.events & (EPOLLIN | EPOLLHUP)) != 0) Read(event.data.u32);
    }
  }

  void Read(uint32_t index) {
    Connection& connection = connections_[index];
    std::array<char, 16384> bytes;
    while (connection.file >= 0) {
      const ssize_t got = ::read(connection.file, bytes.data(), bytes.size());
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        Abandon(index);  // before the answer was complete, or while nothing was asked
        return;
      }
      connection.answer.append(bytes.data(), static_cast<size_t>(got));
      if (connection.is_busy && IsComplete(connection.answer)) Finish(index);
    }
  }

  static bool IsComplete(std::string_view answer) {
    constexpr std::string_view kLength = "ontent-Length: ";
    const size_t head = answer.find("\r\n\r\n");
    const size_t at = answer.find(kLength);
    if (head == answer.npos || at == answer.npos || at > head) return false;
    const std::string_view digits = answer.substr(at + kLength.size());
    size_t length = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    return answer.size() >= head + 4 + length;
  }

  void Finish(uint32_t index) {
    Connection& connection = connections_[index];
    if (!connection.answer.starts_with("HTTP/1.1 200")) ++errors_;
    latencies_.push_back(static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - connection.due)
            .count()));
    Release(index);
    if (!options_.close) return;
    ::close(connection.file);
    connection.file = -1;
  }

  void Abandon(uint32_t index) {
    Connection& connection = connections_[index];
    ++errors_;
    if (connection.file >= 0) ::close(connection.file);
    connection.file = -1;
    connection.is_connecting = false;
    if (connection.is_busy) Release(index);
  }

  void Release(uint32_t index) {
    connections_[index].is_busy = false;
    --busy_;
    idle_.push_back(index);
  }

  const Options options_;
  sockaddr_in address_{};
  std::string request_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<uint32_t> idle_;
  std::vector<Clock::duration> schedule_;
  std::deque<Time> waiting_;
  size_t busy_ = 0;
  std::vector<uint64_t> latencies_;
  uint64_t errors_ = 0;
};

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? "" : argument.substr(equals + 1));
    const double number = std::strtod(value.c_str(), nullptr);
    if (name == "--address") {
      options.address = value;
    } else if (name == "--port" && number >= 1 && number <= 65535) {
      options.port = static_cast<uint16_t>(number);
    } else if (name == "--rate" && number > 0 && number <= 1e7) {
      options.rate = number;
    } else if (name == "--seconds" && number > 0 && number <= 3600) {
      options.seconds = number;
    } else if (name == "--connections" && number >= 1 && number <= 60000) {
      options.connections = static_cast<uint32_t>(number);
    } else if (name == "--seed") {
      options.seed = static_cast<uint64_t>(number);
    } else if (argument == "--close") {
      options.close = true;
    } else if (argument == "--random") {
      options.random = true;
    } else {
      Fail(2, "wrong argument " + std::string(argument) +
                  "; known are --address --port --rate --seconds --connections --close --random "
                  "--seed");
    }
  }
  if (options.address.empty()) Fail(2, "--address is missing");
  return options;
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) {
  aether::bench::Client client(aether::bench::ParseOptions(argc, argv));
  client.Run();
  client.Print();
  return 0;
}
