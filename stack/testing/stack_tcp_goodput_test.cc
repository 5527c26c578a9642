// Regressions of the sender's speed, each test named for what made it slow: found with
// bench/live/goodput, where the kernel's CUBIC over the same link is the yardstick.
#include <gtest/gtest.h>

#include <vector>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

constexpr uint32_t kMss = 1460;

ScriptOptions FullOptions() {
  ScriptOptions options;
  options.config = ScriptConfigWithoutCookies();
  options.config.profile = tcp::kFull;
  return options;
}

uint32_t CwndBytes(Script& s) { return s.stack().Inspect(s.connection())->cwnd_bytes; }

// [RFC 5681 3.1] [RFC 9438 5.8] whether the window was filled is asked when data leaves. A batch of
// acknowledgements is worked on without sending in between, and only the first of them found the
// flight as large as the window: the others opened nothing, and a sender at the end of a long link
// stayed at half of its share.
TEST(StackTcpGoodput, ABatchOfAcknowledgementsOpensTheWindowAsMuchAsSingleOnes) {
  auto s = Script::Established(FullOptions());
  s->Write(Pattern(60000));
  ASSERT_EQ(s->output_size(), 10u);
  s->DiscardOutput();
  std::vector<Frame> batch;
  for (uint32_t i = 1; i <= 10; ++i) batch.push_back(s->peer().Build({.ack = 1 + i * kMss}));
  s->Send(batch);
  EXPECT_EQ(CwndBytes(*s), 20 * kMss);
  EXPECT_EQ(s->output_size(), 20u);
  s->DiscardOutput();
}

// [RFC 9438 4.6] a loss that is seen behind acknowledgements of the same batch costs three tenths
// of the window, not of the little that they left in flight.
TEST(StackTcpGoodput, ALossBehindABatchOfAcknowledgementsCostsNoMoreThanItShould) {
  auto s = Script::Established(FullOptions());
  s->Write(Pattern(60000));
  s->DiscardOutput();
  std::vector<Frame> batch;
  for (uint32_t i = 1; i <= 6; ++i) batch.push_back(s->peer().Build({.ack = 1 + i * kMss}));
  for (int i = 0; i < 3; ++i) batch.push_back(s->peer().Build({.ack = 1 + 6 * kMss}));
  s->Send(batch);
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
  // Six acknowledgements had made it 16 segments.
  EXPECT_EQ(CwndBytes(*s), 16 * kMss * 7 / 10);
  s->DiscardOutput();
}

// A window that the application does not fill stays as it is, however many acknowledgements come.
TEST(StackTcpGoodput, AnApplicationThatWritesLittleOpensNoWindow) {
  auto s = Script::Established(FullOptions());
  for (int i = 0; i < 50; ++i) {
    s->Write("little");
    s->DiscardOutput();
    s->peer().Ack();
  }
  EXPECT_EQ(CwndBytes(*s), 10 * kMss);
}

}  // namespace
}  // namespace aether::testing
