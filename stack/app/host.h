// A host: one stack and the applications on it, driven by the same three calls. The runtime, the
// simulator, the fuzzers and the benches all drive this.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "stack/app/content.h"
#include "stack/app/http_limits.h"
#include "stack/stack.h"

namespace aether::app {

class HttpServer;
class EchoServer;
class DhcpClient;

struct HostOptions {
  Config stack;
  // How the host gets its address: one of the two, or neither, and then by SetAddress, as workers
  // do that share the address of another. `dhcp` falls back to 192.168.1.2/24 after 5 s.
  std::optional<Ipv4Network> address;
  bool dhcp = false;
  std::optional<Ipv4Address> gateway;
  uint16_t http_port = 80;  // 0: no HTTP server
  std::optional<HttpLimits>
      http_limits;         // else the defaults, and as many connections as the stack has
  uint16_t echo_port = 7;  // 0: no echo server
  bool original_echo = false;
  ContentSource* content = nullptr;  // outlives the host; null serves the built-in page alone
};

class Host {
 public:
  // A sentence that says what to do when a port is taken twice or an option is out of range.
  static std::expected<std::unique_ptr<Host>, std::string> Create(const HostOptions& options,
                                                                  Instant now);
  ~Host();

  // Stack::Receive, after which the applications have run.
  void Receive(std::span<const Bytes> frames, Instant now);
  // Stack::ReceiveReassembled, likewise.
  void ReceiveReassembled(Bytes packet, Instant now);
  size_t Transmit(MutableBytes out, Instant now);
  Instant NextDeadline() const;

  // Stack::SetAddress and Stack::ClearAddress, after which the applications know about the
  // connections that ended.
  void SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway, Instant now);
  void ClearAddress(Instant now);
  // The host is about to go: gives a leased address back. Transmit what is due afterwards.
  void Stop(Instant now);

  Stack& stack() { return stack_; }
  const Stack& stack() const { return stack_; }
  const HttpServer* http() const { return http_.get(); }
  const EchoServer* echo() const { return echo_.get(); }
  const DhcpClient* dhcp() const { return dhcp_.get(); }

 private:
  Host(const HostOptions& options, Instant now);
  static std::string Check(const HostOptions& options);
  std::string StartApplications(const HostOptions& options, Instant now);
  void Dispatch(Instant now);
  void Run(Instant now);

  Stack stack_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<EchoServer> echo_;
  std::unique_ptr<DhcpClient> dhcp_;
  std::array<Event, 64> events_;
};

}  // namespace aether::app
