// Whole replays of small captures: every request is answered, whatever the capture does with the
// segments that carry it.
#include "replay/adaptive_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/test_capture.h"

namespace aether::replay {
namespace {

using tcp_flags::kAck;
using tcp_flags::kFin;
using tcp_flags::kPsh;
using tcp_flags::kRst;
using tcp_flags::kSyn;
using ::testing::HasSubstr;

class AdaptiveReplayTest : public ::testing::Test {
 protected:
  // Everything was asked and answered, and nobody had to wait for what did not come.
  void ExpectAnswered(const ReplayResult& result, uint64_t requests) {
    EXPECT_EQ(result.flows.requests, requests);
    EXPECT_EQ(result.flows.responses, requests);
    EXPECT_EQ(result.flows.unanswered, 0u);
    EXPECT_EQ(result.flows.gave_up, 0u);
    EXPECT_EQ(result.flows.impatient, 0u);
    EXPECT_EQ(result.flows.broken, 0u);
    EXPECT_FALSE(result.HasFailure());
  }

  TestCapture capture_;
  TestConnection connection_;
};

TEST_F(AdaptiveReplayTest, AConnectionWithARequest) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  capture_.Client(connection_, kAck);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.connections, 1u);
  EXPECT_EQ(result.flows.opened, 1u);
  EXPECT_EQ(result.responses_by_class[2], 1u);
  EXPECT_EQ(result.stack.TotalDrops(), 0u);
  EXPECT_EQ(result.flows.reset_by_stack, 0u);
}

TEST_F(AdaptiveReplayTest, TwiceTheSame) {
  for (int i = 0; i < 5; ++i) {
    TestConnection one{.port = static_cast<uint16_t>(40000 + i)};
    capture_.Open(one);
    capture_.Client(one, kAck | kPsh, kRequest);
    capture_.Answer(one);
    capture_.Close(one);
  }
  const ReplayResult first = capture_.Play();
  EXPECT_EQ(first.trace_hash, capture_.Play().trace_hash);
  ReplaySetup other;
  other.seed = {2, 0};
  EXPECT_NE(first.trace_hash, capture_.Play(other).trace_hash);
}

TEST_F(AdaptiveReplayTest, Retransmissions) {
  capture_.Client(connection_, kSyn, "", /*keep=*/true);
  capture_.After(1'000'000);
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest, /*keep=*/true);
  capture_.After(300'000);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  capture_.Client(connection_, kFin | kAck, "", /*keep=*/true);
  capture_.After(100'000);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.repeated, 3u);
  // The SYN that came again was not needed.
  EXPECT_EQ(result.stack.drops[DropIndex(Drop::kTcpUnexpectedSyn)], 0u);
}

TEST_F(AdaptiveReplayTest, Reordered) {
  capture_.Open(connection_);
  const uint32_t begin = connection_.client;
  connection_.client = begin + 10;
  capture_.Client(connection_, kAck, kRequest.substr(10));
  const uint32_t end = connection_.client;
  connection_.client = begin;
  capture_.Client(connection_, kAck, kRequest.substr(0, 10));
  connection_.client = end;
  capture_.Answer(connection_);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.reordered, 2u);
  EXPECT_EQ(result.flows.filled_bytes, 0u);
  EXPECT_EQ(result.stack.tcp_held_segments, 1u);
}

TEST_F(AdaptiveReplayTest, AMissingSyn) {
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.handshakes_made_up, 1u);
  EXPECT_EQ(result.flows.compared, 0u);
}

TEST_F(AdaptiveReplayTest, MissingTextIsMadeUp) {
  const std::string upload =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'u');
  capture_.Open(connection_);
  capture_.Client(connection_, kAck, upload.substr(0, 100));
  connection_.client += 100;  // the capture has lost it
  capture_.Client(connection_, kAck, upload.substr(200));
  capture_.After(500'000);
  capture_.Answer(connection_);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.filled_bytes, 100u);
}

TEST_F(AdaptiveReplayTest, AMissingRequestHeadIsAnsweredSomehow) {
  capture_.Open(connection_);
  connection_.client += 20;
  capture_.Client(connection_, kAck, "xx\r\n\r\n");
  capture_.Server(connection_, kAck);
  capture_.After(500'000);
  capture_.Answer(connection_);
  capture_.Close(connection_);
  EXPECT_FALSE(capture_.Play().HasFailure());
}

TEST_F(AdaptiveReplayTest, ResetsOfTheClient) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  capture_.Client(connection_, kRst | kAck);
  TestConnection early{.port = 40001};
  capture_.Open(early);
  capture_.Client(early, kRst | kAck);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.reset_by_client, 2u);
  EXPECT_EQ(result.stack.tcp_rsts_in, 2u);
}

TEST_F(AdaptiveReplayTest, NumbersThatWrap) {
  connection_.client = 0xfffffff5;
  connection_.server = 0xfffffff0;
  capture_.Open(connection_);
  for (int i = 0; i < 3; ++i) {
    capture_.Client(connection_, kAck | kPsh, kRequest);
    capture_.Answer(connection_, 100);
  }
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 3);
  EXPECT_EQ(result.flows.repeated, 0u);
}

TEST_F(AdaptiveReplayTest, AServerThatAnsweredInOtherSizes) {
  capture_.Open(connection_);
  for (int i = 0; i < 3; ++i) {
    capture_.Client(connection_, kAck | kPsh, "GET /there HTTP/1.1\r\nHost: a\r\n\r\n");
    // Of which ours knows the content, but has another head; and none of a 404.
    capture_.Answer(connection_, 5000);
    capture_.Client(connection_, kAck | kPsh, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    capture_.Server(connection_, kAck, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno.");
  }
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 6);
  EXPECT_EQ(result.responses_by_class[2], 3u);
  EXPECT_EQ(result.responses_by_class[4], 3u);
  EXPECT_GT(result.flows.server_text_bytes, 15000u);
  EXPECT_EQ(result.flows.different, 1u);
  ASSERT_FALSE(result.differences.empty());
  EXPECT_THAT(result.differences.front().difference.text, HasSubstr("expected seq 1 len 1400"));
}

TEST_F(AdaptiveReplayTest, Pipelining) {
  capture_.Open(connection_);
  const std::string three = std::string(kRequest) + std::string(kRequest) + std::string(kRequest);
  capture_.Client(connection_, kAck | kPsh, three.substr(0, 40));
  capture_.Client(connection_, kAck | kPsh, three.substr(40));
  for (int i = 0; i < 3; ++i) capture_.Answer(connection_);
  capture_.Close(connection_);
  ExpectAnswered(capture_.Play(), 3);
}

TEST_F(AdaptiveReplayTest, HalfClose) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh | kFin, kRequest);
  capture_.Answer(connection_);
  capture_.Server(connection_, kFin | kAck);
  capture_.Client(connection_, kAck);
  ExpectAnswered(capture_.Play(), 1);
}

TEST_F(AdaptiveReplayTest, ThinkTimesAreKept) {
  capture_.Open(connection_);
  for (int i = 0; i < 4; ++i) {
    capture_.Client(connection_, kAck | kPsh, kRequest);
    capture_.Answer(connection_);
    capture_.Client(connection_, kAck);
    capture_.After(2'000'000);
  }
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 4);
  EXPECT_GE(result.virtual_time, std::chrono::seconds(8));
  EXPECT_LE(result.virtual_time, std::chrono::seconds(9));
}

TEST_F(AdaptiveReplayTest, ServersThatWereMorePatientThanOurs) {
  capture_.Open(connection_);
  capture_.After(50'000'000);  // opened in advance, as browsers do
  for (int i = 0; i < 3; ++i) {
    capture_.Client(connection_, kAck | kPsh, kRequest);
    capture_.Answer(connection_);
    capture_.After(110'000'000);
  }
  capture_.Close(connection_);
  ExpectAnswered(capture_.Play(), 3);
}

TEST_F(AdaptiveReplayTest, ToAServerThatClosesEarlierNothingMoreIsAsked) {
  capture_.Open(connection_);
  // To ours it is no request.
  capture_.Client(connection_, kAck | kPsh, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
  capture_.Answer(connection_);
  capture_.After(5'000'000);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.after_end, 1u);
  EXPECT_EQ(result.flows.reset_by_stack, 0u);
  EXPECT_EQ(result.stack.tcp_time_wait_entered, 1u);
}

TEST_F(AdaptiveReplayTest, TheSameEndsAgain) {
  for (int i = 0; i < 3; ++i) {
    capture_.Open(connection_);
    capture_.Client(connection_, kAck | kPsh, kRequest);
    capture_.Answer(connection_);
    capture_.Close(connection_);
    connection_.client += 1'000'000;
    connection_.server += 5'000'000;
  }
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 3);
  EXPECT_EQ(result.flows.connections, 3u);
  EXPECT_EQ(result.skipped.late, 0u);
}

TEST_F(AdaptiveReplayTest, ACaptureThatEndsInTheMiddle) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  TestConnection half{.port = 40001};
  capture_.Open(half);
  capture_.Client(half, kAck, kRequest.substr(0, 9));
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.connections, 2u);
  EXPECT_LT(result.virtual_time, AdaptiveReplay::kDrain);
}

TEST_F(AdaptiveReplayTest, UploadsFollowTheWindow) {
  const std::string body(900'000, 'u');
  const std::string upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + body;
  capture_.Open(connection_);
  for (size_t at = 0; at < upload.size(); at += 1400)
    capture_.Client(connection_, kAck, std::string_view(upload).substr(at, 1400));
  capture_.Answer(connection_);
  capture_.Close(connection_);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 1);
  EXPECT_EQ(result.flows.retransmissions, 0u);
  EXPECT_EQ(result.stack.drops[DropIndex(Drop::kTcpOutOfWindow)], 0u);
}

TEST_F(AdaptiveReplayTest, EchoesAndSinks) {
  TestConnection echo{.port = 40000, .server_port = 7777};
  capture_.Open(echo);
  for (int i = 0; i < 3; ++i) {
    capture_.Client(echo, kAck | kPsh, "ping");
    capture_.Server(echo, kAck | kPsh, "ping");
  }
  capture_.Close(echo);
  TestConnection sink{.port = 40001, .server_port = 6000};
  capture_.Open(sink);
  capture_.Client(sink, kAck | kPsh, "hello");
  capture_.Server(sink, kAck | kPsh, "welcome");
  capture_.Client(sink, kAck | kPsh, "bye");
  capture_.Close(sink);
  const ReplayResult result = capture_.Play();
  ExpectAnswered(result, 0);
  EXPECT_EQ(result.flows.opened, 2u);
  EXPECT_EQ(result.flows.server_text_bytes, 12u);
  EXPECT_EQ(result.stack.tcp_data_bytes_in, 20u);
}

TEST_F(AdaptiveReplayTest, ScannedPortsGetNoServer) {
  for (uint16_t port = 100; port < 140; ++port) {
    TestConnection scan{.port = 50000, .server_port = port};
    capture_.Client(scan, kSyn);
    capture_.Server(scan, kRst | kAck);
  }
  const ReplayResult result = capture_.Play();
  EXPECT_EQ(result.flows.refused, 40u);
  EXPECT_FALSE(result.HasFailure());
}

TEST_F(AdaptiveReplayTest, WhoseAddressesNoHostHas) {
  // A client of the loopback, with the server's own address.
  testing::TcpSpec spec{.flags = kSyn, .options = testing::FullSynOptions()};
  spec.ip.source = spec.ip.destination = Ipv4Address::Of(127, 0, 0, 1);
  capture_.Add(testing::BuildTcp(spec));
  spec.flags = kAck | kPsh;
  spec.options = {};
  spec.sequence = 1;
  spec.payload = testing::ToFrame(kRequest);
  capture_.After(10);
  capture_.Add(testing::BuildTcp(spec));
  ExpectAnswered(capture_.Play(), 1);
}

TEST_F(AdaptiveReplayTest, SharesAddUp) {
  for (int i = 0; i < 20; ++i) {
    TestConnection one{.port = static_cast<uint16_t>(40000 + i)};
    capture_.Open(one);
    capture_.Client(one, kAck | kPsh, kRequest);
    capture_.Answer(one);
    capture_.Close(one);
  }
  uint64_t requests = 0;
  for (uint32_t share = 0; share < 3; ++share) {
    ReplaySetup setup;
    setup.share = share;
    setup.shares = 3;
    const ReplayResult result = capture_.Play(setup);
    EXPECT_GT(result.flows.requests, 0u);
    requests += result.flows.responses;
  }
  EXPECT_EQ(requests, 20u);
}

TEST_F(AdaptiveReplayTest, WhatIsNotTcp) {
  capture_.Add(testing::BuildUdp({.destination_port = 7, .payload = testing::ToFrame("ping")}));
  capture_.Add(testing::BuildIcmp({.payload = testing::ToFrame("ping")}));
  capture_.Add(testing::BuildArp({}));
  capture_.Add(testing::BuildEthernet({.type = 0x86dd}, testing::Frame(60)));
  capture_.Add(testing::Frame(14));
  const ReplayResult result = capture_.Play();
  EXPECT_EQ(result.datagrams, 2u);
  EXPECT_EQ(result.stack.udp_out, 1u);
  EXPECT_EQ(result.stack.icmp_echo_replies_out, 1u);
  EXPECT_EQ(result.skipped.arp, 1u);
  EXPECT_EQ(result.skipped.ipv6, 1u);
  EXPECT_EQ(result.skipped.other, 1u);
}

}  // namespace
}  // namespace aether::replay
