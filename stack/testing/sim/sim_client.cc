#include "stack/testing/sim/sim_client.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/testing/naive_parser.h"

namespace aether::testing::sim {
namespace {

constexpr size_t kRepliesMax = 64;
constexpr Duration kArpRetry = std::chrono::seconds(1);
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kAck = 0x10;

}  // namespace

SimClient::SimClient(const SimClientSpec& spec, Instant now)
    : spec_(spec), dice_(spec.seed), now_(now) {
  spec_.tcp.mss_bytes =
      std::min<uint16_t>(spec.tcp.mss_bytes, static_cast<uint16_t>(spec.mtu - 40));
}

SimConnection* SimClient::Find(ConnectionId id) {
  const auto found = connections_.find(id.index);
  return found != connections_.end() && !found->second.is_released() ? &found->second : nullptr;
}
const SimConnection* SimClient::Find(ConnectionId id) const {
  const auto found = connections_.find(id.index);
  return found != connections_.end() && !found->second.is_released() ? &found->second : nullptr;
}

uint32_t SimClient::Add(SimConnection connection) {
  const uint32_t index = next_index_++;
  connection.generation = 1;
  by_flow_.insert_or_assign({connection.ends().remote, connection.ends().local.port}, index);
  connections_.emplace(index, std::move(connection));
  return index;
}

// Sequence numbers near the places where comparisons go wrong, half of the time.
uint32_t SimClient::DrawSequence() {
  const uint32_t any = dice_.Next32();
  switch (any % 4) {
    case 0:
      return 0u - (any >> 2) % 3000;
    case 1:
      return 0x80000000u - (any >> 2) % 3000;
    default:
      return any;
  }
}

std::optional<ConnectionId> SimClient::Connect(Ipv4Endpoint remote, uint16_t local_port,
                                               const SocketOptions&) {
  if (local_port != 0) {
    if (by_flow_.contains({remote, local_port})) return std::nullopt;
    const Ends ends{{spec_.address, local_port}, remote};
    return ConnectionId{Add(SimConnection::Active(ends, DrawSequence(), spec_.tcp)), 1};
  }
  for (uint16_t tries = 0; tries < spec_.ports; ++tries) {
    const uint16_t port = static_cast<uint16_t>(spec_.first_port + next_port_);
    next_port_ = static_cast<uint16_t>((next_port_ + 1) % spec_.ports);
    if (by_flow_.contains({remote, port})) continue;
    const Ends ends{{spec_.address, port}, remote};
    return ConnectionId{Add(SimConnection::Active(ends, DrawSequence(), spec_.tcp)), 1};
  }
  return std::nullopt;
}

bool SimClient::Listen(uint16_t port) {
  if (listening_port_) return false;
  listening_port_ = port;
  return true;
}

std::optional<ConnectionId> SimClient::Accept(ListenerId) {
  for (auto waiting = waiting_.begin(); waiting != waiting_.end(); ++waiting) {
    const ConnectionId id{waiting->index, 1};
    if (!IsOpen(id)) continue;
    waiting_.erase(waiting);
    return id;
  }
  return std::nullopt;
}

void SimClient::Receive(std::span<const Bytes> frames, Instant now) {
  now_ = now;
  for (auto& [index, connection] : connections_) {
    if (connection.NextDeadline() <= now) connection.OnTime(now);
  }
  for (const Bytes bytes : frames) {
    const std::expected<NaiveFrame, std::string> frame = NaiveParse(bytes);
    if (!frame) continue;
    if (frame->destination != spec_.mac.octets &&
        frame->destination != MacAddress::Broadcast().octets) {
      continue;
    }
    if (frame->arp) ReceiveArp(*frame->arp);
    if (frame->tcp && frame->ip->destination == spec_.address.value) ReceiveTcp(*frame, now);
  }
  Forget();
}

void SimClient::Forget() {
  for (const Waiting& waiting : waiting_) {
    // It ended before anybody took it.
    SimConnection& connection = connections_.at(waiting.index);
    if (connection.state() == SimConnection::State::kClosed) connection.Close();
  }
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (!at->second.IsGone()) {
      ++at;
      continue;
    }
    const auto flow = by_flow_.find({at->second.ends().remote, at->second.ends().local.port});
    if (flow != by_flow_.end() && flow->second == at->first) by_flow_.erase(flow);
    const uint32_t index = at->first;
    std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.index == index; });
    at = connections_.erase(at);
  }
}

void SimClient::ReceiveArp(const NaiveArp& arp) {
  const Ipv4Address sender{arp.sender_ip};
  const bool is_for_us = arp.target_ip == spec_.address.value;
  const auto known = neighbors_.find(sender.value);
  if (known != neighbors_.end() || (is_for_us && !sender.IsUnspecified())) {
    neighbors_[sender.value].mac = MacAddress{arp.sender_mac};
  }
  if (arp.operation != 1 || !is_for_us || replies_.size() >= kRepliesMax) return;
  ArpSpec reply;
  reply.ethernet = {.destination = {arp.sender_mac}, .source = spec_.mac, .type = 0x0806};
  reply.operation = 2;
  reply.sender_mac = spec_.mac;
  reply.sender_ip = spec_.address;
  reply.target_mac = {arp.sender_mac};
  reply.target_ip = sender;
  replies_.push_back(BuildArp(reply));
}

void SimClient::ReceiveTcp(const NaiveFrame& frame, Instant now) {
  const NaiveTcp& segment = *frame.tcp;
  const Ends ends{{spec_.address, segment.destination_port},
                  {{frame.ip->source}, segment.source_port}};
  const auto flow = by_flow_.find({ends.remote, ends.local.port});
  if (flow != by_flow_.end()) {
    SimConnection& connection = connections_.at(flow->second);
    if (connection.IsForeignAck(segment) || connection.state() == SimConnection::State::kClosed) {
      Refuse(ends, segment);
    } else {
      connection.OnSegment(segment, now);
    }
    return;
  }
  if (listening_port_ == ends.local.port && (segment.flags & (kSyn | kAck | kRst)) == kSyn) {
    waiting_.push_back({Add(SimConnection::Passive(ends, DrawSequence(), spec_.tcp, segment))});
    return;
  }
  Refuse(ends, segment);
}

// [RFC 9293 3.10.7.1] a segment for nobody is answered with a reset.
void SimClient::Refuse(const Ends& ends, const NaiveTcp& segment) {
  const auto neighbor = neighbors_.find(ends.remote.address.value);
  if ((segment.flags & kRst) != 0 || replies_.size() >= kRepliesMax ||
      neighbor == neighbors_.end() || !neighbor->second.mac) {
    return;
  }
  SimSegment reset;
  if ((segment.flags & kAck) != 0) {
    reset.seq = segment.acknowledgment;
    reset.flags = kRst;
  } else {
    reset.ack = segment.sequence + static_cast<uint32_t>(segment.payload.size()) +
                ((segment.flags & kSyn) != 0 ? 1 : 0) + ((segment.flags & 1) != 0 ? 1 : 0);
    reset.flags = kRst | kAck;
  }
  replies_.push_back(Wrap(ends, reset, *neighbor->second.mac));
}

Frame SimClient::Wrap(const Ends& ends, const SimSegment& segment, const MacAddress& to) const {
  TcpSpec spec;
  spec.ip.ethernet = {.destination = to, .source = spec_.mac, .type = 0x0800};
  spec.ip.source = ends.local.address;
  spec.ip.destination = ends.remote.address;
  spec.ip.identification = next_identification_;
  spec.ip.dont_fragment = true;
  spec.source_port = ends.local.port;
  spec.destination_port = ends.remote.port;
  spec.sequence = segment.seq;
  spec.acknowledgment = segment.ack;
  spec.flags = segment.flags;
  spec.window = segment.window;
  if (segment.mss != 0) spec.options = MssOption(segment.mss);
  spec.payload.assign(segment.payload.begin(), segment.payload.end());
  return BuildTcp(spec);
}

bool SimClient::NeighborIsKnown(Ipv4Address address) {
  Neighbor& neighbor = neighbors_[address.value];
  neighbor.is_wanted = !neighbor.mac.has_value();
  return neighbor.mac.has_value();
}

size_t SimClient::TransmitArp(MutableBytes out, Instant now) {
  for (auto& [address, neighbor] : neighbors_) {
    if (!neighbor.is_wanted || neighbor.mac || neighbor.ask_at > now) continue;
    neighbor.ask_at = now + kArpRetry;
    ArpSpec request;
    request.ethernet = {
        .destination = MacAddress::Broadcast(), .source = spec_.mac, .type = 0x0806};
    request.sender_mac = spec_.mac;
    request.sender_ip = spec_.address;
    request.target_ip = {address};
    const Frame frame = BuildArp(request);
    std::ranges::copy(frame, out.begin());
    return frame.size();
  }
  return 0;
}

size_t SimClient::Transmit(MutableBytes out, Instant now) {
  now_ = now;
  Frame frame;
  if (!replies_.empty()) {
    frame = std::move(replies_.front());
    replies_.pop_front();
  } else {
    for (auto& [index, connection] : connections_) {
      if (connection.IsGone() || !NeighborIsKnown(connection.ends().remote.address)) continue;
      const std::optional<SimSegment> segment = connection.Next(now);
      if (!segment) continue;
      ++next_identification_;
      frame = Wrap(connection.ends(), *segment,
                   *neighbors_[connection.ends().remote.address.value].mac);
      break;
    }
  }
  if (frame.empty()) {
    Forget();
    return TransmitArp(out, now);
  }
  AETHER_CHECK(frame.size() <= out.size());
  std::ranges::copy(frame, out.begin());
  return frame.size();
}

Instant SimClient::NextDeadline() const {
  Instant next = kNever;
  for (const auto& [index, connection] : connections_) {
    next = std::min(next, connection.NextDeadline());
    const auto neighbor = neighbors_.find(connection.ends().remote.address.value);
    if (neighbor != neighbors_.end() && neighbor->second.is_wanted) {
      next = std::min(next, neighbor->second.ask_at);
    }
  }
  return next;
}

size_t SimClient::PollEvents(std::span<Event> out) {
  size_t count = 0;
  for (Waiting& waiting : waiting_) {
    if (count == out.size()) return count;
    if (waiting.is_announced || !IsOpen({waiting.index, 1})) continue;
    waiting.is_announced = true;
    out[count] = Event();
    out[count++].kind = Event::Kind::kAcceptable;
  }
  for (auto& [index, connection] : connections_) {
    if (count == out.size()) return count;
    if (!connection.has_events()) continue;
    const tcp_event::Mask mask = connection.TakeEvents();
    if (connection.is_released()) continue;
    Event event;
    event.kind = Event::Kind::kConnection;
    event.mask = mask;
    event.connection = {index, 1};
    event.user = connection.user;
    out[count++] = event;
  }
  return count;
}

std::optional<Ends> SimClient::EndsOf(ConnectionId id) const {
  const SimConnection* connection = Find(id);
  if (connection == nullptr) return std::nullopt;
  return connection->ends();
}
bool SimClient::IsOpen(ConnectionId id) const {
  const SimConnection* connection = Find(id);
  return connection != nullptr && (connection->state() == SimConnection::State::kOpen ||
                                   connection->state() == SimConnection::State::kTimeWait);
}
void SimClient::SetUser(ConnectionId id, uint32_t user) {
  if (SimConnection* connection = Find(id)) connection->user = user;
}
Bytes SimClient::Peek(ConnectionId id) const {
  const SimConnection* connection = Find(id);
  return connection != nullptr ? connection->received().View() : Bytes{};
}
size_t SimClient::Readable(ConnectionId id) const { return Peek(id).size(); }
void SimClient::Consume(ConnectionId id, size_t size) {
  if (SimConnection* connection = Find(id)) connection->Consume(size);
}
bool SimClient::AtEnd(ConnectionId id) const {
  const SimConnection* connection = Find(id);
  return connection != nullptr && connection->AtEnd();
}
size_t SimClient::Write(ConnectionId id, Bytes data) {
  SimConnection* connection = Find(id);
  return connection != nullptr ? connection->Write(data) : 0;
}
void SimClient::Shutdown(ConnectionId id) {
  if (SimConnection* connection = Find(id)) connection->Shutdown();
}
void SimClient::Close(ConnectionId id) {
  if (SimConnection* connection = Find(id)) connection->Close();
}
void SimClient::Abort(ConnectionId id) {
  if (SimConnection* connection = Find(id)) connection->Abort();
}

void SimClient::CheckInvariants() const {
  for (const auto& [flow, index] : by_flow_) AETHER_CHECK(connections_.contains(index));
}

std::string SimClient::Residue() const {
  return connections_.empty() ? "" : std::to_string(connections_.size()) + " connections";
}

}  // namespace aether::testing::sim
