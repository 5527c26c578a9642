#include "stack/runtime/fetch_host.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/base/random.h"

namespace aether::runtime {
namespace {

enum Owner : uint16_t { kNobody, kDns, kHttp, kDhcp };

// Keys of their own: what is drawn for DHCP and DNS goes out in the clear and must say nothing
// about the stack's numbers.
Seed KeyFor(const Config& config, uint64_t who) {
  Random random({config.seed[0] ^ who, config.seed[1] ^ 0x666574636820686fu});
  return random.NextSeed();
}

}  // namespace

FetchHost::FetchHost(const FetchProgramOptions& options, const Config& config,
                     const std::atomic<bool>& stop, Instant now)
    : options_(options),
      stop_(stop),
      stack_(config, now),
      resolver_(stack_, {.owner = kDns,
                         .seed = KeyFor(config, kDns),
                         .limits = {.lookups_max = std::max(options.plan.parallel, 16u)}}),
      client_(stack_, {.owner = kHttp, .limits = {.requests_max = options.plan.parallel}}, now),
      session_(options.plan, stack_, resolver_, client_) {
  resolver_.SetServers(ServersOf(options.dns_servers), now);
  if (options.address) {
    stack_.SetAddress(*options.address, options.gateway);
    ready_ = true;
  } else {
    StartDhcp(now);
  }
}

void FetchHost::StartDhcp(Instant now) {
  auto client = app::DhcpClient::Create(
      stack_, {.owner = kDhcp, .seed = KeyFor(stack_.config(), kDhcp), .limits = {}}, now);
  AETHER_CHECK(client.has_value());  // the port is free on a stack that was just made
  dhcp_ = *std::move(client);
}

std::vector<Ipv4Endpoint> FetchHost::ServersOf(std::span<const Ipv4Address> addresses) {
  std::vector<Ipv4Endpoint> servers;
  for (const Ipv4Address address : addresses) servers.push_back({address, app::kDnsPort});
  return servers;
}

void FetchHost::Dispatch(Instant now) {
  while (const size_t count = stack_.PollEvents(events_)) {
    for (const Event& event : std::span(events_).first(count)) {
      switch (event.owner) {
        case kDns:
          resolver_.OnEvent(event, now);
          break;
        case kHttp:
          client_.OnEvent(event, now);
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

void FetchHost::Receive(std::span<const Bytes> frames, Instant now) {
  stack_.Receive(frames, now);
  Dispatch(now);
  if (dhcp_ != nullptr) dhcp_->Advance(now);
  resolver_.Advance(now);
  client_.Advance(now);
  if (!ready_) SeeAddress(now);
  if (ready_ && !session_.done()) session_.Run(now);
  Dispatch(now);  // what all that caused
  SeeEnd(now);
}

void FetchHost::SeeAddress(Instant now) {
  if (dhcp_->on_fallback()) {
    trouble_ = "no DHCP server answered: give an address with --address=A.B.C.D/N";
  } else if (dhcp_->lease()) {
    ready_ = true;
    const auto& leased = dhcp_->lease()->dns_servers;
    if (options_.dns_servers.empty())
      resolver_.SetServers(ServersOf(std::span(leased.addresses).first(leased.count)), now);
  }
}

void FetchHost::SeeEnd(Instant now) {
  if (!trouble_.empty()) finished_ = true;
  if (!session_.done()) return;
  if (linger_until_ == kNever) linger_until_ = now + kLinger;
  if (stack_.connection_count() == 0 || now >= linger_until_) finished_ = true;
}

Instant FetchHost::NextDeadline() const {
  // A connection that was reset is gone once the reset has been handed out, and nothing else will
  // tell.
  if (linger_until_ != kNever && stack_.connection_count() == 0) return Instant::min();
  Instant next = std::min({stack_.NextDeadline(), resolver_.NextDeadline(), client_.NextDeadline(),
                           session_.NextDeadline(), linger_until_});
  if (dhcp_ != nullptr) next = std::min(next, dhcp_->NextDeadline());
  return next;
}

void FetchHost::Stop(Instant now) {
  session_.Cancel();
  if (dhcp_ != nullptr) dhcp_->Release(now);
}

}  // namespace aether::runtime
