#include "stack/runtime/steering.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "stack/wire/ipv4.h"

namespace aether::runtime {
namespace {

constexpr SteeringKey kKey{0x0123456789abcdefu, 0xfedcba9876543211u};
constexpr uint32_t kWorkers = 4;
constexpr uint32_t kSource = 0x0a000001;
constexpr uint16_t kSourcePort = 40000;

// An Ethernet frame with an IPv4 header of 20 + `option_bytes` and four bytes of ports.
std::vector<uint8_t> Frame(uint8_t protocol, uint16_t destination_port, size_t option_bytes = 0) {
  std::vector<uint8_t> frame(14 + 20 + option_bytes + 8);
  StoreBe<uint16_t>(&frame[12], 0x0800);
  frame[14] = static_cast<uint8_t>(0x45 + option_bytes / 4);
  frame[23] = protocol;
  StoreBe<uint32_t>(&frame[26], kSource);
  StoreBe<uint16_t>(&frame[34 + option_bytes], kSourcePort);
  StoreBe<uint16_t>(&frame[36 + option_bytes], destination_port);
  return frame;
}

// A number of workers at which the flow of Frame() does not belong to worker 0, so that "0" means
// "no flow".
uint32_t TellingWorkers() {
  uint32_t workers = 2;
  while (SteeringHash(kKey, kSource, kSourcePort) % workers == 0) ++workers;
  return workers;
}

TEST(SteeringTest, TcpAndUdpGoByAddressAndPort) {
  const uint32_t workers = TellingWorkers();
  const uint32_t expected = SteeringHash(kKey, kSource, kSourcePort) % workers;
  EXPECT_NE(expected, 0u);
  for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
    for (size_t option_bytes = 0; option_bytes <= 40; option_bytes += 4) {
      EXPECT_EQ(SteerFrame(kKey, workers, Frame(protocol, 80, option_bytes)), expected);
    }
  }
}

TEST(SteeringTest, DhcpAnswersGoToWorkerZero) {
  const uint32_t workers = TellingWorkers();
  EXPECT_EQ(SteerFrame(kKey, workers, Frame(17, 68)), 0u);
  EXPECT_NE(SteerFrame(kKey, workers, Frame(6, 68)), 0u);
}

TEST(SteeringTest, FragmentsGoToWorkerZero) {
  const uint32_t workers = TellingWorkers();
  for (const uint32_t word : {0x2000u, 0x0001u, 0x1fffu, 0x3fffu}) {
    std::vector<uint8_t> frame = Frame(6, 80);
    StoreBe(&frame[20], static_cast<uint16_t>(word));
    EXPECT_EQ(SteerFrame(kKey, workers, frame), 0u) << word;
  }
  std::vector<uint8_t> whole = Frame(6, 80);
  StoreBe<uint16_t>(&whole[20], 0x4000);  // don't fragment
  EXPECT_NE(SteerFrame(kKey, workers, whole), 0u);
}

TEST(SteeringTest, WhatHasNoFlowGoesToWorkerZero) {
  const uint32_t workers = TellingWorkers();
  EXPECT_EQ(SteerFrame(kKey, workers, Frame(1, 80)), 0u);  // ICMP
  std::vector<uint8_t> arp = Frame(6, 80);
  StoreBe<uint16_t>(&arp[12], 0x0806);
  EXPECT_EQ(SteerFrame(kKey, workers, arp), 0u);
  std::vector<uint8_t> version_6 = Frame(6, 80);
  version_6[14] = 0x65;
  EXPECT_EQ(SteerFrame(kKey, workers, version_6), 0u);
  std::vector<uint8_t> short_header = Frame(6, 80);
  short_header[14] = 0x44;
  EXPECT_EQ(SteerFrame(kKey, workers, short_header), 0u);
}

// An ICMP message of `type` that quotes a segment of ours to the source of Frame().
std::vector<uint8_t> Error(uint8_t type, uint8_t protocol, size_t option_bytes = 0) {
  std::vector<uint8_t> frame(14 + 20 + 8 + 20 + option_bytes + 8);
  StoreBe<uint16_t>(&frame[12], 0x0800);
  frame[14] = 0x45;
  frame[23] = 1;
  StoreBe<uint32_t>(&frame[26], 0x0a0000fe);  // a router
  frame[34] = type;
  uint8_t* quote = &frame[42];
  quote[0] = static_cast<uint8_t>(0x45 + option_bytes / 4);
  quote[9] = protocol;
  StoreBe<uint32_t>(quote + 16, kSource);
  StoreBe<uint16_t>(quote + 20 + option_bytes, 80);
  StoreBe<uint16_t>(quote + 22 + option_bytes, kSourcePort);
  return frame;
}

TEST(SteeringTest, IcmpErrorsGoToTheFlowThatTheyQuote) {
  const uint32_t workers = TellingWorkers();
  const uint32_t expected = SteeringHash(kKey, kSource, kSourcePort) % workers;
  for (uint32_t type = 0; type <= 255; ++type) {
    const bool is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    EXPECT_EQ(SteerFrame(kKey, workers, Error(static_cast<uint8_t>(type), 6)),
              is_error ? expected : 0)
        << type;
  }
  EXPECT_EQ(SteerFrame(kKey, workers, Error(3, 6, 40)), expected);
  EXPECT_EQ(SteerFrame(kKey, workers, Error(3, 17)), 0u);
  std::vector<uint8_t> later_fragment = Error(3, 6);
  StoreBe<uint16_t>(&later_fragment[48], 0x0001);
  EXPECT_EQ(SteerFrame(kKey, workers, later_fragment), 0u);
  std::vector<uint8_t> first_fragment = Error(3, 6);
  StoreBe<uint16_t>(&first_fragment[48], 0x2000);
  EXPECT_EQ(SteerFrame(kKey, workers, first_fragment), expected);
  const std::vector<uint8_t> whole = Error(3, 6, 8);
  const size_t ports_end = 42 + 28 + 4;
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<uint8_t> prefix(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(SteerFrame(kKey, workers, prefix) != 0, size >= ports_end) << size;
  }
}

TEST(SteeringTest, EveryPrefixIsSafeAndZeroUntilThePortsAreThere) {
  const uint32_t workers = TellingWorkers();
  for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
    const std::vector<uint8_t> frame = Frame(protocol, 80, 8);
    const size_t ports_end = 14 + 28 + (protocol == 6 ? 2u : 4u);
    for (size_t size = 0; size <= frame.size(); ++size) {
      const std::vector<uint8_t> prefix(frame.begin(),
                                        frame.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(SteerFrame(kKey, workers, prefix) != 0, size >= ports_end) << size;
    }
  }
}

TEST(SteeringTest, PortsOfOneHostSpreadEvenly) {
  std::array<int, kWorkers> flows{};
  for (uint32_t port = 32768; port < 61000; ++port) {
    ++flows[SteeringHash(kKey, kSource, static_cast<uint16_t>(port)) % kWorkers];
  }
  for (const int count : flows) {
    EXPECT_GT(count, 28232 / 4 * 95 / 100);
    EXPECT_LT(count, 28232 / 4 * 105 / 100);
  }
}

TEST(SteeringTest, AnotherKeyGivesAnotherOrder) {
  const SteeringKey other{kKey.mask + 1, kKey.factor + 2};
  int moved = 0;
  for (uint16_t port = 1; port <= 1000; ++port) {
    moved += SteeringHash(kKey, kSource, port) % kWorkers !=
             SteeringHash(other, kSource, port) % kWorkers;
  }
  EXPECT_GT(moved, 600);
}

}  // namespace
}  // namespace aether::runtime
