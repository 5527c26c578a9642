#include "stack/app/host.h"

#include <algorithm>
#include <utility>

#include "stack/app/dhcp_client.h"
#include "stack/app/echo_server.h"
#include "stack/app/http_server.h"

namespace aether::app {
namespace {

enum Owner : uint16_t { kNobody, kHttp, kEcho, kDhcp };

// [RFC 791 3.1] every host takes packets of 68 bytes.
constexpr uint16_t kMtuMin = 68;

std::string PortSentence(std::string_view service, uint16_t port, Error error) {
  const std::string what = std::string(service) + " port " + std::to_string(port);
  if (error == Error::kPortInUse)
    return what + " is taken twice; give the services different ports.";
  return what + " cannot be used: " + std::string(ErrorText(error)) + ".";
}

}  // namespace

// What is wrong with the options, as a sentence that says what to do; empty when nothing is.
std::string Host::Check(const HostOptions& options) {
  if (options.address && options.dhcp) return "Give the host an address or DHCP, not both.";
  if (options.stack.mac.IsGroup() || options.stack.mac.IsZero()) {
    return "The link address must be a unicast address, for example 02:00:00:00:00:02.";
  }
  if (options.stack.mtu < kMtuMin) return "The MTU must be at least 68.";
  if (options.address) {
    const Ipv4Network& own = *options.address;
    if (own.prefix_length < 1 || own.prefix_length > 32 || !own.address.IsUnicast() ||
        own.IsDirectedBroadcast(own.address) || own.IsNetworkAddress(own.address)) {
      return "The address must be that of one host and its network, for example 192.168.1.2/24.";
    }
  }
  if (options.gateway) {
    if (!options.address)
      return "A gateway needs an address beside it; with DHCP the server names the gateway.";
    if (!options.gateway->IsUnicast() || !options.address->Contains(*options.gateway) ||
        *options.gateway == options.address->address) {
      return "The gateway must be another host of the network of the address.";
    }
  }
  if (options.http_port != 0 && options.http_port == options.echo_port) {
    return PortSentence("HTTP and echo", options.http_port, Error::kPortInUse);
  }
  return {};
}

std::expected<std::unique_ptr<Host>, std::string> Host::Create(const HostOptions& options,
                                                               Instant now) {
  if (std::string wrong = Check(options); !wrong.empty()) return std::unexpected(std::move(wrong));
  std::unique_ptr<Host> host(new Host(options, now));
  if (std::string wrong = host->StartApplications(options, now); !wrong.empty()) {
    return std::unexpected(std::move(wrong));
  }
  return host;
}

Host::Host(const HostOptions& options, Instant now) : stack_(options.stack, now) {
  if (options.address) stack_.SetAddress(*options.address, options.gateway);
}

Host::~Host() = default;

std::string Host::StartApplications(const HostOptions& options, Instant now) {
  if (options.http_port != 0) {
    HttpOptions http{.port = options.http_port,
                     .owner = kHttp,
                     .original_echo = options.original_echo,
                     .content = options.content,
                     .limits = options.http_limits.value_or(HttpLimits{})};
    if (!options.http_limits) http.limits.connections_max = options.stack.tcp.connections_max;
    auto server = HttpServer::Create(stack_, http, now);
    if (!server) return PortSentence("HTTP", options.http_port, server.error());
    http_ = std::move(*server);
  }
  if (options.echo_port != 0) {
    auto server =
        EchoServer::Create(stack_, {.port = options.echo_port, .owner = kEcho, .limits = {}}, now);
    if (!server) return PortSentence("Echo", options.echo_port, server.error());
    echo_ = std::move(*server);
  }
  if (options.dhcp) {
    // A key of its own: what is drawn for DHCP goes out in the clear and must say nothing about the
    // stack's numbers.
    const Seed seed = {options.stack.seed[0] ^ 0x6468637020636c69u,
                       options.stack.seed[1] ^ 0x656e742073656564u};
    auto client = DhcpClient::Create(stack_, {.owner = kDhcp, .seed = seed, .limits = {}}, now);
    if (!client) return PortSentence("DHCP client", kDhcpClientPort, client.error());
    dhcp_ = std::move(*client);
  }
  return {};
}

void Host::Dispatch(Instant now) {
  while (const size_t count = stack_.PollEvents(events_)) {
    const std::span<const Event> events = std::span(events_).first(count);
    if (count > 1 && http_ != nullptr) {
      for (const Event& event : events) {
        if (event.owner == kHttp) http_->Prefetch(event);
      }
    }
    for (const Event& event : events) {
      switch (event.owner) {
        case kHttp:
          http_->OnEvent(event, now);
          break;
        case kEcho:
          echo_->OnEvent(event, now);
          break;
        case kDhcp:
          dhcp_->OnEvent(event, now);
          break;
        default:
          break;
      }
    }
  }
}

void Host::Run(Instant now) {
  Dispatch(now);
  if (http_ != nullptr) http_->Advance(now);
  if (echo_ != nullptr) echo_->Advance(now);
  if (dhcp_ != nullptr) dhcp_->Advance(now);
  Dispatch(now);  // what the deadlines caused
}

void Host::Receive(std::span<const Bytes> frames, Instant now) {
  stack_.Receive(frames, now);
  Run(now);
}

void Host::ReceiveReassembled(Bytes packet, Instant now) {
  stack_.ReceiveReassembled(packet, now);
  Run(now);
}

size_t Host::Transmit(MutableBytes out, Instant now) { return stack_.Transmit(out, now); }

Instant Host::NextDeadline() const {
  Instant next = stack_.NextDeadline();
  if (http_ != nullptr) next = std::min(next, http_->NextDeadline());
  if (echo_ != nullptr) next = std::min(next, echo_->NextDeadline());
  if (dhcp_ != nullptr) next = std::min(next, dhcp_->NextDeadline());
  return next;
}

void Host::SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway, Instant now) {
  stack_.SetAddress(address, gateway);
  Run(now);
}

void Host::ClearAddress(Instant now) {
  stack_.ClearAddress();
  Run(now);
}

void Host::Stop(Instant now) {
  if (dhcp_ != nullptr) dhcp_->Release(now);
}

}  // namespace aether::app
