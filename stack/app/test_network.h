// For the tests of this folder: a network of one host and clients that are a few lines of TCP each,
// on virtual time. A client checks what every frame must have (checksums, order, the same bytes
// when they come again), acknowledges at once unless told not to, and keeps what it got.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stack/app/host.h"
#include "stack/testing/frame_builder.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/udp.h"

namespace aether::app {

using testing::Frame;

struct SeenDatagram {
  Instant at;
  MacAddress link_destination;
  Ipv4Endpoint source;
  Ipv4Endpoint destination;
  std::vector<uint8_t> payload;
};

class TestNetwork;

class TestClient {
 public:
  TestClient(TestNetwork& network, uint16_t port, uint16_t server_port)
      : network_(network), port_(port), server_port_(server_port), sent_(port * 1000u) {}

  void Connect();
  // In segments of `segment_bytes_max`.
  void Send(std::string_view text, size_t segment_bytes_max = 1460);
  // Text and FIN in one segment.
  void SendAndClose(std::string_view text);
  void Close() { SendAndClose(""); }
  void Reset();
  // Everything that came; no other segment acknowledges anything.
  void Acknowledge();
  // The frame of a segment with `text`; counts it as sent.
  Frame Segment(std::string_view text, uint8_t flags);

  // What came so far; Take forgets it.
  const std::string& received() const { return received_; }
  std::string Take() { return std::exchange(received_, {}); }
  bool connected() const { return connected_; }
  bool finished() const { return finished_; }    // the host's FIN came
  bool was_reset() const { return was_reset_; }  // the host reset the connection
  bool all_acknowledged() const { return host_acknowledged_ == sent_; }
  int segments() const { return segments_; }  // from the host since Connect
  uint8_t last_flags() const { return last_flags_; }

  uint16_t port() const { return port_; }

  bool auto_acknowledge = true;
  uint16_t window = 65535;

  void OnSegment(const TcpView& segment);

 private:
  TestNetwork& network_;
  const uint16_t port_;
  const uint16_t server_port_;
  uint32_t sent_;
  uint32_t expected_ = 0;
  uint32_t acknowledged_ = 0;
  uint32_t host_acknowledged_ = 0;
  std::string received_;
  bool connected_ = false;
  bool finished_ = false;
  bool was_reset_ = false;
  int segments_ = 0;
  uint8_t last_flags_ = 0;
};

class TestNetwork {
 public:
  explicit TestNetwork(HostOptions options, Instant start = Instant{std::chrono::seconds(1000)})
      : now(start) {
    options.stack.mac = testing::kOurMac;
    auto created = Host::Create(options, now);
    EXPECT_TRUE(created) << created.error();
    host = std::move(*created);
    buffer_.resize(host->stack().frame_size_max());
    Pump();
  }

  TestClient& Connect(uint16_t server_port = 80) {
    TestClient& client = NewClient(server_port);
    client.Connect();
    EXPECT_TRUE(client.connected());
    return client;
  }
  TestClient& NewClient(uint16_t server_port = 80) {
    const uint16_t port = next_port_++;
    if (next_port_ == 0) next_port_ = 10000;
    return *clients_.emplace(port, std::make_unique<TestClient>(*this, port, server_port))
                .first->second;
  }
  void Forget(const TestClient& client) { clients_.erase(client.port()); }

  // All in one batch; then whatever that leads to, until nobody has anything to say.
  void Deliver(const std::vector<Frame>& frames) {
    const std::vector<Bytes> views(frames.begin(), frames.end());
    host->Receive(views, now);
    Pump();
  }
  void Deliver(const Frame& frame) { Deliver(std::vector<Frame>{frame}); }
  // Sends it when everybody is ready to listen: clients answer from within Pump.
  void Queue(Frame frame) {
    queue_.push_back(std::move(frame));
    if (!pumping_) Pump();
  }
  void DeliverUdp(Ipv4Endpoint from, Ipv4Endpoint to, const std::vector<uint8_t>& payload) {
    testing::UdpSpec spec;
    spec.ip.source = from.address;
    spec.ip.destination = to.address;
    if (to.address.IsBroadcast()) spec.ip.ethernet.destination = MacAddress::Broadcast();
    spec.source_port = from.port;
    spec.destination_port = to.port;
    spec.payload = payload;
    Deliver(testing::BuildUdp(spec));
  }

  // Lets time pass, deadline by deadline.
  void Advance(Duration by) {
    const Instant end = now + by;
    for (int steps = 0; steps < 100000; ++steps) {
      const Instant next = std::max(now, host->NextDeadline());
      if (next > end) {
        now = end;
        Deliver(std::vector<Frame>{});
        return;
      }
      now = next;
      Deliver(std::vector<Frame>{});
      if (now < end) now += Duration(1);  // a deadline that stands still must not hang the test
    }
    ADD_FAILURE() << "time does not pass";
  }

  Instant now;
  std::unique_ptr<Host> host;
  std::vector<SeenDatagram> datagrams;
  Ipv4Address peer_ip = testing::kPeerIp;

 private:
  void Pump() {
    pumping_ = true;
    while (true) {
      const size_t size = host->Transmit(buffer_, now);
      if (size > 0) {
        OnFrame(Bytes(buffer_).first(size));
      } else if (!queue_.empty()) {
        const Frame frame = std::move(queue_.front());
        queue_.pop_front();
        const Bytes view = frame;
        host->Receive({&view, 1}, now);
      } else {
        break;
      }
    }
    pumping_ = false;
    host->stack().CheckInvariants();
  }

  void OnFrame(Bytes frame) {
    const auto ethernet = EthernetView::Parse(frame);
    ASSERT_TRUE(ethernet);
    if (ethernet->type() == static_cast<uint16_t>(EtherType::kArp)) {
      const auto arp = ArpPacket::Parse(ethernet->payload());
      ASSERT_TRUE(arp);
      if (arp->operation != ArpOperation::kRequest || arp->target_ip == arp->sender_ip) return;
      queue_.push_back(testing::BuildArp({.ethernet = {.type = 0x0806},
                                          .operation = 2,
                                          .sender_mac = testing::kPeerMac,
                                          .sender_ip = arp->target_ip,
                                          .target_mac = testing::kOurMac,
                                          .target_ip = arp->sender_ip}));
      return;
    }
    const auto packet = Ipv4View::Parse(ethernet->payload());
    ASSERT_TRUE(packet);
    if (packet->protocol() == static_cast<uint8_t>(IpProtocol::kTcp)) {
      const auto segment = TcpView::Parse(packet->payload());
      ASSERT_TRUE(segment && segment->ChecksumIsValid(packet->source(), packet->destination()));
      const auto client = clients_.find(segment->destination_port());
      ASSERT_NE(client, clients_.end());
      client->second->OnSegment(*segment);
    } else if (packet->protocol() == static_cast<uint8_t>(IpProtocol::kUdp)) {
      const auto datagram = UdpView::Parse(packet->payload());
      ASSERT_TRUE(datagram && datagram->ChecksumIsValid(packet->source(), packet->destination()));
      datagrams.push_back({now,
                           ethernet->destination(),
                           {packet->source(), datagram->source_port()},
                           {packet->destination(), datagram->destination_port()},
                           {datagram->payload().begin(), datagram->payload().end()}});
    }
  }

  std::vector<uint8_t> buffer_;
  std::deque<Frame> queue_;
  bool pumping_ = false;
  std::map<uint16_t, std::unique_ptr<TestClient>> clients_;
  uint16_t next_port_ = 40000;
};

inline Frame TestClient::Segment(std::string_view text, uint8_t flags) {
  testing::TcpSpec spec;
  spec.ip.source = network_.peer_ip;
  spec.ip.destination = network_.host->stack().address()->address;
  spec.source_port = port_;
  spec.destination_port = server_port_;
  spec.sequence = sent_;
  spec.acknowledgment = acknowledged_;
  spec.flags = flags;
  spec.window = window;
  if ((flags & tcp_flags::kSyn) != 0) spec.options = testing::MssOption(1460);
  spec.payload = testing::ToFrame(text);
  sent_ += static_cast<uint32_t>(text.size());
  if ((flags & (tcp_flags::kSyn | tcp_flags::kFin)) != 0) ++sent_;
  return testing::BuildTcp(spec);
}

inline void TestClient::Connect() { network_.Queue(Segment("", tcp_flags::kSyn)); }

inline void TestClient::Send(std::string_view text, size_t segment_bytes_max) {
  while (!text.empty()) {
    const size_t size = std::min(text.size(), segment_bytes_max);
    network_.Queue(Segment(text.substr(0, size), tcp_flags::kAck | tcp_flags::kPsh));
    text.remove_prefix(size);
  }
}

inline void TestClient::SendAndClose(std::string_view text) {
  network_.Queue(Segment(text, tcp_flags::kAck | tcp_flags::kPsh | tcp_flags::kFin));
}

inline void TestClient::Reset() { network_.Queue(Segment("", tcp_flags::kRst | tcp_flags::kAck)); }

inline void TestClient::Acknowledge() {
  acknowledged_ = expected_;
  network_.Queue(Segment("", tcp_flags::kAck));
}

inline void TestClient::OnSegment(const TcpView& segment) {
  last_flags_ = segment.flags();
  if ((segment.flags() & tcp_flags::kRst) != 0) {
    was_reset_ = true;
    return;
  }
  host_acknowledged_ = segment.acknowledgment().value();
  if ((segment.flags() & tcp_flags::kSyn) != 0) {
    expected_ = segment.sequence().value() + 1;
    connected_ = true;
    Acknowledge();
    return;
  }
  ++segments_;
  const Bytes payload = segment.payload();
  const bool fin = (segment.flags() & tcp_flags::kFin) != 0;
  if (payload.empty() && !fin) return;
  // What was not acknowledged may come again, the same in every byte; a hole never.
  const uint32_t again = expected_ - segment.sequence().value();
  ASSERT_LT(again, 0x80000000u) << "the host left a hole";
  const bool retransmits = network_.host->stack().config().profile.retransmission;
  ASSERT_TRUE(again == 0 || retransmits) << "the host repeated itself";
  const size_t known = std::min<size_t>(again, payload.size());
  const std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  // Take may have emptied what is compared with.
  if (again <= received_.size() && !finished_) {
    ASSERT_EQ(text.substr(0, known),
              std::string_view(received_).substr(received_.size() - again, known));
  }
  received_.append(text.substr(known));
  expected_ += static_cast<uint32_t>(text.size() - known);
  if (fin && !finished_) {
    ++expected_;
    finished_ = true;
  }
  if (auto_acknowledge) Acknowledge();
}

}  // namespace aether::app
