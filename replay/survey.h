// What a capture is about, from reading it once before it is replayed: who served, on which ports
// and what, who is client of a connection whose beginning is missing, and which files the server
// had. Bounded: of what is beyond a bound nothing is learned.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "replay/captured_content.h"
#include "replay/flow_key.h"
#include "replay/http_progress.h"
#include "replay/packet.h"
#include "replay/replay_host.h"
#include "replay/stream_order.h"
#include "stack/base/time.h"

namespace aether::replay {

class Survey {
 public:
  static constexpr size_t kFlowsMax = 131072;
  static constexpr size_t kEndpointsMax = 65536;
  // Text ahead of gaps that is held, of all connections together.
  static constexpr size_t kAheadBytesMax = size_t{256} << 20;

  void Add(const Packet& packet, Instant at);

  uint64_t packets() const { return packets_; }
  Instant first() const { return first_; }
  Instant last() const { return last_; }

  // Whether the sender of a segment is the client of its connection: by SYN, by who was seen to
  // serve elsewhere, by the ports, by who speaks first.
  bool SourceIsClient(const Packet& packet) const;
  // The same of datagrams.
  bool IsUdpRequest(const Packet& packet) const;

  // The address that most packets to servers went to; nothing when there is none.
  std::optional<Ipv4Address> ServerAddress() const;
  std::optional<MacAddress> MacOf(Ipv4Address address) const;
  // The busiest ones, as many as a host has.
  std::vector<Service> TcpServices() const;
  std::vector<uint16_t> UdpPorts() const;
  CapturedContent& content() { return content_; }

 private:
  struct Port {
    bool answered = false;  // the server accepted a connection, or sent text
    bool spoken = false;    // a client sent text
    uint32_t http = 0;
    uint32_t echoed = 0;
    uint32_t other = 0;
    uint64_t packets = 0;
  };
  struct Flow {
    bool source_low = false;  // the client is FlowKey::low
    bool first_text = true;
    bool first_answer = true;
    std::vector<uint8_t> client_beginning;
    // As long as something is to be learned of it.
    std::unique_ptr<HttpProgress> http;
    bool followed = true;
    StreamOrder client;
    StreamOrder server;
  };

  void AddTcp(const Packet& packet);
  void Follow(Flow& flow, Port& port, const Packet& packet, bool from_client);
  void OnClientText(Flow& flow, Port& port, Bytes text);
  void OnServerText(Flow& flow, Port& port, Bytes text);
  void NoteServer(Ipv4Endpoint server);

  uint64_t packets_ = 0;
  Instant first_{};
  Instant last_{};
  std::unordered_map<uint32_t, uint64_t> addresses_;  // packets to servers
  std::unordered_map<uint32_t, MacAddress> macs_;
  std::unordered_set<Ipv4Endpoint, FlowKeyHash> servers_;
  std::map<uint16_t, Port> tcp_ports_;
  std::map<uint16_t, uint64_t> udp_ports_;
  std::unordered_map<FlowKey, Flow, FlowKeyHash> flows_;
  CapturedContent content_;
  size_t ahead_bytes_ = 0;
  std::vector<uint8_t> whole_;
};

}  // namespace aether::replay
