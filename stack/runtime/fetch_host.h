// The host that aether-fetch is: a stack with a resolver and an HTTP client on it, a DHCP client if
// need be, and a session of fetches that begins when there is an address. A loop drives it.
#pragma once

#include <array>
#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stack/app/dhcp_client.h"
#include "stack/app/dns_resolver.h"
#include "stack/app/http_client.h"
#include "stack/runtime/fetch_options.h"
#include "stack/runtime/fetch_session.h"
#include "stack/stack.h"

namespace aether::runtime {

class FetchHost {
 public:
  // Connections that end after the last fetch are waited for this long.
  static constexpr Duration kLinger = std::chrono::seconds(1);

  // `options` and `stop` outlive the host; once `stop` is set, by whomever, the loop does not
  // sleep.
  FetchHost(const FetchProgramOptions& options, const Config& config, const std::atomic<bool>& stop,
            Instant now);

  void Receive(std::span<const Bytes> frames, Instant now);
  size_t Transmit(MutableBytes out, Instant now) { return stack_.Transmit(out, now); }
  Instant NextDeadline() const;
  bool HasWork() const { return false; }
  bool IsQuiet() const { return !stop_.load(std::memory_order_acquire); }

  // Nothing is left to do but Stop.
  bool finished() const { return finished_; }
  // Why no fetch could begin; empty otherwise.
  const std::string& trouble() const { return trouble_; }
  FetchSession& session() { return session_; }
  // Resets what is under way and gives a leased address back. Transmit what is due afterwards.
  void Stop(Instant now);

  const Stack& stack() const { return stack_; }

 private:
  void StartDhcp(Instant now);
  void Dispatch(Instant now);
  void SeeAddress(Instant now);
  void SeeEnd(Instant now);
  static std::vector<Ipv4Endpoint> ServersOf(std::span<const Ipv4Address> addresses);

  const FetchProgramOptions& options_;
  const std::atomic<bool>& stop_;
  Stack stack_;
  app::DnsResolver resolver_;
  app::HttpClient client_;
  FetchSession session_;
  std::unique_ptr<app::DhcpClient> dhcp_;
  bool ready_ = false;
  bool finished_ = false;
  std::string trouble_;
  Instant linger_until_ = kNever;
  std::array<Event, 64> events_;
};

}  // namespace aether::runtime
