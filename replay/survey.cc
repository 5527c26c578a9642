#include "replay/survey.h"

#include <algorithm>

#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

constexpr uint16_t kSystemPortMax = 1023;
constexpr size_t kBeginningBytes = 256;

bool MayBeServer(Ipv4Address address) {
  return !address.IsMulticast() && !address.IsBroadcast() && !address.IsUnspecified();
}

}  // namespace

void Survey::Add(const Packet& packet, Instant at) {
  if (packets_++ == 0) first_ = at;
  last_ = at;
  const bool has_addresses = packet.kind == Packet::Kind::kTcp ||
                             packet.kind == Packet::Kind::kUdp ||
                             packet.kind == Packet::Kind::kIcmp;
  if (!has_addresses) return;
  if (macs_.size() < kEndpointsMax) {
    macs_.try_emplace(packet.source.address.value, packet.link_source);
    if (!packet.link_destination.IsGroup())
      macs_.try_emplace(packet.destination.address.value, packet.link_destination);
  }
  if (packet.kind == Packet::Kind::kTcp) {
    AddTcp(packet);
  } else if (packet.kind == Packet::Kind::kUdp && IsUdpRequest(packet)) {
    ++udp_ports_[packet.destination.port];
    if (MayBeServer(packet.destination.address)) ++addresses_[packet.destination.address.value];
  } else if (packet.kind == Packet::Kind::kIcmp && packet.payload[0] == 8) {
    if (MayBeServer(packet.destination.address)) ++addresses_[packet.destination.address.value];
  }
}

bool Survey::IsUdpRequest(const Packet& packet) const {
  const uint16_t from = packet.source.port;
  const uint16_t to = packet.destination.port;
  if ((from <= kSystemPortMax) != (to <= kSystemPortMax)) return to <= kSystemPortMax;
  return to < from;
}

bool Survey::SourceIsClient(const Packet& packet) const {
  if (packet.Has(tcp_flags::kSyn)) return !packet.Has(tcp_flags::kAck);
  const bool source_serves = servers_.contains(packet.source);
  const bool destination_serves = servers_.contains(packet.destination);
  if (source_serves != destination_serves) return destination_serves;
  const bool from_system = packet.source.port <= kSystemPortMax;
  const bool to_system = packet.destination.port <= kSystemPortMax;
  if (from_system != to_system) return to_system;
  // Who sends the first text that is seen.
  return packet.payload_bytes > 0 || packet.destination.port <= packet.source.port;
}

void Survey::NoteServer(Ipv4Endpoint server) {
  if (servers_.size() < kEndpointsMax) servers_.insert(server);
}

void Survey::AddTcp(const Packet& packet) {
  const FlowKey key = FlowKey::Of(packet.source, packet.destination);
  auto found = flows_.find(key);
  const bool opens = packet.Has(tcp_flags::kSyn) && !packet.Has(tcp_flags::kAck);
  if (found == flows_.end()) {
    if (flows_.size() >= kFlowsMax) return;
    // What only acknowledges, or ends, says nothing of who is who.
    if (packet.payload_bytes == 0 && !packet.Has(tcp_flags::kSyn)) return;
    Flow flow;
    flow.source_low = SourceIsClient(packet) == (key.low == packet.source);
    found = flows_.emplace(key, std::move(flow)).first;
  } else if (opens) {
    // Another one between the same ends.
    ahead_bytes_ -= found->second.client.ahead_bytes() + found->second.server.ahead_bytes();
    found->second = Flow();
    found->second.source_low = key.low == packet.source;
  }
  Flow& flow = found->second;
  const bool from_client = flow.source_low == (key.low == packet.source);
  const Ipv4Endpoint server = from_client ? packet.destination : packet.source;
  if (from_client && MayBeServer(server.address)) ++addresses_[server.address.value];
  if (packet.Has(tcp_flags::kSyn) && (!opens || servers_.contains(server))) NoteServer(server);
  const bool known = tcp_ports_.contains(server.port);
  if (!known && tcp_ports_.size() >= kEndpointsMax) return;
  Port& port = tcp_ports_[server.port];
  ++port.packets;
  if (!from_client && packet.Has(tcp_flags::kSyn)) port.answered = true;
  if (packet.Has(tcp_flags::kSyn)) {
    (from_client ? flow.client : flow.server).Begin(packet.seq + 1);
  }
  if (packet.payload_bytes > 0) {
    (from_client ? port.spoken : port.answered) = true;
    NoteServer(server);
  }
  if (flow.followed) Follow(flow, port, packet, from_client);
}

void Survey::OnClientText(Flow& flow, Port& port, Bytes text) {
  if (std::exchange(flow.first_text, false)) {
    if (LooksLikeHttp(text)) {
      ++port.http;
      if (content_.size() < CapturedContent::kFilesMax)
        flow.http = std::make_unique<HttpProgress>(CapturedContent::kKeptBytesMax);
    } else {
      const Bytes beginning = text.first(std::min(text.size(), kBeginningBytes));
      flow.client_beginning.assign(beginning.begin(), beginning.end());
    }
  }
  if (flow.http != nullptr) flow.http->OnClientText(text);
}

void Survey::OnServerText(Flow& flow, Port& port, Bytes text) {
  if (flow.http != nullptr) flow.http->OnServerText(text);
  if (!std::exchange(flow.first_answer, false)) return;
  const size_t size = std::min(text.size(), flow.client_beginning.size());
  const auto beginning = text.first(size);
  const bool echoes =
      size > 0 && std::equal(beginning.begin(), beginning.end(), flow.client_beginning.begin());
  ++(echoes ? port.echoed : port.other);
}

// Learns what is asked for and how it is answered, as long as nothing is missing.
void Survey::Follow(Flow& flow, Port& port, const Packet& packet, bool from_client) {
  StreamOrder& order = from_client ? flow.client : flow.server;
  const size_t before = order.ahead_bytes();
  if (!order.begun() && packet.payload_bytes > 0) order.Begin(packet.seq);
  // Of what was recorded in part the length counts: that is how long an answer was.
  Bytes payload = packet.payload;
  if (payload.size() < packet.payload_bytes) {
    whole_.assign(payload.begin(), payload.end());
    whole_.resize(packet.payload_bytes, 'y');
    payload = whole_;
  }
  order.Add(packet.seq, payload, [&](Bytes text) {
    if (from_client) {
      OnClientText(flow, port, text);
    } else {
      OnServerText(flow, port, text);
    }
  });
  ahead_bytes_ += order.ahead_bytes() - before;
  if (flow.http != nullptr) {
    if (!from_client && packet.Has(tcp_flags::kFin)) flow.http->OnServerEnd();
    for (const HttpExchange& exchange : flow.http->TakeFinished()) content_.Learn(exchange);
  }
  const bool broken =
      flow.http != nullptr && (flow.http->client_broken() || flow.http->server_broken());
  const bool known = !flow.first_text && !flow.first_answer && flow.http == nullptr;
  if (known || broken || order.lost() || packet.Has(tcp_flags::kRst) ||
      ahead_bytes_ > kAheadBytesMax) {
    ahead_bytes_ -= flow.client.ahead_bytes() + flow.server.ahead_bytes();
    flow.http.reset();
    flow.client = flow.server = StreamOrder();
    flow.followed = false;
  }
}

std::optional<Ipv4Address> Survey::ServerAddress() const {
  std::optional<Ipv4Address> best;
  uint64_t most = 0;
  for (const auto& [address, packets] : addresses_) {
    // The smaller one of equals: the order of the table is nobody's business.
    if (packets > most || (packets == most && best && address < best->value)) {
      best = Ipv4Address{address};
      most = packets;
    }
  }
  return best;
}

std::optional<MacAddress> Survey::MacOf(Ipv4Address address) const {
  const auto found = macs_.find(address.value);
  if (found == macs_.end()) return std::nullopt;
  return found->second;
}

std::vector<Service> Survey::TcpServices() const {
  std::vector<std::pair<uint16_t, const Port*>> ports;
  for (const auto& [port, facts] : tcp_ports_) {
    if (port != 0 && (facts.answered || facts.spoken)) ports.emplace_back(port, &facts);
  }
  std::ranges::sort(ports, [](const auto& a, const auto& b) {
    return std::pair(b.second->packets, a.first) < std::pair(a.second->packets, b.first);
  });
  if (ports.size() > ReplayHost::kServicesMax) ports.resize(ReplayHost::kServicesMax);
  std::vector<Service> services;
  for (const auto& [port, facts] : ports) {
    ServiceKind kind = ServiceKind::kSink;
    if (facts->http > 0) {
      kind = ServiceKind::kHttp;
    } else if (facts->echoed > facts->other) {
      kind = ServiceKind::kEcho;
    }
    services.push_back({port, kind});
  }
  return services;
}

std::vector<uint16_t> Survey::UdpPorts() const {
  std::vector<std::pair<uint16_t, uint64_t>> ports(udp_ports_.begin(), udp_ports_.end());
  std::erase_if(ports, [](const auto& port) { return port.first == 0; });
  std::ranges::sort(ports, [](const auto& a, const auto& b) {
    return std::pair(b.second, a.first) < std::pair(a.second, b.first);
  });
  if (ports.size() > ReplayHost::kServicesMax) ports.resize(ReplayHost::kServicesMax);
  std::vector<uint16_t> numbers;
  for (const auto& [port, packets] : ports) numbers.push_back(port);
  return numbers;
}

}  // namespace aether::replay
