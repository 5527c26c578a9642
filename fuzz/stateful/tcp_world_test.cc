// That what a TCP target watches can fire: stacks and peers that do what they must not. Each test
// carries out the same steps with a good one first.
#include "fuzz/stateful/tcp_world.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/tcp_script.h"
#include "fuzz/stateful/tcp_setup.h"

namespace aether::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NaiveFrame;
using testing::NaiveTcp;

// A stack whose segments come out otherwise than they should.
class BrokenWorld : public TcpWorld {
 public:
  using TcpWorld::TcpWorld;
  // As often as that.
  int times = 1;
  // In pieces of so many bytes, 0: as they are.
  size_t piece_bytes = 0;
  // Whether acknowledgements without text get lost on the way out.
  bool is_mute = false;
  // A pure acknowledgement that nobody asked for follows each frame that arrives.
  bool is_chatty = false;
  // The application sends so many whenever it gets to know the time, and nobody asked it to.
  int datagrams = 0;
  std::optional<UdpSocketId> socket;

 protected:
  void OnSent(const NaiveFrame& frame, Bytes raw) override {
    last_ = frame;
    if (frame.tcp && !frame.tcp->payload.empty() && piece_bytes > 0) return SendPieces(frame, raw);
    if (frame.tcp && frame.tcp->payload.empty() && is_mute) return;
    for (int i = 0; i < times; ++i) TcpWorld::OnSent(frame, raw);
  }
  void OnRest() override {
    if (is_chatty && last_.tcp) {
      last_.tcp->sequence = flow(0).rcv_nxt();
      last_.tcp->flags = tcp_flags::kAck;
      last_.tcp->payload = {};
      TcpWorld::OnSent(last_, {});
    }
    for (int i = 0; i < datagrams; ++i)
      (void)stack().UdpSend(*socket, {kPeerIp, 53}, Bytes(kDatagram));
    TcpWorld::OnRest();
  }

 private:
  static constexpr std::array<uint8_t, 4> kDatagram = {1, 2, 3, 4};

  void SendPieces(const NaiveFrame& frame, Bytes raw) {
    const NaiveTcp& whole = *frame.tcp;
    for (size_t at = 0; at < whole.payload.size(); at += piece_bytes) {
      NaiveFrame piece = frame;
      const size_t size = std::min(piece_bytes, whole.payload.size() - at);
      piece.tcp->sequence += static_cast<uint32_t>(at);
      piece.tcp->payload = whole.payload.subspan(at, size);
      TcpWorld::OnSent(piece, raw);
    }
  }

  NaiveFrame last_;
};

TcpSetup PlainSetup(uint8_t app = 0) {
  TcpSetup setup;
  setup.app = app;
  setup.config = SmallConfig();
  setup.initial_sequence = {0xfffffff0, 0x7ffffff0};
  return setup;
}

std::unique_ptr<BrokenWorld> Established(TcpStage stage = TcpStage::kEstablished, uint8_t app = 0) {
  auto world = std::make_unique<BrokenWorld>(PlainSetup(app));
  Stager(*world, /*active=*/false).Run(stage);
  world->Advance(seconds(1));
  return world;
}

// The peer's next segment of `flow`.
void Peer(TcpWorld& world, size_t flow, uint32_t bytes, uint32_t ahead = 0) {
  TcpFlow& from = world.Ready(flow);
  world.Arrive(from.Build(TcpFlow::Plain{
      .seq = from.snd_nxt() + ahead, .ack = from.rcv_nxt(), .payload_bytes = bytes}));
}

// --- P2 ---

TEST(TcpWorldDeathTest, WhatIsNotAnsweredShowsOnBothFlows) {
  for (const size_t flow : {size_t{0}, size_t{1}}) {
    const auto world = Established(TcpStage::kTwo);
    Peer(*world, flow, 10);
    Peer(*world, flow, 10, 536);
    world->is_mute = true;
    EXPECT_DEATH(Peer(*world, flow, 10, 1072), "P2 does not hold: !due_.ack") << flow;
  }
}

TEST(TcpWorldDeathTest, TextThatIsNeverAcknowledgedShows) {
  const auto world = Established();
  world->is_mute = true;
  Peer(*world, 0, 10);
  EXPECT_DEATH(world->Advance(seconds(1)), "P2 does not hold: !text_waits_since_");
}

TEST(TcpWorldDeathTest, AnAcknowledgementOfAnAcknowledgementShows) {
  const auto world = Established();
  world->Write(0, 100);
  Peer(*world, 0, 0);
  world->is_chatty = true;
  EXPECT_DEATH(Peer(*world, 0, 0), "stray_ack");
}

// --- P6 ---

TEST(TcpWorldDeathTest, MemoryThatNobodyWroteToShows) {
  const auto world = Established();
  std::array<uint8_t, 64> fresh;
  for (size_t at = 0; at < fresh.size(); at += sizeof kNonce)
    std::memcpy(fresh.data() + at, &kNonce, sizeof kNonce);
  ASSERT_EQ(world->stack().Write(world->owned_id(0), fresh), fresh.size());
  EXPECT_DEATH(world->Settle(), "property P6");
}

// --- P7 ---

TEST(TcpWorldDeathTest, MoreThanACongestionWindowShows) {
  const auto good = Established();
  good->Write(0, 8000);
  const auto world = Established();
  world->times = 4;
  EXPECT_DEATH(world->Write(0, 8000), "P7 does not hold: sent.bytes");
}

TEST(TcpWorldDeathTest, MoreSegmentsThanFitACongestionWindowShow) {
  const auto world = Established();
  world->piece_bytes = 100;
  EXPECT_DEATH(world->Write(0, 8000), "P7 does not hold: sent.frames");
}

TEST(TcpWorldDeathTest, MoreAnswersThanQuestionsShow) {
  const auto open = [](uint64_t calls) {
    TcpWorld world(PlainSetup());
    // The neighbour is known.
    world.Connect(0, {});
    for (int i = 0; i < 8; ++i) (void)world.stack().TcpConnect({kPeerIp, 80}, {});
    world.Settle(calls);
  };
  open(8);
  EXPECT_DEATH(open(1), "P7 does not hold: count.control_out");
}

TEST(TcpWorldDeathTest, ChatterInSilenceShows) {
  const auto wait = [](int datagrams) {
    const auto world = Established();
    world->socket = *world->stack().UdpBind(5000, {});
    world->datagrams = datagrams;
    for (int i = 0; i < 200; ++i) world->Advance(milliseconds(100));
  };
  wait(0);
  EXPECT_DEATH(wait(10), "P7 does not hold: quiet_frames_");
}

// --- P13 ---

TEST(TcpWorldDeathTest, ADamagedSegmentThatIsTakenInShows) {
  // P2 would see it, too.
  const auto world = Established(TcpStage::kEstablished, tcp_app::kUnjudged);
  TcpFlow& flow = world->Ready(0);
  const Bytes frame = flow.Build(
      TcpFlow::Plain{.seq = flow.snd_nxt(), .ack = flow.rcv_nxt(), .payload_bytes = 100});
  for (const size_t bit : {7u, 300u, 800u}) world->DeliverDamaged(frame, 14, bit);
  // The first bit of the link address of the sender, which no checksum covers.
  EXPECT_DEATH(world->DeliverDamaged(frame, 6, 7), "property P13");
}

// --- P11 ---

// A grammar in which nothing tells that a number is absolute.
constexpr std::array<const char*, 8> kHidden = {"next", "acked",    "window_end", "initial",
                                                "last", "last_end", "absolute",   "hole"};
constexpr auto kHiddenOperations = [] {
  auto operations = kTcpOperations;
  operations[static_cast<size_t>(TcpOperation::kSegment)].operands[1].names = kHidden;
  return operations;
}();
constexpr Grammar kHiddenGrammar{
    .target = "tcp_passive", .head = kTcpHead, .operations = kHiddenOperations};

TEST(TcpScriptDeathTest, WhatDependsOnWhereNumbersBeginShows) {
  const auto run = [](const std::string& segment) {
    const auto input =
        ParseInput(kHiddenGrammar,
                   "profile: full\nstage: established\nsequence: zero\napp: compare\n" + segment);
    ASSERT_TRUE(input) << input.error();
    RunTcpInput(kHiddenGrammar, *input, /*active=*/false);
  };
  run("segment flags=A payload=100");
  EXPECT_DEATH(run("segment flags=A seq=absolute+1 payload=100"), "property P11");
}

}  // namespace
}  // namespace aether::fuzz
