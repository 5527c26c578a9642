#include "stack/app/dhcp_client.h"

#include <array>
#include <bit>

namespace aether::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kInfiniteLease = 0xffffffff;

// [RFC 950 section 2] without a mask option the class of the address says it.
uint32_t ClassMask(Ipv4Address address) {
  if ((address.value >> 31) == 0) return 0xff000000;
  return (address.value >> 30) == 2 ? 0xffff0000 : 0xffffff00;
}

// The length of a contiguous mask; nothing for 0 and for one with holes.
std::optional<uint8_t> PrefixLength(uint32_t mask) {
  const uint32_t host = ~mask;
  if (mask == 0 || (host & (host + 1)) != 0) return std::nullopt;
  return static_cast<uint8_t>(std::popcount(mask));
}

bool MayBeHostOf(const Ipv4Network& network, Ipv4Address address) {
  return address.IsUnicast() && network.Contains(address) &&
         !network.IsDirectedBroadcast(address) && !network.IsNetworkAddress(address);
}

}  // namespace

std::string_view DhcpStateName(DhcpState state) {
  static constexpr std::array<std::string_view, 6> kNames = {"STOPPED", "SELECTING", "REQUESTING",
                                                             "BOUND",   "RENEWING",  "REBINDING"};
  return kNames[static_cast<size_t>(state)];
}

std::expected<std::unique_ptr<DhcpClient>, Error> DhcpClient::Create(Stack& stack,
                                                                     const DhcpOptions& options,
                                                                     Instant now) {
  const auto socket = stack.UdpBind(kDhcpClientPort, {.owner = options.owner});
  if (!socket) return std::unexpected(socket.error());
  return std::unique_ptr<DhcpClient>(new DhcpClient(stack, *socket, options, now));
}

DhcpClient::DhcpClient(Stack& stack, UdpSocketId socket, const DhcpOptions& options, Instant now)
    : stack_(stack), socket_(socket), options_(options), random_(options.seed) {
  StartSearch(now);
}

void DhcpClient::StartSearch(Instant now) {
  state_ = DhcpState::kSelecting;
  started_ = now;
  attempts_ = 0;
  xid_ = random_.Next32();
  if (!on_fallback_) fallback_at_ = now + options_.limits.fallback_after;
  SendDiscover(now);
}

// [RFC 2131 4.4.1] after a NAK the search starts anew: the first time at once, then ever slower, in
// case a server offers what it then refuses.
void DhcpClient::RestartAfterNak(Instant now) {
  const uint32_t naks = naks_in_a_row_++;
  if (naks == 0) {
    StartSearch(now);
    return;
  }
  state_ = DhcpState::kSelecting;
  xid_ = random_.Next32();
  attempts_ = 0;
  wake_ = now + Backoff(naks);
}

void DhcpClient::OnEvent(const Event& event, Instant now) {
  if (event.kind != Event::Kind::kDatagram || event.udp != socket_) return;
  while (const std::optional<Datagram> datagram = stack_.UdpPeek(socket_)) {
    OnDatagram(*datagram, now);
    stack_.UdpPop(socket_);
  }
}

void DhcpClient::Advance(Instant now) {
  // Several deadlines may have passed since the last call; each is taken in its turn.
  while (now >= wake_) OnWake(now);
  if (now >= fallback_at_) {
    fallback_at_ = kNever;
    on_fallback_ = true;
    ++counters_.fallbacks;
    stack_.SetAddress(options_.limits.fallback, std::nullopt);
  }
}

// Always leaves wake_ in the future, or with a state that is later.
void DhcpClient::OnWake(Instant now) {
  wake_ = kNever;
  switch (state_) {
    case DhcpState::kStopped:
      return;
    case DhcpState::kSelecting:
      SendDiscover(now);
      return;
    case DhcpState::kRequesting:
      if (requests_ < options_.limits.requests_max) {
        SendRequest(now);
        return;
      }
      state_ = DhcpState::kSelecting;
      xid_ = random_.Next32();
      SendDiscover(now);
      return;
    case DhcpState::kBound:
    case DhcpState::kRenewing:
    case DhcpState::kRebinding:
      break;
  }
  if (now >= lease_->expires_at) {
    // [RFC 2131 4.4.5] at the end of the lease the client must stop using the address.
    ++counters_.expiries;
    LoseLease();
    StartSearch(now);
    return;
  }
  const DhcpState due = now >= lease_->rebind_at ? DhcpState::kRebinding : DhcpState::kRenewing;
  if (state_ == DhcpState::kBound) started_ = now;
  state_ = due;
  SendRenewal(now);
}

void DhcpClient::OnDatagram(const Datagram& datagram, Instant now) {
  const auto view = DhcpView::Parse(datagram.payload);
  if (!view) {
    ++counters_.malformed;
    return;
  }
  // [RFC 2131 4.4.1] a reply whose xid is not that of the last request is discarded. So is what is
  // for somebody else.
  if (datagram.source.port != kDhcpServerPort || !view->IsReply() || view->xid() != xid_ ||
      view->client_mac() != stack_.config().mac || state_ == DhcpState::kStopped ||
      state_ == DhcpState::kBound) {
    ++counters_.ignored;
    return;
  }
  if (view->type() == DhcpType::kOffer) {
    OnOffer(*view, now);
  } else if (view->type() == DhcpType::kAck) {
    OnAck(*view, now);
  } else {
    OnNak(*view, now);
  }
}

void DhcpClient::OnOffer(const DhcpView& view, Instant now) {
  if (state_ != DhcpState::kSelecting) {
    ++counters_.ignored;
    return;
  }
  const std::optional<DhcpLease> lease = LeaseFrom(view);
  if (!lease) {
    ++counters_.refused;
    return;
  }
  ++counters_.offers;
  offer_ = {lease->network.address, lease->server};
  state_ = DhcpState::kRequesting;
  requests_ = 0;
  request_sent_ = now;
  SendRequest(now);
}

// [RFC 2131 4.3.2] in REQUESTING the selected server answers, in RENEWING the one that was asked;
// REBINDING asked all.
bool DhcpClient::IsFromExpectedServer(const DhcpView& view) const {
  switch (state_) {
    case DhcpState::kRequesting:
      return view.server_id() == offer_.server;
    case DhcpState::kRenewing:
      return view.server_id() == lease_->server;
    case DhcpState::kRebinding:
      return view.server_id().has_value();
    default:
      return false;
  }
}

void DhcpClient::OnAck(const DhcpView& view, Instant now) {
  if (!IsFromExpectedServer(view)) {
    ++counters_.ignored;
    return;
  }
  std::optional<DhcpLease> lease = LeaseFrom(view);
  const Ipv4Address expected = HasLease() ? lease_->network.address : offer_.address;
  if (!lease || lease->network.address != expected) {
    ++counters_.refused;
    return;
  }
  SetTimes(view, *lease);
  ++counters_.acks;
  lease_ = *lease;
  state_ = DhcpState::kBound;
  naks_in_a_row_ = 0;
  on_fallback_ = false;
  fallback_at_ = kNever;
  // A lease counts from its request: some of it may be over already.
  wake_ = lease_->renew_at;
  stack_.SetAddress(lease_->network, lease_->gateway);
  Advance(now);
}

void DhcpClient::OnNak(const DhcpView& view, Instant now) {
  if (!IsFromExpectedServer(view)) {
    ++counters_.ignored;
    return;
  }
  ++counters_.naks;
  // [RFC 2131 3.2] an address that the server refuses is given up at once.
  LoseLease();
  RestartAfterNak(now);
}

void DhcpClient::LoseLease() {
  if (!HasLease()) return;
  lease_.reset();
  stack_.ClearAddress();
}

// Address, mask, gateway and server of an OFFER or ACK, when all that must be there is there and
// can be true.
std::optional<DhcpLease> DhcpClient::LeaseFrom(const DhcpView& view) const {
  // [RFC 2131 4.3.1] server identifier and lease time must be there.
  if (!view.server_id() || !view.server_id()->IsUnicast()) return std::nullopt;
  if (!view.lease_seconds() || *view.lease_seconds() < options_.limits.lease_seconds_min) {
    return std::nullopt;
  }
  const Ipv4Address address = view.your_address();
  const uint32_t known_mask = HasLease() ? lease_->network.Mask() : ClassMask(address);
  const std::optional<uint8_t> prefix_length =
      PrefixLength(view.subnet_mask().value_or(known_mask));
  if (!prefix_length) return std::nullopt;
  DhcpLease lease;
  lease.network = {address, *prefix_length};
  lease.server = *view.server_id();
  if (!MayBeHostOf(lease.network, address) || address == lease.server) return std::nullopt;
  // [RFC 2132 3.5] routers are on the client's network; one that is not cannot be used.
  for (size_t i = 0; i < view.routers().count && !lease.gateway; ++i) {
    const Ipv4Address router = view.routers().addresses[i];
    if (MayBeHostOf(lease.network, router) && router != address) lease.gateway = router;
  }
  lease.dns_servers = view.dns_servers();
  return lease;
}

// [RFC 2131 4.4.5] T1 < T2 < lease; where that does not hold, or nothing is said, 0.5 and 0.875 of
// the lease.
void DhcpClient::SetTimes(const DhcpView& view, DhcpLease& lease) const {
  const uint32_t lease_seconds = *view.lease_seconds();
  // [RFC 2131 3.3] all ones mean for ever.
  if (lease_seconds == kInfiniteLease) return;
  const Duration whole = seconds(lease_seconds);
  Duration renewal = seconds(view.renewal_seconds().value_or(0));
  Duration rebinding =
      view.rebinding_seconds() ? Duration(seconds(*view.rebinding_seconds())) : whole / 8 * 7;
  if (!view.renewal_seconds()) renewal = whole / 2;
  if (renewal == Duration::zero() || renewal >= rebinding || rebinding >= whole) {
    renewal = whole / 2;
    rebinding = whole / 8 * 7;
  }
  // [RFC 2131 4.4.1] the lease runs from the moment when the request was sent.
  lease.renew_at = request_sent_ + renewal;
  lease.rebind_at = request_sent_ + rebinding;
  lease.expires_at = request_sent_ + whole;
}

void DhcpClient::Release(Instant now) {
  if (HasLease()) {
    // [RFC 2131 4.4.6] unicast to the server, with the address and the server's identifier.
    xid_ = random_.Next32();
    DhcpMessage message = NewMessage(DhcpType::kRelease, now);
    message.client_address = lease_->network.address;
    message.server_id = lease_->server;
    message.secs = 0;
    ++counters_.releases;
    Send(message, lease_->server);
    lease_.reset();
  }
  state_ = DhcpState::kStopped;
  wake_ = fallback_at_ = kNever;
}

// [RFC 2131 4.1] the delay doubles, with a random part so that clients do not stay in step.
Duration DhcpClient::Backoff(uint32_t attempt) {
  const DhcpLimits& limits = options_.limits;
  Duration delay = limits.retry_first;
  for (uint32_t i = 0; i < attempt && delay < limits.retry_max; ++i) delay *= 2;
  delay = std::min(delay, limits.retry_max);
  const auto spread =
      std::chrono::duration_cast<milliseconds>(std::min<Duration>(seconds(1), delay / 4));
  const uint32_t spread_ms = static_cast<uint32_t>(spread.count());
  return delay - spread + milliseconds(random_.Below(2 * spread_ms + 1));
}

void DhcpClient::SendDiscover(Instant now) {
  ++counters_.discovers;
  DhcpMessage message = NewMessage(DhcpType::kDiscover, now);
  message.broadcast = true;
  message.with_parameter_list = true;
  secs_ = message.secs;
  wake_ = now + Backoff(attempts_++);
  Send(message, Ipv4Address::Broadcast());
}

// [RFC 2131 4.3.2] the offered address and the server that offered it, xid and secs as in the
// DISCOVER, to all servers.
void DhcpClient::SendRequest(Instant now) {
  ++counters_.requests;
  DhcpMessage message = NewMessage(DhcpType::kRequest, now);
  message.broadcast = true;
  message.with_parameter_list = true;
  message.secs = secs_;
  message.requested_address = offer_.address;
  message.server_id = offer_.server;
  wake_ = now + Backoff(requests_++);
  Send(message, Ipv4Address::Broadcast());
}

// [RFC 2131 4.3.2] the address stands in ciaddr; no server identifier, no requested address. A new
// xid each time, so that the answer tells which request it answers.
void DhcpClient::SendRenewal(Instant now) {
  ++counters_.requests;
  const bool rebinding = state_ == DhcpState::kRebinding;
  xid_ = random_.Next32();
  request_sent_ = now;
  DhcpMessage message = NewMessage(DhcpType::kRequest, now);
  message.with_parameter_list = true;
  message.client_address = lease_->network.address;
  // [RFC 2131 4.4.5] again after half of what is left, at least a minute, and never past the next
  // stage.
  const Instant next_stage = rebinding ? lease_->expires_at : lease_->rebind_at;
  const Duration half = (next_stage - now) / 2;
  wake_ = std::min(next_stage,
                   now + std::max<Duration>({half, options_.limits.renewal_retry_min, seconds(1)}));
  Send(message, rebinding ? Ipv4Address::Broadcast() : lease_->server);
}

DhcpMessage DhcpClient::NewMessage(DhcpType type, Instant now) const {
  DhcpMessage message;
  message.type = type;
  message.xid = xid_;
  const auto waited = std::chrono::duration_cast<seconds>(now - started_).count();
  message.secs = static_cast<uint16_t>(std::clamp<int64_t>(waited, 0, 0xffff));
  message.client_mac = stack_.config().mac;
  message.with_client_id = true;
  return message;
}

void DhcpClient::Send(const DhcpMessage& message, Ipv4Address to) {
  std::array<uint8_t, DhcpMessage::kSizeMax> bytes;
  const size_t size = message.Emit(bytes);
  // [RFC 2131 4.1] who has no lease sends from 0.0.0.0, also while a fallback address is in use.
  const bool from_unspecified = message.client_address.IsUnspecified() && to.IsBroadcast();
  if (!stack_.UdpSend(socket_, {to, kDhcpServerPort}, Bytes(bytes).first(size), from_unspecified)) {
    ++counters_.unsent;
  }
}

}  // namespace aether::app
