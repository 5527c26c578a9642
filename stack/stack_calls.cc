// The calls of stack.h, each handed to the layer that it is for.
#include <algorithm>

#include "stack/stack_impl.h"

namespace aether {

Stack::Stack(const Config& config, Instant now) : impl_(std::make_unique<Impl>(config, now)) {}
Stack::~Stack() = default;

void Stack::Receive(std::span<const Bytes> frames, Instant now) { impl_->Receive(frames, now); }
size_t Stack::Transmit(MutableBytes out, Instant now) { return impl_->Transmit(out, now); }
size_t Stack::PollEvents(std::span<Event> out) { return impl_->PollEvents(out); }
void Stack::Observe(std::span<const Bytes> frames, Instant now) { impl_->Observe(frames, now); }
std::optional<Bytes> Stack::TakeReassembled() { return impl_->TakeReassembled(); }
void Stack::ReceiveReassembled(Bytes packet, Instant now) {
  impl_->ReceiveReassembled(packet, now);
}
void Stack::SetProbe(tcp::Probe* probe) { impl_->tcp_.SetProbe(probe); }
size_t Stack::frame_size_max() const { return impl_->frame_size_max(); }
Instant Stack::NextDeadline() const {
  return std::min(impl_->interface_.NextDeadline(), impl_->tcp_.NextDeadline());
}

void Stack::SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway) {
  net::Addressing& addressing = impl_->interface_.addressing();
  AETHER_CHECK(address.address.IsUnicast() && address.prefix_length <= 32);
  const bool is_same = addressing.network() == address;
  addressing.Set(address, gateway);
  if (!is_same) impl_->OnAddressChange();
}
void Stack::ClearAddress() {
  net::Addressing& addressing = impl_->interface_.addressing();
  if (!addressing.network()) return;
  addressing.Clear();
  impl_->OnAddressChange();
}
std::optional<Ipv4Network> Stack::address() const {
  return impl_->interface_.addressing().network();
}
std::optional<Ipv4Address> Stack::gateway() const {
  return impl_->interface_.addressing().gateway();
}
std::expected<void, Error> Stack::JoinMulticast(Ipv4Address group) {
  if (!group.IsMulticast()) return std::unexpected(Error::kBadArgument);
  if (!impl_->interface_.addressing().Join(group)) return std::unexpected(Error::kTooMany);
  return {};
}
void Stack::LeaveMulticast(Ipv4Address group) { impl_->interface_.addressing().Leave(group); }

std::expected<ListenerId, Error> Stack::TcpListen(uint16_t port, ListenOptions options) {
  return impl_->tcp_.Listen(port, options.owner, options.backlog, options.socket,
                            options.local_address);
}
void Stack::TcpUnlisten(ListenerId listener) { impl_->tcp_.Unlisten(listener); }
std::expected<ConnectionId, Error> Stack::TcpConnect(Ipv4Endpoint remote,
                                                     const ConnectOptions& options) {
  const net::Addressing& addressing = impl_->interface_.addressing();
  if (!addressing.network()) return std::unexpected(Error::kNoAddress);
  // [RFC 9293 3.9.1.1 MUST-46] what is no single other host is refused.
  if (remote.port == 0 || !remote.address.IsUnicast() || addressing.IsOwn(remote.address) ||
      addressing.IsBroadcast(remote.address)) {
    return std::unexpected(Error::kBadArgument);
  }
  if (options.local_address && !addressing.IsOwn(*options.local_address))
    return std::unexpected(Error::kBadArgument);
  if (!addressing.NextHop(remote.address)) return std::unexpected(Error::kNoRoute);
  // [RFC 9293 3.9.1.1 MUST-44] the interface knows the local address.
  return impl_->tcp_.Connect({addressing.own(), options.local_port}, remote, options.owner,
                             options.socket);
}
bool Stack::SetOptions(ConnectionId id, const SocketOptions& options) {
  return impl_->tcp_.SetOptions(id, options);
}
std::optional<ConnectionId> Stack::Accept(ListenerId listener) {
  return impl_->tcp_.Accept(listener);
}
size_t Stack::WaitingForAccept(ListenerId listener) const {
  return impl_->tcp_.WaitingForAccept(listener);
}
void Stack::SetUser(ConnectionId id, uint32_t user) { impl_->tcp_.SetUser(id, user); }
Bytes Stack::Peek(ConnectionId id, size_t offset) const { return impl_->tcp_.Peek(id, offset); }
size_t Stack::Readable(ConnectionId id) const { return impl_->tcp_.Readable(id); }
void Stack::Consume(ConnectionId id, size_t size) { impl_->tcp_.Consume(id, size); }
bool Stack::AtEnd(ConnectionId id) const { return impl_->tcp_.AtEnd(id); }
size_t Stack::WriteSpace(ConnectionId id) const { return impl_->tcp_.WriteSpace(id); }
size_t Stack::Write(ConnectionId id, Bytes data) { return impl_->tcp_.Write(id, data); }
bool Stack::WriteStatic(ConnectionId id, const StaticBytes& data) {
  return impl_->tcp_.WriteStatic(id, data);
}
size_t Stack::Unacknowledged(ConnectionId id) const { return impl_->tcp_.Unacknowledged(id); }
void Stack::Shutdown(ConnectionId id) { impl_->tcp_.Shutdown(id); }
void Stack::Close(ConnectionId id) { impl_->tcp_.Close(id); }
void Stack::Abort(ConnectionId id) { impl_->tcp_.Abort(id); }
std::optional<tcp::Snapshot> Stack::Inspect(ConnectionId id) const {
  return impl_->tcp_.Inspect(id);
}
size_t Stack::connection_count() const { return impl_->tcp_.connection_count(); }
size_t Stack::time_wait_count() const { return impl_->tcp_.time_wait_count(); }

std::expected<UdpSocketId, Error> Stack::UdpBind(uint16_t port, UdpOptions options) {
  return impl_->udp_.Bind(port, options.owner);
}
void Stack::UdpClose(UdpSocketId socket) { impl_->udp_.Close(socket); }
std::optional<Datagram> Stack::UdpPeek(UdpSocketId socket) const {
  return impl_->udp_.Peek(socket);
}
void Stack::UdpPop(UdpSocketId socket) { impl_->udp_.Pop(socket); }
std::expected<void, Error> Stack::UdpSend(UdpSocketId socket, Ipv4Endpoint to, Bytes payload,
                                          bool from_unspecified) {
  return impl_->UdpSend(socket, to, payload, from_unspecified);
}

const Config& Stack::config() const { return impl_->config_; }
const Counters& Stack::counters() const { return impl_->counters_; }
MemoryUse Stack::memory_in_use() const {
  MemoryUse use;
  impl_->interface_.AddMemoryUse(use);
  impl_->udp_.AddMemoryUse(use);
  impl_->tcp_.AddMemoryUse(use);
  return use;
}
void Stack::CheckInvariants() const {
  impl_->interface_.CheckInvariants();
  impl_->udp_.CheckInvariants();
  impl_->tcp_.CheckInvariants();
  const Counters& counters = impl_->counters_;
  AETHER_CHECK(counters.frames_in == counters.delivered + counters.TotalDrops());
}

}  // namespace aether
