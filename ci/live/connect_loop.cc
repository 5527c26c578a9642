// A client that makes connections in a row, one request each, and counts what goes wrong: a
// connection refused or given up, no 200, a body that differs from the first one, an end that is
// not a clean close. Live tests only.
//
//   connect_loop ADDRESS PORT COUNT
//
// Prints `connections N failures M seconds S`; exit 0 without a failure, 1 with one, 2 for usage.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr int kTimeoutSeconds = 10;
constexpr long kFailuresMax = 20;

// Why a connection failed, or an empty string; `response` is everything that came.
std::string Exchange(const sockaddr_in& server, std::string_view request, std::string& response) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::string("socket: ") + std::strerror(errno);
  const auto failed = [fd](const char* what) {
    std::string why = std::string(what) + ": " + std::strerror(errno);
    ::close(fd);
    return why;
  };
  const timeval timeout{kTimeoutSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  sockaddr any;
  static_assert(sizeof any == sizeof server);
  std::memcpy(&any, &server, sizeof any);
  if (::connect(fd, &any, sizeof any) != 0) return failed("connect");
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return failed("send");
  }
  response.clear();
  std::array<char, 16384> part;
  while (true) {
    const ssize_t size = ::recv(fd, part.data(), part.size(), 0);
    if (size < 0) return failed("recv");
    if (size == 0) break;
    response.append(part.data(), static_cast<size_t>(size));
  }
  ::close(fd);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  const long count = argc == 4 ? std::strtol(argv[3], nullptr, 10) : 0;
  const long port = argc == 4 ? std::strtol(argv[2], nullptr, 10) : 0;
  if (count <= 0 || port <= 0 || port > 65535 ||
      ::inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
    std::fprintf(stderr, "usage: connect_loop ADDRESS PORT COUNT\n");
    return 2;
  }
  server.sin_port = htons(static_cast<uint16_t>(port));

  const std::string request =
      std::string("GET / HTTP/1.1\r\nHost: ") + argv[1] + "\r\nConnection: close\r\n\r\n";
  std::string first;
  std::string response;
  long failures = 0;
  long made = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (made < count && failures < kFailuresMax) {
    std::string why = Exchange(server, request, response);
    ++made;
    if (why.empty() && !response.starts_with("HTTP/1.1 200 ")) why = "no 200 response";
    if (why.empty() && first.empty()) first = response;
    if (why.empty() && response != first) why = "a response that differs from the first";
    if (!why.empty()) {
      ++failures;
      std::fprintf(stderr, "connection %ld: %s\n", made, why.c_str());
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("connections %ld failures %ld seconds %.3f\n", made, failures, took.count());
  return failures == 0 ? 0 : 1;
}
