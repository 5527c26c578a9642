#include "stack/testing/sim/stack_host.h"

#include "stack/base/check.h"
#include "stack/tcp/state.h"

namespace aether::testing::sim {

StackHost::StackHost(const Config& config, Ipv4Network address, std::optional<Ipv4Address> gateway,
                     Instant now)
    : stack_(config, now) {
  stack_.SetAddress(address, gateway);
}

void StackHost::Receive(std::span<const Bytes> frames, Instant now) { stack_.Receive(frames, now); }
size_t StackHost::Transmit(MutableBytes out, Instant now) { return stack_.Transmit(out, now); }
Instant StackHost::NextDeadline() const { return stack_.NextDeadline(); }
size_t StackHost::PollEvents(std::span<Event> out) { return stack_.PollEvents(out); }
size_t StackHost::frame_size_max() const { return stack_.frame_size_max(); }

bool StackHost::Listen(uint16_t port) { return stack_.TcpListen(port, {}).has_value(); }
std::optional<ConnectionId> StackHost::Accept(ListenerId listener) {
  return stack_.Accept(listener);
}
std::optional<ConnectionId> StackHost::Connect(Ipv4Endpoint remote, uint16_t local_port,
                                               const SocketOptions& options) {
  const std::expected<ConnectionId, Error> id =
      stack_.TcpConnect(remote, {.owner = 0, .local_port = local_port, .socket = options});
  if (!id) return std::nullopt;
  return *id;
}
void StackHost::SetOptions(ConnectionId id, const SocketOptions& options) {
  stack_.SetOptions(id, options);
}
std::optional<Ends> StackHost::EndsOf(ConnectionId id) const {
  const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(id);
  if (!snapshot) return std::nullopt;
  return Ends{snapshot->local, snapshot->remote};
}
bool StackHost::IsOpen(ConnectionId id) const {
  const std::optional<tcp::Snapshot> snapshot = stack_.Inspect(id);
  // It may be over already: what was delivered still counts.
  return snapshot && snapshot->state != tcp::State::kSynSent &&
         snapshot->state != tcp::State::kSynReceived;
}
void StackHost::SetUser(ConnectionId id, uint32_t user) { stack_.SetUser(id, user); }
Bytes StackHost::Peek(ConnectionId id) const { return stack_.Peek(id); }
size_t StackHost::Readable(ConnectionId id) const { return stack_.Readable(id); }
void StackHost::Consume(ConnectionId id, size_t size) { stack_.Consume(id, size); }
bool StackHost::AtEnd(ConnectionId id) const { return stack_.AtEnd(id); }
size_t StackHost::Write(ConnectionId id, Bytes data) { return stack_.Write(id, data); }
void StackHost::Shutdown(ConnectionId id) { stack_.Shutdown(id); }
void StackHost::Close(ConnectionId id) { stack_.Close(id); }
void StackHost::Abort(ConnectionId id) { stack_.Abort(id); }

bool StackHost::BindDatagrams(uint16_t port) {
  const std::expected<UdpSocketId, Error> id = stack_.UdpBind(port, {});
  if (id) datagrams_ = *id;
  return id.has_value();
}
bool StackHost::SendDatagram(Ipv4Endpoint to, Bytes payload) {
  return stack_.UdpSend(datagrams_, to, payload).has_value();
}
std::optional<std::vector<uint8_t>> StackHost::TakeDatagram() {
  const std::optional<Datagram> datagram = stack_.UdpPeek(datagrams_);
  if (!datagram) return std::nullopt;
  std::vector<uint8_t> payload(datagram->payload.begin(), datagram->payload.end());
  stack_.UdpPop(datagrams_);
  return payload;
}
void StackHost::SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway) {
  stack_.SetAddress(address, gateway);
}
void StackHost::AddCounters(Counters& counters) const { counters.Add(stack_.counters()); }

void StackHost::CheckInvariants() const { stack_.CheckInvariants(); }

std::string StackHost::Residue() const {
  const MemoryUse use = stack_.memory_in_use();
  std::string text;
  const auto add = [&](uint32_t count, const char* what) {
    if (count != 0) text += std::to_string(count) + " " + what + ", ";
  };
#define AETHER_ADD(member, meaning) add(use.member, #member);
  AETHER_MEMORY_USE(AETHER_ADD)
#undef AETHER_ADD
  if (stack_.NextDeadline() != kNever) text += "an armed timer, ";
  if (!text.empty()) text.resize(text.size() - 2);
  return text;
}

size_t StackHost::connection_count() const { return stack_.connection_count(); }

}  // namespace aether::testing::sim
