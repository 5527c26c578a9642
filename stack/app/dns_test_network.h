// For the tests of the resolver: a stack with a resolver on it, and a network whose DNS servers say
// what they are told, when they are told.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stack/app/dns_resolver.h"
#include "stack/testing/frame_builder.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/udp.h"

namespace aether::app {

inline constexpr Ipv4Endpoint kDnsServer{Ipv4Address::Of(10, 0, 0, 53), kDnsPort};
inline constexpr Ipv4Endpoint kOtherDnsServer{Ipv4Address::Of(10, 0, 0, 54), kDnsPort};

inline DnsName NameOf(std::string_view text) { return DnsName::FromText(text).value(); }

// A response, put together record by record; nothing compressed.
class DnsMessage {
 public:
  DnsMessage(uint16_t id, std::string_view question, uint16_t flags = 0x8180)
      : header_{.id = id, .flags = flags, .question_count = 1} {
    const DnsQuestion asked{.name = NameOf(question)};
    body_.resize(asked.Size());
    asked.Emit(body_);
  }
  DnsMessage& A(std::string_view name, Ipv4Address address, uint32_t ttl_s = 60) {
    std::vector<uint8_t> data(4);
    StoreBe<uint32_t>(data.data(), address.value);
    return Add(name, DnsType::kA, data, ttl_s, header_.answer_count);
  }
  DnsMessage& Cname(std::string_view name, std::string_view target, uint32_t ttl_s = 60) {
    const DnsName held = NameOf(target);
    return Add(name, DnsType::kCname, {held.wire().begin(), held.wire().end()}, ttl_s,
               header_.answer_count);
  }
  DnsMessage& Soa(std::string_view name, uint32_t ttl_s, uint32_t minimum_s) {
    const DnsName held = NameOf("ns.example");
    std::vector<uint8_t> data(held.wire().begin(), held.wire().end());
    data.insert(data.end(), held.wire().begin(), held.wire().end());
    data.resize(data.size() + 20);
    StoreBe<uint32_t>(data.data() + data.size() - 4, minimum_s);
    return Add(name, DnsType::kSoa, data, ttl_s, header_.authority_count);
  }
  DnsMessage& Add(std::string_view name, DnsType type, const std::vector<uint8_t>& data,
                  uint32_t ttl_s, uint16_t& count) {
    DnsRecord record;
    record.name = NameOf(name);
    record.type = type;
    record.ttl_s = ttl_s;
    record.data = data;
    const size_t at = body_.size();
    body_.resize(at + record.Size());
    record.Emit(MutableBytes(body_).subspan(at));
    ++count;
    return *this;
  }
  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> all(DnsHeader::kSize);
    header_.Emit(all);
    all.insert(all.end(), body_.begin(), body_.end());
    return all;
  }
  DnsHeader& header() { return header_; }

 private:
  DnsHeader header_;
  std::vector<uint8_t> body_;
};

class DnsTestNetwork {
 public:
  struct Question {
    Instant at;
    Ipv4Endpoint source;
    Ipv4Endpoint server;
    uint16_t id = 0;
    DnsName name;
  };

  explicit DnsTestNetwork(const DnsLimits& limits = {}, Seed seed = {1, 2},
                          std::vector<Ipv4Endpoint> servers = {kDnsServer}) {
    Config config;
    config.mac = testing::kOurMac;
    config.seed = seed;
    config.announce = false;
    stack = std::make_unique<Stack>(config, now);
    stack->SetAddress({testing::kOurIp, 24}, std::nullopt);
    buffer_.resize(stack->frame_size_max());
    resolver = std::make_unique<DnsResolver>(
        *stack, DnsOptions{.owner = 5, .seed = {seed[0] + 1, seed[1]}, .limits = limits});
    resolver->SetServers(servers, now);
  }

  DnsLookupId Start(std::string_view name) {
    const auto id = resolver->Start(name, now);
    EXPECT_TRUE(id.has_value()) << name;
    Pump();
    return id.value_or(DnsLookupId{});
  }
  DnsStatus Status(DnsLookupId id) const { return resolver->Find(id)->status; }
  std::vector<Ipv4Address> Addresses(DnsLookupId id) const {
    const auto all = resolver->Find(id)->addresses.all();
    return {all.begin(), all.end()};
  }

  // The questions since the last call.
  std::vector<Question> Questions() { return std::exchange(questions_, {}); }
  Question Only() {
    const std::vector<Question> all = Questions();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Question{} : all.front();
  }

  void Send(Ipv4Endpoint from, Ipv4Endpoint to, const std::vector<uint8_t>& payload) {
    testing::UdpSpec spec;
    spec.ip.source = from.address;
    spec.ip.destination = to.address;
    spec.source_port = from.port;
    spec.destination_port = to.port;
    spec.payload = payload;
    Deliver(testing::BuildUdp(spec));
  }
  // From where the question went to where it came from.
  void Answer(const Question& question, const std::vector<uint8_t>& payload) {
    Send(question.server, question.source, payload);
  }

  void Advance(Duration by) {
    const Instant end = now + by;
    while (true) {
      const Instant next = std::min(stack->NextDeadline(), resolver->NextDeadline());
      now = std::min(end, std::max(now + Duration(1), next));
      Receive({});
      if (now >= end) return;
    }
  }

  Instant now{std::chrono::seconds(1000)};
  std::unique_ptr<Stack> stack;
  std::unique_ptr<DnsResolver> resolver;
  bool answers_arp = true;

 private:
  void Deliver(const testing::Frame& frame) {
    const Bytes view = frame;
    Receive({&view, 1});
  }
  void Receive(std::span<const Bytes> frames) {
    stack->Receive(frames, now);
    std::array<Event, 8> events;
    while (const size_t count = stack->PollEvents(events)) {
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(events[i].owner, 5);
        resolver->OnEvent(events[i], now);
      }
    }
    resolver->Advance(now);
    Pump();
  }
  void Pump() {
    while (const size_t size = stack->Transmit(buffer_, now)) OnFrame(Bytes(buffer_).first(size));
    stack->CheckInvariants();
  }
  void OnFrame(Bytes frame) {
    const auto ethernet = EthernetView::Parse(frame);
    ASSERT_TRUE(ethernet);
    if (const auto arp = ArpPacket::Parse(ethernet->payload());
        ethernet->type() == static_cast<uint16_t>(EtherType::kArp) && arp) {
      if (arp->operation != ArpOperation::kRequest || !answers_arp) return;
      Deliver(testing::BuildArp({.ethernet = {.type = 0x0806},
                                 .operation = 2,
                                 .sender_mac = testing::kPeerMac,
                                 .sender_ip = arp->target_ip,
                                 .target_mac = testing::kOurMac,
                                 .target_ip = arp->sender_ip}));
      return;
    }
    const auto packet = Ipv4View::Parse(ethernet->payload());
    ASSERT_TRUE(packet);
    if (packet->protocol() != static_cast<uint8_t>(IpProtocol::kUdp)) return;  // ICMP
    const auto datagram = UdpView::Parse(packet->payload());
    ASSERT_TRUE(datagram);
    const auto view = DnsView::Parse(datagram->payload());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->flags(), dns_flags::kRecursionDesired);
    DnsQuestion question;
    DnsQuestionIterator walk = view->questions();
    ASSERT_TRUE(walk.Next(question));
    EXPECT_EQ(question.type, DnsType::kA);
    questions_.push_back({now,
                          {packet->source(), datagram->source_port()},
                          {packet->destination(), datagram->destination_port()},
                          view->id(),
                          question.name});
  }

  std::vector<uint8_t> buffer_;
  std::vector<Question> questions_;
};

}  // namespace aether::app
