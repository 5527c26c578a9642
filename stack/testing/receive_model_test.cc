#include "stack/testing/receive_model.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace aether::testing {
namespace {

using State = ReceiveModel::State;
using Segment = ReceiveModel::Segment;

constexpr uint8_t kFin = ReceiveModel::kFin;
constexpr uint8_t kSyn = ReceiveModel::kSyn;
constexpr uint8_t kRst = ReceiveModel::kRst;
constexpr uint8_t kAck = ReceiveModel::kAck;
constexpr Instant kNow{std::chrono::seconds(5000)};
// Close to the wrap on purpose.
constexpr uint32_t kIss = 0xfffffff0u;
constexpr uint32_t kIrs = 0x7ffffffeu;

// Our numbers and the peer's relative to the initial ones; 1000 bytes of window offered.
struct Fixture {
  explicit Fixture(ReceiveModel::Rules rules = {}, std::optional<uint32_t> timestamp = {})
      : model(ReceiveModel::Established(rules, {.iss = kIss,
                                                .irs = kIrs,
                                                .peer_window_bytes = 5000,
                                                .certain_window_bytes = 5000,
                                                .timestamp = timestamp,
                                                .now = kNow})) {
    Offer(1000);
  }
  void Offer(uint32_t window) {
    model.OnSent({.seq = model.snd_una(), .ack = model.rcv_nxt()}, window);
  }
  void Sends(uint32_t seq, uint32_t bytes, uint8_t flags = kAck) {
    model.OnSent({.seq = kIss + seq, .ack = model.rcv_nxt(), .flags = flags, .text_bytes = bytes},
                 1000);
  }
  void Gets(uint32_t seq, uint32_t bytes, uint8_t flags = kAck, uint32_t ack = 1) {
    model.OnArrival(
        {.seq = kIrs + seq, .ack = kIss + ack, .flags = flags, .window = 5000, .text_bytes = bytes},
        kNow);
  }
  uint32_t rcv_nxt() const { return model.rcv_nxt() - kIrs; }
  uint32_t snd_una() const { return model.snd_una() - kIss; }

  ReceiveModel model;
};

// [RFC 9293 3.10.7.4] first: the four cases, at their edges.
TEST(ReceiveModel, OnlyTheWindowIsAcceptable) {
  for (const auto& [seq, bytes, nxt] : {std::array<uint32_t, 3>{1, 10, 11},
                                        {0, 1, 1},
                                        {0, 2, 2},
                                        {1001, 1, 1},
                                        {1000, 1, 1},
                                        {2, 10, 1},
                                        {1, 2000, 1001},
                                        {0x80000000u, 10, 1}}) {
    Fixture f;
    f.Gets(seq, bytes);
    EXPECT_EQ(f.rcv_nxt(), nxt) << seq << '+' << bytes;
    EXPECT_TRUE(f.model.ack_due());
    EXPECT_EQ(f.model.delivered_bytes(), nxt - 1);
  }
}

TEST(ReceiveModel, TextIsPutInOrder) {
  Fixture f;
  f.Gets(11, 10);
  f.Gets(31, 10);
  EXPECT_EQ(f.rcv_nxt(), 1u);
  f.Gets(1, 15);
  EXPECT_EQ(f.rcv_nxt(), 21u);
  f.Gets(18, 16);
  EXPECT_EQ(f.rcv_nxt(), 41u);
  Fixture without({.keeps_out_of_order = false});
  without.Gets(11, 10);
  without.Gets(1, 10);
  EXPECT_EQ(without.rcv_nxt(), 11u);
}

// [RFC 5961 3.2]
TEST(ReceiveModel, OnlyTheExactResetCounts) {
  for (const uint32_t seq : {0u, 2u, 1000u, 1001u}) {
    Fixture f;
    f.Gets(seq, 0, kRst);
    EXPECT_EQ(f.model.state(), State::kEstablished);
    EXPECT_EQ(f.model.ack_due(), seq > 1 && seq < 1001) << seq;
  }
  Fixture f;
  f.Gets(1, 0, kRst);
  EXPECT_EQ(f.model.state(), State::kClosed);
}

// [RFC 5961 4.2]
TEST(ReceiveModel, ASynIsChallenged) {
  for (const uint32_t seq : {0u, 1u, 500u, 5000u}) {
    Fixture f;
    f.Gets(seq, 0, kSyn);
    EXPECT_EQ(f.model.state(), State::kEstablished);
    EXPECT_TRUE(f.model.ack_due());
  }
}

// [RFC 5961 5.2] and the text of a segment whose acknowledgement is refused does not count.
TEST(ReceiveModel, OnlyAPlausibleAcknowledgementCounts) {
  Fixture f;
  f.Sends(1, 100);
  f.Gets(1, 10, kAck, 102);
  EXPECT_EQ(f.rcv_nxt(), 1u);
  EXPECT_EQ(f.snd_una(), 1u);
  f.Gets(1, 10, kAck, 101);
  EXPECT_EQ(f.rcv_nxt(), 11u);
  EXPECT_EQ(f.snd_una(), 101u);
  f.Gets(11, 10, kAck, 101u - 5000u);
  EXPECT_EQ(f.rcv_nxt(), 21u);
  f.Gets(21, 10, kAck, 101u - 5001u);
  EXPECT_EQ(f.rcv_nxt(), 21u);
  f.Gets(21, 10, 0);
  EXPECT_EQ(f.rcv_nxt(), 21u);
  EXPECT_TRUE(f.model.is_certain());
}

// [RFC 9293 3.10.7.4] a window of zero.
TEST(ReceiveModel, AShutWindowTakesAcknowledgements) {
  Fixture f;
  f.Sends(1, 100);
  f.Gets(1, 1000);
  EXPECT_EQ(f.rcv_nxt(), 1001u);
  f.Gets(1001, 1, kAck, 51);
  EXPECT_EQ(f.rcv_nxt(), 1001u);
  EXPECT_EQ(f.snd_una(), 51u);
  f.Gets(1001, 0, kFin | kAck, 51);
  EXPECT_EQ(f.model.state(), State::kEstablished);
  f.Gets(1002, 0, kAck, 101);
  EXPECT_EQ(f.snd_una(), 51u);
}

// [RFC 9293 3.10.7.4] eighth, in every order of the two FINs.
TEST(ReceiveModel, Endings) {
  Fixture passive;
  passive.Gets(1, 10, kFin | kAck);
  EXPECT_EQ(passive.model.state(), State::kCloseWait);
  EXPECT_EQ(passive.rcv_nxt(), 12u);
  passive.model.OnShutdown();
  EXPECT_EQ(passive.model.state(), State::kLastAck);
  passive.Sends(1, 0, kFin | kAck);
  passive.Gets(12, 0, kAck, 2);
  EXPECT_EQ(passive.model.state(), State::kClosed);

  Fixture active;
  active.model.OnShutdown();
  active.Sends(1, 0, kFin | kAck);
  EXPECT_EQ(active.model.state(), State::kFinWait1);
  active.Gets(1, 0, kAck, 2);
  EXPECT_EQ(active.model.state(), State::kFinWait2);
  active.Gets(1, 5, kFin | kAck, 2);
  EXPECT_EQ(active.model.state(), State::kTimeWait);

  Fixture both;
  both.model.OnShutdown();
  both.Sends(1, 0, kFin | kAck);
  both.Gets(1, 0, kFin | kAck, 1);
  EXPECT_EQ(both.model.state(), State::kClosing);
  both.Gets(2, 0, kAck, 2);
  EXPECT_EQ(both.model.state(), State::kTimeWait);
}

TEST(ReceiveModel, AFinWaitsForTheTextBeforeIt) {
  Fixture f;
  f.Gets(11, 10, kFin | kAck);
  EXPECT_EQ(f.model.state(), State::kEstablished);
  f.Gets(1, 10);
  EXPECT_EQ(f.model.state(), State::kCloseWait);
  EXPECT_EQ(f.rcv_nxt(), 22u);
  EXPECT_TRUE(f.model.is_certain());
  // Beyond the window: cut off.
  Fixture cut;
  cut.Gets(991, 10, kFin | kAck);
  cut.Gets(1, 990);
  EXPECT_EQ(cut.model.state(), State::kEstablished);
  EXPECT_EQ(cut.rcv_nxt(), 1001u);
  // A peer that contradicts itself.
  Fixture unclear;
  unclear.Gets(21, 10);
  unclear.Gets(11, 5, kFin | kAck);
  EXPECT_FALSE(unclear.model.is_certain());
  Fixture behind;
  behind.Gets(11, 10, kFin | kAck);
  behind.Gets(11, 10);
  EXPECT_TRUE(behind.model.is_certain());
  behind.Gets(11, 11);
  EXPECT_FALSE(behind.model.is_certain());
}

// [RFC 7323 5.3]
TEST(ReceiveModel, OldTimestampsAreRefused) {
  Fixture f({}, 1000);
  const auto gets = [&](uint32_t seq, std::optional<uint32_t> timestamp, Instant at = kNow) {
    f.model.OnArrival({.seq = kIrs + seq,
                       .ack = kIss + 1,
                       .window = 5000,
                       .text_bytes = 10,
                       .timestamp = timestamp},
                      at);
    return f.rcv_nxt();
  };
  EXPECT_EQ(gets(1, 999), 1u);
  EXPECT_EQ(gets(1, std::nullopt), 1u);
  EXPECT_EQ(gets(1, 1000), 11u);
  // Behind what was acknowledged last: TS.Recent does not follow.
  EXPECT_EQ(gets(21, 5000), 11u);
  EXPECT_EQ(gets(11, 1000), 31u);
  f.Offer(1000);
  EXPECT_EQ(gets(31, 1000 + 0x7fffffffu), 41u);
  f.Offer(1000);
  EXPECT_EQ(gets(41, 1000), 41u);
  // [RFC 7323 5.5] after 24 days it says nothing any more.
  EXPECT_EQ(gets(41, 1000, kNow + std::chrono::days(24) - std::chrono::seconds(1)), 41u);
  Fixture hours = f;
  EXPECT_EQ(gets(41, 1000, kNow + std::chrono::days(24) + std::chrono::hours(1)), 51u);
  EXPECT_TRUE(f.model.is_certain());
  // It may be counted in hours.
  std::swap(f, hours);
  EXPECT_EQ(gets(41, 1000, kNow + std::chrono::days(24)), 51u);
  EXPECT_FALSE(f.model.is_certain());
  // Resets are exempt.
  f.model.OnArrival({.seq = f.model.rcv_nxt(), .flags = kRst}, kNow);
  EXPECT_EQ(f.model.state(), State::kClosed);
}

// [RFC 9293 3.10.7.3]
TEST(ReceiveModel, SynSent) {
  const auto begin = [] {
    ReceiveModel model = ReceiveModel::SynSent({}, kIss);
    model.OnSent({.seq = kIss, .flags = kSyn, .window = 1000}, 1000);
    return model;
  };
  const auto after = [&](uint8_t flags, uint32_t ack, uint32_t bytes = 0) {
    ReceiveModel model = begin();
    model.OnArrival({.seq = kIrs, .ack = kIss + ack, .flags = flags, .text_bytes = bytes}, kNow);
    return model;
  };
  EXPECT_EQ(after(kSyn | kAck, 1).state(), State::kEstablished);
  EXPECT_EQ(after(kSyn | kAck, 2).state(), State::kSynSent);
  EXPECT_TRUE(after(kSyn | kAck, 2).reset_due());
  EXPECT_EQ(after(kAck, 1).state(), State::kSynSent);
  EXPECT_EQ(after(kFin | kAck, 1).state(), State::kSynSent);
  EXPECT_EQ(after(kRst | kAck, 1).state(), State::kClosed);
  EXPECT_EQ(after(kRst | kAck, 0).state(), State::kSynSent);
  EXPECT_EQ(after(kRst, 0).state(), State::kSynSent);
  EXPECT_EQ(after(kSyn, 0).state(), State::kSynReceived);
  EXPECT_EQ(after(kSyn | kAck, 1, 10).rcv_nxt(), kIrs + 11);
  EXPECT_EQ(after(kSyn | kAck | kFin, 1, 10).state(), State::kCloseWait);
  // [RFC 9293 3.5] both open at once.
  ReceiveModel both = after(kSyn, 0);
  both.OnSent({.seq = kIss, .ack = kIrs + 1, .flags = kSyn | kAck}, 1000);
  // A reset counts where it stands, whatever else it says.
  both.OnArrival({.seq = kIrs, .ack = kIss + 1, .flags = kSyn | kAck | kRst}, kNow);
  EXPECT_EQ(both.state(), State::kSynReceived);
  both.OnArrival({.seq = kIrs, .ack = kIss + 1, .flags = kSyn | kAck}, kNow);
  EXPECT_EQ(both.state(), State::kEstablished);
  EXPECT_TRUE(both.ack_due());
}

// [RFC 7323 4.3 (2)] of the SYN-ACK of a simultaneous open as well.
TEST(ReceiveModel, WhoseAcknowledgementCountsHasATimestampThatCounts) {
  ReceiveModel model = ReceiveModel::SynSent({.timestamps = true}, kIss);
  model.OnSent({.seq = kIss, .flags = kSyn, .window = 1000}, 1000);
  model.OnArrival({.seq = kIrs, .flags = kSyn, .timestamp = 100}, kNow);
  model.OnSent({.seq = kIss, .ack = kIrs + 1, .flags = kSyn | kAck}, 1000);
  model.OnArrival({.seq = kIrs, .ack = kIss + 1, .flags = kSyn | kAck, .timestamp = 200}, kNow);
  ASSERT_EQ(model.state(), State::kEstablished);
  model.OnSent({.seq = kIss + 1, .ack = kIrs + 1}, 1000);
  for (const uint32_t timestamp : {199u, 200u}) {
    model.OnArrival(
        {.seq = kIrs + 1, .ack = kIss + 1, .flags = kAck, .text_bytes = 10, .timestamp = timestamp},
        kNow);
    EXPECT_EQ(model.rcv_nxt(), kIrs + (timestamp == 200 ? 11 : 1));
  }
}

// [RFC 9293 3.8.6.3] [RFC 5681 4.2]
TEST(ReceiveModel, OnlyTextInOrderMayWait) {
  const auto may_wait = [](Fixture& f) { return f.model.ack_due() && f.model.ack_may_wait(); };
  Fixture f;
  f.Gets(1, 10);
  EXPECT_TRUE(may_wait(f));
  EXPECT_EQ(f.model.unacknowledged_bytes(), 10u);
  f.Gets(1, 10);
  EXPECT_FALSE(may_wait(f));
  f.Gets(21, 10);
  EXPECT_FALSE(may_wait(f));
  f.Gets(11, 5);
  EXPECT_FALSE(may_wait(f));
  f.Gets(16, 5);
  EXPECT_FALSE(may_wait(f));
  f.Gets(31, 5, kFin | kAck);
  EXPECT_TRUE(may_wait(f));
  // Nothing stands behind it.
  f.Gets(37, 5);
  EXPECT_FALSE(f.model.ack_due());
}

TEST(ReceiveModel, TwoFinsAreAChoice) {
  Fixture f;
  f.Gets(51, 10, kFin | kAck);
  EXPECT_TRUE(f.model.is_certain());
  f.Gets(51, 10, kFin | kAck);
  EXPECT_TRUE(f.model.is_certain());
  f.Gets(1, 0, kFin | kAck);
  EXPECT_FALSE(f.model.is_certain());
}

}  // namespace
}  // namespace aether::testing
