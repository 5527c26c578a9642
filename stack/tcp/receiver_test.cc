#include "stack/tcp/receiver.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/tcp/buffers.h"
#include "stack/tcp/sender.h"

namespace aether::tcp {
namespace {

// [RFC 9293 3.10.7.4] first: the four cases of its table.
TEST(Receiver, AcceptsWhatTouchesTheWindow) {
  Receiver receiver;
  receiver.Start(Seq(0xfffffff0u), 100);  // the window wraps
  const Seq nxt = receiver.nxt;
  EXPECT_TRUE(receiver.IsAcceptable(nxt, 0));
  EXPECT_TRUE(receiver.IsAcceptable(nxt + 99, 0));
  EXPECT_FALSE(receiver.IsAcceptable(nxt + 100, 0));
  EXPECT_FALSE(receiver.IsAcceptable(nxt - 1, 0));
  EXPECT_TRUE(receiver.IsAcceptable(nxt - 1, 2)) << "its last byte is in the window";
  EXPECT_FALSE(receiver.IsAcceptable(nxt - 1, 1));
  EXPECT_TRUE(receiver.IsAcceptable(nxt + 99, 1000)) << "its first byte is in the window";
  EXPECT_FALSE(receiver.IsAcceptable(nxt + 100, 1));
  receiver.nxt += 100;
  EXPECT_EQ(receiver.window_bytes(), 0u);
  EXPECT_TRUE(receiver.IsAcceptable(receiver.nxt, 0));
  EXPECT_FALSE(receiver.IsAcceptable(receiver.nxt, 1));
  EXPECT_FALSE(receiver.IsAcceptable(receiver.nxt + 1, 0));
}

// [RFC 9293 3.8.6 SHLD-14] the right edge stays while bytes are queued, and moves right when they
// are read. [RFC 9293 3.8.6.2.2 MUST-39] not by small steps.
TEST(Receiver, RightEdgeNeverMovesLeftAndNotByASillyStep) {
  ChunkPool pool(64);
  Receiver receiver;
  receiver.Start(Seq(1000), 4000);
  const std::vector<uint8_t> data(3000, 1);
  ASSERT_TRUE(receiver.queue.Append(pool, data));
  receiver.nxt += 3000;
  EXPECT_EQ(receiver.Advertise(4000, 1460, 0), 1000);
  receiver.queue.Consume(pool, 1000);
  EXPECT_EQ(receiver.Advertise(4000, 1460, 0), 1000)
      << "1000 is less than a segment and than half the buffer";
  EXPECT_FALSE(receiver.WindowUpdateDue(4000, 1460));
  receiver.queue.Consume(pool, 1000);
  EXPECT_TRUE(receiver.WindowUpdateDue(4000, 1460));
  EXPECT_EQ(receiver.Advertise(4000, 1460, 0), 3000);
  EXPECT_FALSE(receiver.WindowUpdateDue(4000, 1460));
  receiver.queue.Clear(pool);
}

TEST(Sender, OldWindowUpdatesDoNotCount) {
  Sender sender;
  sender.Start(Seq(100), 1000, Seq(5000), Seq(100));
  sender.UpdateWindow(500, Seq(4999), Seq(100));
  EXPECT_EQ(sender.wnd, 1000u) << "an older segment";
  sender.UpdateWindow(500, Seq(5000), Seq(99));
  EXPECT_EQ(sender.wnd, 1000u) << "an older acknowledgement";
  sender.UpdateWindow(500, Seq(5000), Seq(100));
  EXPECT_EQ(sender.wnd, 500u);
  EXPECT_EQ(sender.max_wnd, 1000u);
  // Found by the simulator: old text again, with news about ours.
  sender.UpdateWindow(200, Seq(4000), Seq(110));
  EXPECT_EQ(sender.wnd, 200u);
}

// [RFC 5961 5.2] the range of acknowledgements that are believed.
TEST(Sender, BelievesAcknowledgementsBetweenAnOldWindowAndWhatWasSent) {
  Sender sender;
  sender.Start(Seq(100), 1000, Seq(5000), Seq(100));
  sender.nxt = Seq(150);
  EXPECT_TRUE(sender.IsAckPlausible(Seq(150)));
  EXPECT_FALSE(sender.IsAckPlausible(Seq(151)));
  EXPECT_TRUE(sender.IsAckPlausible(Seq(100) - 1000));
  EXPECT_FALSE(sender.IsAckPlausible(Seq(100) - 1001));
}

// [RFC 9293 3.8.6.2.1 MUST-38]
TEST(Sender, AvoidsSmallSegmentsWhileSomethingIsInFlight) {
  Buffers buffers{ChunkPool(8),       Pool<SendItem>(8), Pool<SentSegment>(8),
                  Pool<HeldRange>(8), Pool<Recovery>(8), Pool<OutOfOrder>(8)};
  Sender sender;
  sender.Start(Seq(0), 1500, Seq(0), Seq(0));
  const std::vector<uint8_t> data(4000, 1);
  ASSERT_EQ(sender.queue.Append(buffers, data, 4000), 4000u);
  EXPECT_EQ(sender.NextPayload(1000, sender.usable_bytes(), true), 1000u);
  sender.nxt += 1000;
  sender.max_wnd = 64000;
  EXPECT_EQ(sender.NextPayload(1000, sender.usable_bytes(), true), 0u)
      << "500 of a window, and an acknowledgement will come";
  sender.una = sender.nxt;
  sender.wnd = 300;
  EXPECT_EQ(sender.NextPayload(1000, sender.usable_bytes(), false), 0u)
      << "nothing in flight, but the window may open further";
  EXPECT_EQ(sender.NextPayload(1000, sender.usable_bytes(), true), 300u)
      << "it did not: what it admits";
  sender.queue.Clear(buffers);
}

}  // namespace
}  // namespace aether::tcp
