#include "bench/stack/bulk.h"

#include <algorithm>

#include "bench/common/generators.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {
namespace {

// The stream is this many random bytes again and again: no power of two, so that no buffer is in
// step with it.
constexpr size_t kPayloadBytes = 65'521;
constexpr uint16_t kPort = 5001;
// Of one turn around both stacks: about 100 ns for each frame.
constexpr Duration kTurn = std::chrono::microseconds(3);

Config ConfigOf(MacAddress mac, uint64_t seed, const tcp::Profile& profile) {
  Config config;
  config.mac = mac;
  config.seed = {seed, 7};
  config.profile = profile;
  // The other end would count the announcement as dropped.
  config.announce = false;
  config.tcp.connections_max = 16;
  config.tcp.time_wait_max = 16;
  return config;
}

}  // namespace

Bulk::Bulk(const BulkOptions& options)
    : options_(options),
      payload_(Generator(21).Payload(kPayloadBytes)),
      slots_(kBatch * kSlotBytes) {
  ends_[0].stack = std::make_unique<Stack>(ConfigOf(testing::kPeerMac, 1, options.profile), now_);
  ends_[1].stack = std::make_unique<Stack>(ConfigOf(testing::kOurMac, 2, options.profile), now_);
  Stack& client = *ends_[0].stack;
  Stack& server = *ends_[1].stack;
  client.SetAddress({testing::kPeerIp, 24}, std::nullopt);
  server.SetAddress(testing::kOurNetwork, std::nullopt);
  const auto listener = server.TcpListen(kPort, {});
  const auto id = client.TcpConnect({testing::kOurIp, kPort}, {});
  AETHER_CHECK(listener && id);
  ends_[0].id = *id;
  for (int turn = 0; turn < 100 && !ends_[1].id.IsValid(); ++turn) {
    Move(ends_[0], ends_[1]);
    Move(ends_[1], ends_[0]);
    now_ += kTurn;
    if (const auto accepted = server.Accept(*listener)) ends_[1].id = *accepted;
  }
  AETHER_CHECK(ends_[1].id.IsValid());
  for (int chunk = 0; chunk < 8; ++chunk) RunChunk();
}

void Bulk::RunChunk() {
  target_bytes_ += uint64_t{kSegmentBytes} * kSegmentsPerChunk;
  // Neither end may fall silent: a turn moves something, or time does.
  while (bytes_read() < target_bytes_) Step();
}

void Bulk::Step() {
  Write(ends_[0]);
  if (options_.both_ways) Write(ends_[1]);
  Move(ends_[0], ends_[1]);
  Read(ends_[1]);
  Move(ends_[1], ends_[0]);
  if (options_.both_ways) Read(ends_[0]);
  now_ += kTurn;
}

// At most a batch of frames from one stack to the other.
void Bulk::Move(End& from, End& to) {
  std::array<Bytes, kBatch> frames;
  size_t count = 0;
  while (count < kBatch) {
    const MutableBytes slot{slots_.data() + count * kSlotBytes, kSlotBytes};
    const size_t size = from.stack->Transmit(slot, now_);
    if (size == 0) break;
    frames[count++] = slot.first(size);
  }
  frames_ += count;
  to.stack->Receive(std::span(frames).first(count), now_);
  std::array<Event, 16> events;
  while (to.stack->PollEvents(events) != 0) {
  }
}

void Bulk::Write(End& end) {
  size_t space = end.stack->WriteSpace(end.id);
  while (space > 0) {
    const Bytes rest = Bytes(payload_).subspan(end.bytes_written % kPayloadBytes);
    const size_t written = end.stack->Write(end.id, rest.first(std::min(rest.size(), space)));
    if (written == 0) break;
    end.bytes_written += written;
    space -= written;
  }
}

void Bulk::Read(End& end) {
  while (true) {
    Bytes bytes = end.stack->Peek(end.id);
    if (bytes.empty()) break;
    const size_t at = end.bytes_read % kPayloadBytes;
    bytes = bytes.first(std::min(bytes.size(), kPayloadBytes - at));
    if (options_.check &&
        !std::equal(bytes.begin(), bytes.end(), payload_.begin() + static_cast<long>(at)))
      end.is_wrong = true;
    end.bytes_read += bytes.size();
    end.stack->Consume(end.id, bytes.size());
  }
}

std::string Bulk::Wrong() const {
  for (const End& end : ends_) {
    if (end.is_wrong) return "another text came out";
    if (end.stack->counters().TotalDrops() != 0) return "frames were dropped";
    if (end.stack->counters().tcp_retransmissions != 0) return "segments were sent again";
  }
  if (ends_[0].bytes_written < ends_[1].bytes_read || ends_[1].bytes_written < ends_[0].bytes_read)
    return "more was read than written";
  return {};
}

}  // namespace aether::bench
