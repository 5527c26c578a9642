// Two hosts with one address: what worker 0 learns by ARP and DHCP reaches the other one.
#include "stack/runtime/worker_host.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "stack/wire/arp.h"

namespace aether::runtime {
namespace {

constexpr SteeringKey kKey{11, 13};
constexpr Instant kNow{std::chrono::seconds(3)};
constexpr MacAddress kMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x01}};
constexpr Ipv4Address kOwn = Ipv4Address::Of(10, 0, 0, 2);
constexpr Ipv4Address kPeer = Ipv4Address::Of(10, 0, 0, 1);

app::HostOptions HostOptions(bool announce) {
  app::HostOptions options;
  options.stack.mac = kMac;
  options.stack.announce = announce;
  options.address = Ipv4Network{kOwn, 24};
  return options;
}

std::vector<uint8_t> ArpRequest() {
  std::vector<uint8_t> frame(EthernetHeader::kSize + ArpPacket::kSize);
  EthernetHeader{MacAddress::Broadcast(), kPeerMac, static_cast<uint16_t>(EtherType::kArp)}.Emit(
      frame);
  ArpPacket{ArpOperation::kRequest, kPeerMac, kPeer, {}, kOwn}.Emit(
      MutableBytes(frame).subspan(EthernetHeader::kSize));
  return frame;
}

class WorkerHostTest : public ::testing::Test {
 protected:
  WorkerHostTest()
      : zero_host_(app::Host::Create(HostOptions(true), kNow).value()),
        one_host_(app::Host::Create(HostOptions(false), kNow).value()),
        zero_(*zero_host_, zero_inbox_, orders_,
              {.peers = peers_, .key = kKey, .watch = &board_, .notice = [this] { ++notices_; }}),
        one_(*one_host_, one_inbox_, orders_, {}) {}

  std::vector<std::vector<uint8_t>> TransmitAll(WorkerHost& host) {
    std::vector<std::vector<uint8_t>> frames;
    std::vector<uint8_t> out(2048);
    while (const size_t size = host.Transmit(out, kNow)) {
      frames.emplace_back(out.begin(), out.begin() + static_cast<ptrdiff_t>(size));
    }
    return frames;
  }

  std::atomic<uint32_t> orders_{0};
  Inbox zero_inbox_;
  Inbox one_inbox_;
  std::array<Inbox*, 1> peers_ = {&one_inbox_};
  AddressBoard board_;
  int notices_ = 0;
  std::unique_ptr<app::Host> zero_host_;
  std::unique_ptr<app::Host> one_host_;
  WorkerHost zero_;
  WorkerHost one_;
};

// Worker 1 may answer a neighbour at once that only worker 0 has heard of.
TEST_F(WorkerHostTest, NeighboursAreShared) {
  const std::vector<uint8_t> request = ArpRequest();
  const Bytes frame = request;
  zero_.Receive({&frame, 1}, kNow);
  EXPECT_EQ(zero_host_->stack().counters().arp_requests_in, 1u);
  EXPECT_TRUE(one_.HasWork());
  EXPECT_FALSE(one_.IsQuiet());
  one_.Receive({}, kNow);
  EXPECT_FALSE(one_.HasWork());
  EXPECT_TRUE(one_.IsQuiet());
  EXPECT_EQ(one_host_->stack().counters().frames_in, 0u);  // observed, not taken in

  const auto socket = one_host_->stack().UdpBind(5555, {});
  ASSERT_TRUE(socket.has_value());
  const std::array<uint8_t, 1> payload{1};
  ASSERT_TRUE(one_host_->stack().UdpSend(*socket, {kPeer, 9}, payload).has_value());
  const std::vector<std::vector<uint8_t>> sent = TransmitAll(one_);
  ASSERT_EQ(sent.size(), 1u);
  const auto view = EthernetView::Parse(sent[0]);
  EXPECT_EQ(view->destination(), kPeerMac);
  EXPECT_EQ(view->type(), static_cast<uint16_t>(EtherType::kIpv4));
}

TEST_F(WorkerHostTest, OnlyArpFramesAreShown) {
  std::vector<uint8_t> other(60);
  StoreBe<uint16_t>(&other[12], 0x0800);
  const std::vector<uint8_t> runt(10);
  const std::array<Bytes, 2> frames = {Bytes(other), Bytes(runt)};
  zero_.Receive(frames, kNow);
  EXPECT_TRUE(one_inbox_.observed().Empty());
}

TEST_F(WorkerHostTest, MoreThanTheRingHoldsIsLostWithoutHarm) {
  const std::vector<uint8_t> request = ArpRequest();
  const Bytes frame = request;
  for (size_t i = 0; i < Inbox::kObservedMax + 5; ++i) zero_.Receive({&frame, 1}, kNow);
  EXPECT_EQ(one_inbox_.lost(), 5u);
  one_.Receive({}, kNow);
  EXPECT_FALSE(one_.HasWork());
}

TEST_F(WorkerHostTest, AddressReachesTheOthers) {
  EXPECT_EQ(notices_, 0);
  const Ipv4Network other{Ipv4Address::Of(10, 1, 0, 9), 16};
  zero_inbox_.PutAddress(
      {.address = other, .gateway = Ipv4Address::Of(10, 1, 0, 1), .lease_seconds = 60});
  EXPECT_TRUE(zero_.HasWork());
  zero_.Receive({}, kNow);
  EXPECT_EQ(notices_, 1);
  EXPECT_EQ(board_.version(), 1u);
  EXPECT_TRUE(one_.HasWork());
  one_.Receive({}, kNow);
  EXPECT_EQ(one_host_->stack().address(), other);
  EXPECT_EQ(one_host_->stack().gateway(), Ipv4Address::Of(10, 1, 0, 1));
  zero_.Receive({}, kNow);
  EXPECT_EQ(notices_, 1);  // nothing new

  zero_inbox_.PutAddress({});
  zero_.Receive({}, kNow);
  one_.Receive({}, kNow);
  EXPECT_EQ(notices_, 2);
  EXPECT_FALSE(one_host_->stack().address().has_value());
}

TEST_F(WorkerHostTest, OrdersEndTheQuiet) {
  EXPECT_TRUE(one_.IsQuiet());
  orders_ = 1;
  EXPECT_FALSE(one_.IsQuiet());
}

}  // namespace
}  // namespace aether::runtime
