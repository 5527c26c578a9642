#include "stack/runtime/dispatch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <thread>
#include <vector>

#include "stack/device/memory_pair.h"

namespace aether::runtime {
namespace {

constexpr SteeringKey kKey{11, 13};

// A TCP frame from 10.0.0.1:port whose last bytes are `number`.
std::vector<uint8_t> TcpFrame(uint16_t port, uint32_t number) {
  std::vector<uint8_t> frame(60);
  StoreBe<uint16_t>(&frame[12], 0x0800);
  frame[14] = 0x45;
  frame[23] = 6;
  StoreBe<uint32_t>(&frame[26], 0x0a000001);
  StoreBe<uint16_t>(&frame[34], port);
  StoreBe<uint32_t>(&frame[56], number);
  return frame;
}

std::vector<uint8_t> ArpFrame() {
  std::vector<uint8_t> frame(42);
  StoreBe<uint16_t>(&frame[12], 0x0806);
  return frame;
}

static_assert(device::Device<DispatchDevice<device::MemoryDevice>>);
static_assert(device::Device<RingDevice<device::MemoryDevice>>);

TEST(DispatchTest, EveryFrameReachesItsOwner) {
  device::MemoryPair wire;
  std::array<Inbox, 2> boxes;
  std::array<Inbox*, 2> inboxes = {&boxes[0], &boxes[1]};
  DispatchDevice zero(wire.a(), kKey, inboxes);
  RingDevice one(wire.a(), boxes[0]);
  RingDevice two(wire.a(), boxes[1]);
  std::array<int, 3> sent{};
  for (uint16_t port = 1000; port < 1500; ++port) {
    const std::vector<uint8_t> frame = TcpFrame(port, port);
    ++sent[SteerFrame(kKey, 3, frame)];
    ASSERT_TRUE(wire.b().Send(frame));
  }
  ASSERT_TRUE(wire.b().Send(ArpFrame()));
  ++sent[0];

  std::array<uint8_t, 2048> buffer;
  std::array<int, 3> received{};
  while (wire.a().waiting() > 0) {
    if (const size_t size = zero.Receive(buffer)) {
      ++received[0];
      EXPECT_EQ(SteerFrame(kKey, 3, Bytes(buffer).first(size)), 0u);
    }
  }
  while (const size_t size = one.Receive(buffer)) {
    ++received[1];
    EXPECT_EQ(size, 60u);
    EXPECT_EQ(SteerFrame(kKey, 3, Bytes(buffer).first(size)), 1u);
  }
  while (const size_t size = two.Receive(buffer)) {
    ++received[2];
    EXPECT_EQ(SteerFrame(kKey, 3, Bytes(buffer).first(size)), 2u);
  }
  EXPECT_EQ(received, sent);
  EXPECT_GT(sent[1], 100);
  EXPECT_GT(sent[2], 100);
  EXPECT_EQ(boxes[0].lost() + boxes[1].lost(), 0u);
}

TEST(DispatchTest, FullRingLosesAndCounts) {
  device::MemoryPair wire({.frames_max = 4096});
  Inbox box;
  std::array<Inbox*, 1> inboxes = {&box};
  DispatchDevice zero(wire.a(), kKey, inboxes);
  uint16_t port = 1;
  while (SteerFrame(kKey, 2, TcpFrame(port, 0)) != 1) ++port;
  for (size_t i = 0; i < Inbox::kFramesMax + 10; ++i) ASSERT_TRUE(wire.b().Send(TcpFrame(port, 0)));
  std::array<uint8_t, 2048> buffer;
  while (wire.a().waiting() > 0) zero.Receive(buffer);
  EXPECT_EQ(box.lost(), 10u);
}

TEST(DispatchTest, OneReceiveHandsOnABoundedNumber) {
  device::MemoryPair wire;
  Inbox box;
  std::array<Inbox*, 1> inboxes = {&box};
  DispatchDevice zero(wire.a(), kKey, inboxes);
  uint16_t port = 1;
  while (SteerFrame(kKey, 2, TcpFrame(port, 0)) != 1) ++port;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(wire.b().Send(TcpFrame(port, 0)));
  std::array<uint8_t, 2048> buffer;
  EXPECT_EQ(zero.Receive(buffer), 0u);
  EXPECT_EQ(wire.a().waiting(), 36u);
}

TEST(InboxTest, AddressIsNewOncePerPublish) {
  Inbox inbox;
  uint64_t seen = 0;
  EXPECT_TRUE(inbox.IsEmpty(seen));
  const AddressState state{.address = Ipv4Network{Ipv4Address::Of(10, 0, 0, 2), 24},
                           .gateway = Ipv4Address::Of(10, 0, 0, 1),
                           .lease_seconds = 60};
  inbox.PutAddress(state);
  EXPECT_FALSE(inbox.IsEmpty(seen));
  EXPECT_EQ(inbox.address().Read(seen), state);
  EXPECT_TRUE(inbox.IsEmpty(seen));
  inbox.PutAddress({});
  inbox.PutAddress(state);
  EXPECT_FALSE(inbox.IsEmpty(seen));
  EXPECT_EQ(inbox.address().Read(seen), state);
  EXPECT_TRUE(inbox.IsEmpty(seen));
}

// One thread hands on, another takes and sleeps; nothing is lost, nothing is seen half written
// (ThreadSanitizer watches).
TEST(InboxTest, FramesPassBetweenThreads) {
  constexpr uint32_t kFrames = 50000;
  Inbox inbox;
  std::thread taker([&] {
    device::MemoryPair wire;
    RingDevice device(wire.a(), inbox);
    std::array<uint8_t, 2048> buffer;
    for (uint32_t next = 0; next < kFrames;) {
      if (device.Receive(buffer) == 0) {
        inbox.bell().SleepIf([&] { return inbox.IsEmpty(0); },
                             [](int fd) {
                               pollfd poll{fd, POLLIN, 0};
                               ASSERT_EQ(::poll(&poll, 1, 10000), 1);
                             });
        continue;
      }
      ASSERT_EQ(LoadBe<uint32_t>(&buffer[56]), next);
      ++next;
    }
  });
  for (uint32_t i = 0; i < kFrames;) {
    if (inbox.PutFrame(TcpFrame(1, i))) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  taker.join();
}

}  // namespace
}  // namespace aether::runtime
