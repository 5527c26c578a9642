// Stream integrity (P1): whatever order, overlap and repetition the segments come in, the
// application reads every byte once, in order, and none after the end; and every byte that the
// stack sends is the one that was written at that place, within the window that the peer gave.
#include <gtest/gtest.h>

#include <algorithm>

#include "stack/base/random.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kAck = tcp_flags::kAck;

// The byte at a place of a stream; the streams of the two directions differ.
uint8_t ByteAt(uint32_t offset, uint8_t direction) {
  return static_cast<uint8_t>((offset * 2654435761u) >> 24 ^ direction);
}

Frame BytesAt(uint32_t offset, uint32_t size, uint8_t direction) {
  Frame bytes(size);
  for (uint32_t i = 0; i < size; ++i) bytes[i] = ByteAt(offset + i, direction);
  return bytes;
}

class Stream {
 public:
  Stream(uint64_t seed, const ScriptOptions& options)
      : random_(Seed{seed, 1}), script_(Script::Established(options)) {
    incoming_size_ = 1 + random_.Below(60'000);
    outgoing_size_ = 1 + random_.Below(60'000);
    edge_ = 1u + options.peer.window;
  }

  void Run() {
    for (int step = 0; step < 20'000 && !IsDone() && !::testing::Test::HasFailure(); ++step) {
      // Once both ends have acknowledged everything the peer is silent; what was received can still
      // be read.
      const bool peer_is_done = fin_acknowledged_ && believed_ == outgoing_size_ + 2;
      switch (peer_is_done ? 1 : random_.Below(6)) {
        case 0:
          Write();
          break;
        case 1:
          Read();
          break;
        default:
          SendSegment();
          break;
      }
      TakeOutput();
    }
    EXPECT_TRUE(IsDone()) << read_ << " of " << incoming_size_ << " read, " << sent_ << " of "
                          << outgoing_size_ << " sent, acknowledged up to " << acknowledged_;
  }

 private:
  bool IsDone() const {
    return read_ == incoming_size_ && fin_acknowledged_ && sent_ == outgoing_size_ && fin_seen_;
  }

  // A piece of the stream from anywhere near the edge, often the next one; the FIN stands behind
  // its last byte.
  void SendSegment() {
    const uint32_t next = acknowledged_ - 1;  // offset of the first byte that is not acknowledged
    uint32_t offset = std::min(next, incoming_size_);
    switch (random_.Below(4)) {
      case 0:
        offset -= std::min(offset, random_.Below(3000));
        break;
      case 1:
        offset = std::min(offset + random_.Below(3000), incoming_size_);
        break;
      default:
        break;
    }
    const uint32_t size = std::min(random_.Below(1461), incoming_size_ - offset);
    const bool fin = offset + size == incoming_size_ && random_.Below(2) == 0;
    const uint16_t window =
        static_cast<uint16_t>(random_.Below(8) == 0 ? random_.Below(3000) : 30'000);
    Segment segment{.flags = static_cast<uint8_t>(kAck | (fin ? kFin : 0)),
                    .seq = 1 + offset,
                    .ack = random_.Below(3) == 0 ? believed_ : script_->peer().rcv_nxt(),
                    .data = BytesAt(offset, size, 1),
                    .window = window};
    if (fin_acknowledged_ && random_.Below(2) == 0) {
      // Behind the FIN there are acknowledgements only.
      segment.flags = kAck;
      segment.seq = incoming_size_ + 2;
      segment.data.clear();
    }
    believed_ = *segment.ack;
    if (random_.Below(10) == 0) {
      segment.flags |= tcp_flags::kUrg;
      segment.urgent_pointer = static_cast<uint16_t>(random_.Next32());
    }
    // The edge that the stack may believe in: the furthest one ever given.
    const uint32_t edge = *segment.ack + window;
    if (edge - edge_ < 0x80000000u) edge_ = edge;
    script_->Send(script_->peer().Build(segment));
  }

  void Read() {
    Stack& stack = script_->stack();
    const Bytes front = stack.Peek(script_->connection());
    const uint32_t size = random_.Below(static_cast<uint32_t>(front.size()) + 1);
    for (uint32_t i = 0; i < size; ++i) {
      ASSERT_EQ(front[i], ByteAt(read_ + i, 1)) << "at " << read_ + i;
    }
    stack.Consume(script_->connection(), size);
    read_ += size;
    ASSERT_LE(read_, incoming_size_);
    ASSERT_EQ(stack.AtEnd(script_->connection()), fin_acknowledged_ && read_ == incoming_size_);
    script_->Step();
  }

  void Write() {
    Stack& stack = script_->stack();
    const uint32_t size = std::min(random_.Below(4000), outgoing_size_ - written_);
    written_ +=
        static_cast<uint32_t>(stack.Write(script_->connection(), BytesAt(written_, size, 2)));
    if (written_ == outgoing_size_ && !shut_) {
      shut_ = true;
      stack.Shutdown(script_->connection());
    }
    script_->Step();
  }

  void TakeOutput() {
    while (script_->output_size() > 0 && !::testing::Test::HasFatalFailure()) {
      const NaiveFrame frame = script_->Expect(AnyFrame());
      ASSERT_TRUE(frame.tcp.has_value());
      ASSERT_EQ(frame.tcp->flags & (tcp_flags::kSyn | tcp_flags::kRst), 0);
      CheckAcknowledgment(*frame.tcp);
      CheckData(*frame.tcp);
    }
  }

  void CheckAcknowledgment(const NaiveTcp& tcp) {
    const uint32_t ack = script_->peer().RelativeAck(tcp.acknowledgment);
    ASSERT_GE(ack, acknowledged_) << "an acknowledgement went back";
    ASSERT_LE(ack, incoming_size_ + 2);
    acknowledged_ = ack;
    fin_acknowledged_ = ack == incoming_size_ + 2;
  }

  // The classic profile sends every byte once, so the next one must be the one that was not sent
  // yet.
  void CheckData(const NaiveTcp& tcp) {
    const uint32_t seq = script_->peer().RelativeSeq(tcp.sequence);
    ASSERT_EQ(seq, 1 + sent_ + (fin_seen_ ? 1 : 0));
    for (uint32_t i = 0; i < tcp.payload.size(); ++i) {
      ASSERT_EQ(tcp.payload[i], ByteAt(sent_ + i, 2)) << "at " << sent_ + i;
    }
    sent_ += static_cast<uint32_t>(tcp.payload.size());
    const bool fin = (tcp.flags & kFin) != 0;
    ASSERT_FALSE(fin_seen_ && (fin || !tcp.payload.empty())) << "something after the FIN";
    if (fin) {
      ASSERT_EQ(sent_, outgoing_size_);
      fin_seen_ = true;
    }
    ASSERT_LE(1 + sent_ + (fin_seen_ ? 1 : 0), edge_) << "beyond the window";
  }

  Random random_;
  std::unique_ptr<Script> script_;
  uint32_t incoming_size_ = 0;
  uint32_t outgoing_size_ = 0;
  uint32_t read_ = 0;
  uint32_t written_ = 0;
  uint32_t sent_ = 0;
  uint32_t acknowledged_ = 1;
  uint32_t believed_ = 1;  // the last acknowledgement of the peer
  uint32_t edge_ = 0;
  bool shut_ = false;
  bool fin_seen_ = false;
  bool fin_acknowledged_ = false;
};

class StackStream : public ::testing::TestWithParam<uint16_t> {};

TEST_P(StackStream, IsWholeInBothDirections) {
  for (uint64_t seed = 1; seed <= 15 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ScriptOptions options;
    options.config.tcp.receive_buffer_bytes = GetParam();
    options.peer.initial_sequence = static_cast<uint32_t>(0u - seed * 2000);
    Stream(seed, options).Run();
  }
}

INSTANTIATE_TEST_SUITE_P(Buffers, StackStream, ::testing::Values(1000, 5000, 65535));

}  // namespace
}  // namespace aether::testing
