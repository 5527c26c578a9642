#include "fuzz/stateful/world.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/observer.h"
#include "stack/testing/plain_loops.h"

namespace aether::fuzz {
namespace {

// P7: frames without data for each frame that arrives and each call, and frames with data: what one
// acknowledgement, one write or one large datagram may set free.
constexpr uint64_t kControlPerInputMax = 4;
constexpr uint64_t kDataPerInputMax = 72;
// Timestamps and the blocks of a SACK take their room from the text.
constexpr uint64_t kTcpOptionBytesMax = 40;
// On links so small that options leave hardly any.
constexpr uint64_t kTextBytesMin = 8;
// Without any input: at once, and per second, for each connection and once more.
constexpr uint64_t kQuietBurstMax = 24;
constexpr uint64_t kQuietPerSecondMax = 12;
// A timeout without congestion control sends a window again.
constexpr uint64_t kQuietWindowMax = 72;
constexpr uint64_t kQuietPiecesMax = 16;
// P8: rounds of events, calls and frames in one step; times in a row that a deadline may be due
// after it was acted on; wakes for nothing.
constexpr int kRoundsMax = 4096;
constexpr int kOverdueMax = 8;
constexpr uint64_t kIdleWakesBurstMax = 256;
constexpr uint64_t kIdleWakesPerSecondMax = 64;
// One call of Advance stops after so many deadlines: 36 years have a lot of keepalives.
constexpr int kDeadlinesMax = 400;
// P5: longer than every timeout of the configuration.
constexpr Duration kSilence = std::chrono::hours(3);
constexpr int kSilenceDeadlinesMax = 4000;
// What goes into the trace of a frame: all headers.
constexpr size_t kTraceBytesMax = 96;

bool IsData(const testing::NaiveFrame& frame) {
  if (frame.tcp) return !frame.tcp->payload.empty();
  return frame.ip.has_value();
}

AETHER_PLAIN_LOOP uint64_t FatesOf(const Counters& counters) {
  uint64_t fates = counters.delivered;
  const uint64_t* const drops = counters.drops.data();
  for (size_t i = 0; i < kDropCount; ++i) fates += drops[i];
  return fates;
}

}  // namespace

Config SmallConfig() {
  Config config;
  config.mac = kStackMac;
  config.seed = {0x0123456789abcdefu, 0xfedcba9876543210u};
  config.net.neighbors_max = 8;
  config.net.arp_queue_per_neighbor_max = 4;
  config.net.arp_queue_max = 8;
  config.net.multicast_groups_max = 2;
  config.net.output_frames_max = 16;
  config.net.output_fragments_max = 8;
  config.net.output_datagram_bytes_max = 8192;
  config.net.identifications_max = 64;
  config.net.reassembly_datagrams_max = 4;
  config.net.reassembly_fragments_per_datagram_max = 16;
  config.net.reassembly_bytes_max = 16384;
  config.net.reassembly_datagram_bytes_max = 4096;
  config.udp.sockets_max = 4;
  config.udp.queued_datagrams_max = 4;
  config.udp.datagrams_max = 6;
  config.udp.large_datagrams_max = 1;
  config.tcp.connections_max = 12;
  config.tcp.time_wait_max = 8;
  config.tcp.listeners_max = 4;
  config.tcp.accept_queue_max = 4;
  config.tcp.half_open_max = 4;
  config.tcp.replies_max = 16;
  config.tcp.receive_buffer_bytes = 4096;
  config.tcp.receive_buffer_max_bytes = 16384;
  config.tcp.send_buffer_bytes = 4096;
  config.tcp.send_buffer_max_bytes = 16384;
  config.tcp.receive_scale = 2;
  config.tcp.held_ranges_max = 16;
  config.tcp.flight_segments_max = 64;
  config.tcp.port_tries_max = 16;
  config.buffers = {
      .chunks_max = 24, .send_items_max = 64, .sent_segments_max = 128, .held_ranges_max = 32};
  return config;
}

World::World(const Config& config, int host, Instant start)
    : config_(config),
      host_(host),
      now_(start),
      end_of_time_(start + std::chrono::years(100)),
      quiet_since_(start) {
  const ArenaScope scope;
  stack_.emplace(config_, start);
  out_.resize(stack_->frame_size_max());
  FillWithNonce(out_);
}

World::~World() = default;

void World::Note(std::string_view text) const {
  if (CurrentObserver() != nullptr) CurrentObserver()->OnNote(text, now_);
}

void World::ObserveFrame(bool in, Bytes frame) const {
  if (CurrentObserver() != nullptr) CurrentObserver()->OnFrame(host_, in, frame, now_);
}

void World::Deliver(Bytes frame) {
  ObserveFrame(true, frame);
  const ExactCopy copy(frame);
  const Bytes bytes = copy.bytes();
  Step(std::span<const Bytes>(&bytes, 1), 0);
}

void World::Deliver(std::span<const Bytes> frames) {
  if (frames.size() == 1) return Deliver(frames[0]);
  std::vector<ExactCopy> copies;
  copies.reserve(frames.size());
  std::vector<Bytes> batch;
  batch.reserve(frames.size());
  for (const Bytes frame : frames) {
    ObserveFrame(true, frame);
    batch.push_back(copies.emplace_back(frame).bytes());
  }
  Step(batch, 0);
}

void World::DeliverDamaged(Bytes frame, size_t from, size_t bit) {
  // Behind an IP packet there may be padding, which nothing guards.
  size_t end = frame.size();
  if (frame.size() >= 34 && frame[12] == 8 && frame[13] == 0) {
    end = std::min<size_t>(end, 14u + frame[16] * 256u + frame[17]);
  }
  if (end <= from) return;
  ExactCopy copy(frame);
  bit %= (end - from) * 8;
  copy.writable()[from + bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  // [RFC 768] a checksum of zero says that there is none.
  const bool is_udp = frame.size() >= 42 && frame[23] == 17 && frame[14] == 0x45;
  if (is_udp && copy.bytes()[40] == 0 && copy.bytes()[41] == 0) return;
  ObserveFrame(true, copy.bytes());
  const Counters before = stack_->counters();
  const MemoryUse held = stack_->memory_in_use();
  const Instant deadline = stack_->NextDeadline();
  const uint64_t sent = frames_out_;
  const Bytes batch = copy.bytes();
  Step(std::span<const Bytes>(&batch, 1), 0);
  const Counters& after = stack_->counters();
  FUZZ_CHECK(P13, after.TotalDrops() == before.TotalDrops() + 1);
  FUZZ_CHECK(P13, after.delivered == before.delivered);
  FUZZ_CHECK(P13, stack_->memory_in_use() == held);
  FUZZ_CHECK(P13, stack_->NextDeadline() == deadline);
  FUZZ_CHECK(P13, frames_out_ == sent);
}

void World::Settle(uint64_t calls) { Step({}, calls); }

void World::Advance(Duration by) {
  const Instant target = std::min(now_ + by, end_of_time_);
  for (int i = 0; i < kDeadlinesMax && now_ < target; ++i) {
    now_ = std::clamp(stack_->NextDeadline(), now_, target);
    Step({}, 0);
  }
}

bool World::AdvanceToDeadline(Duration most) {
  const Instant end = std::min(now_ + most, end_of_time_);
  for (int i = 0; i < kOverdueMax; ++i) {
    const Instant deadline = stack_->NextDeadline();
    if (deadline == kNever || deadline > end) return i > 0;
    now_ = std::max(now_, deadline);
    Step({}, 0);
    if (!woke_for_nothing_) break;
  }
  return true;
}

void World::Step(std::span<const Bytes> frames, uint64_t calls) {
  Count count{.inputs = frames.size() + calls, .is_timed = frames.empty() && calls == 0};
  for (const Bytes frame : frames) {
    if (frame.size() > 13 && frame[12] == 8 && frame[13] == 6) ++count.arp_in;
  }
  count.is_due = stack_->NextDeadline() <= now_;
  if (!frames.empty() || calls == 0) {
    const uint64_t frames_before = stack_->counters().frames_in;
    const uint64_t fates_before = FatesOf(stack_->counters());
    stack_->Receive(frames, now_);
    // Each frame is accounted for once.
    FUZZ_CHECK(P4, stack_->counters().frames_in - frames_before == frames.size());
    FUZZ_CHECK(P4, FatesOf(stack_->counters()) - fates_before == frames.size());
  }
  const bool was_blocked = blocked_calls_ > 0;
  Rest(count);
  if (was_blocked || withheld_inputs_ > 0) {
    withheld_inputs_ += count.inputs + 1;
    withheld_arp_ += count.arp_in;
    // What waited for the device may come now, and what timers had to say meanwhile.
    count.inputs = withheld_inputs_ + stack_->connection_count() + config_.tcp.replies_max;
    count.arp_in = withheld_arp_;
    if (!was_blocked) withheld_inputs_ = withheld_arp_ = 0;
  }
  MemoryUse use = stack_->memory_in_use();
  CheckReaction(count, use);
  // P8: what was due was acted on. A device that takes nothing leaves its frames where they are.
  for (int i = 0; blocked_calls_ == 0 && stack_->NextDeadline() <= now_; ++i) {
    FUZZ_CHECK(P8, i < kOverdueMax);
    stack_->Receive({}, now_);
    Rest(count);
    use = stack_->memory_in_use();
  }
  stack_->CheckInvariants();
  CheckLimits(use);
  // P11: a clock of milliseconds has a wake more where it wraps, which is nobody's deadline.
  woke_for_nothing_ =
      count.is_timed && count.events + count.data_out + count.control_out == 0 && use == use_;
  use_ = use;
  if (!woke_for_nothing_) ++steps_;
  OnRest();
}

void World::Rest(Count& count) {
  std::array<Event, 8> events;
  for (int round = 0;; ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    const size_t n = stack_->PollEvents(events);
    for (size_t i = 0; i < n; ++i) {
      CurrentTrace().Add(static_cast<uint64_t>(events[i].kind) << 32 | events[i].mask);
      ++count.events;
      ++count.inputs;
      OnEvent(events[i]);
    }
    const bool sent = TransmitOne(count);
    if (!arp_answers_.empty()) {
      std::vector<std::array<uint8_t, 42>> answers;
      answers.swap(arp_answers_);
      for (const auto& answer : answers) {
        ObserveFrame(true, answer);
        const Bytes frame(answer);
        ++count.inputs;
        ++count.arp_in;
        stack_->Receive(std::span<const Bytes>(&frame, 1), now_);
      }
      continue;
    }
    if (n == 0 && !sent) break;
  }
}

bool World::TransmitOne(Count& count) {
  if (blocked_calls_ > 0) {
    --blocked_calls_;
    return false;
  }
  const size_t size = stack_->Transmit(out_, now_);
  FUZZ_CHECK(P12, size <= out_.size());
  if (size == 0) return false;
  OnFrame(Bytes(out_).first(size), count);
  // P6: what the stack does not write shows.
  FillWithNonce(MutableBytes(out_).first(size));
  return true;
}

void World::OnFrame(Bytes frame, Count& count) {
  ++frames_out_;
  ObserveFrame(false, frame);
  CurrentTrace().Add(frame.size());
  CurrentTrace().Add(frame.first(std::min(frame.size(), kTraceBytesMax)));
  FUZZ_CHECK(P6, !HoldsNonce(frame));
  const auto parsed = testing::NaiveParse(frame);
  if (!parsed) Note(parsed.error());
  FUZZ_CHECK(P12, parsed.has_value());
  FUZZ_CHECK(P12, parsed->source == config_.mac.octets);
  // IP006: nothing is ever sent to ourselves.
  FUZZ_CHECK(P12, parsed->destination != config_.mac.octets);
  ++(IsData(*parsed) ? count.data_out : count.control_out);
  if (parsed->arp && parsed->arp->operation == 1) AnswerArp(*parsed->arp);
  OnSent(*parsed, frame);
}

void World::AnswerArp(const testing::NaiveArp& request) {
  // Not announcements.
  if (!answers_arp_ || request.target_ip == request.sender_ip || request.sender_ip == 0) return;
  std::array<uint8_t, 42> answer{};
  const auto put = [&answer](size_t at, const auto& bytes) {
    std::ranges::copy(bytes, answer.begin() + static_cast<ptrdiff_t>(at));
  };
  const auto put_address = [&answer](size_t at, uint32_t address) {
    for (size_t i = 0; i < 4; ++i) answer[at + i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  };
  put(0, request.sender_mac);
  put(6, kPeerMac.octets);
  put(12, std::array<uint8_t, 10>{8, 6, 0, 1, 8, 0, 6, 4, 0, 2});
  put(22, kPeerMac.octets);
  put_address(28, request.target_ip);
  put(32, request.sender_mac);
  put_address(38, request.sender_ip);
  arp_answers_.push_back(answer);
}

void World::CheckReaction(const Count& count, const MemoryUse& use) {
  const uint64_t connections = stack_->connection_count();
  if (count.inputs > 0) {
    // Fragments: as many as the largest datagram needs, at least.
    const uint64_t fragments = 65535 / ((config_.mtu - 20u) / 8 * 8) + 1;
    const uint64_t waiting_max = connections + config_.net.arp_queue_max + 64 +
                                 std::max<uint64_t>(config_.net.output_fragments_max, fragments);
    // Beside the reaction to an event, timers of all connections may be due at the same time.
    const uint64_t arp_and_timers = count.arp_in * waiting_max + (count.is_timed ? connections : 0);
    FUZZ_CHECK(P7, count.control_out <= count.inputs * kControlPerInputMax + arp_and_timers);
    // One acknowledgement or write may set free all that is queued, in the smallest segments.
    const uint64_t mss_min = std::min<uint64_t>(config_.tcp.mss_min, config_.mtu - 40u);
    const uint64_t text_bytes_min =
        mss_min > kTcpOptionBytesMax + kTextBytesMin ? mss_min - kTcpOptionBytesMax : kTextBytesMin;
    const uint64_t segments_max =
        kDataPerInputMax + config_.tcp.send_buffer_max_bytes / text_bytes_min;
    FUZZ_CHECK(P7, count.data_out <= count.inputs * segments_max + arp_and_timers);
    quiet_since_ = now_;
    quiet_frames_ = idle_wakes_ = 0;
    quiet_sources_ = connections + 1;
    quiet_pieces_ = use.sent_segments;
    return;
  }
  const uint64_t seconds = static_cast<uint64_t>((now_ - quiet_since_) / std::chrono::seconds(1));
  // A connection that ended since has sent its share.
  quiet_sources_ = std::max(quiet_sources_, connections + 1);
  const uint64_t sources = quiet_sources_;
  // So does one of a flight that lies in many pieces: blocks of a SACK that was taken back cut it.
  quiet_pieces_ = std::max<uint64_t>(quiet_pieces_, use.sent_segments);
  const bool controlled = config_.profile.congestion != tcp::CongestionAlgorithm::kNone &&
                          quiet_pieces_ < kQuietPiecesMax;
  quiet_frames_ += count.data_out + count.control_out;
  // Timeouts, each twice as late as the last one: at 0.2, 0.6, 1.4, 3 seconds and so on.
  const uint64_t timeouts = 2 + static_cast<uint64_t>(std::bit_width(seconds));
  const uint64_t burst = kQuietBurstMax + (controlled ? 0 : kQuietWindowMax * timeouts);
  FUZZ_CHECK(P7, quiet_frames_ <= sources * (burst + kQuietPerSecondMax * seconds));
  if (!count.is_due || count.data_out + count.control_out > 0) return;
  ++idle_wakes_;
  FUZZ_CHECK(P8, idle_wakes_ <= sources * (kIdleWakesBurstMax + kIdleWakesPerSecondMax * seconds));
}

void World::CheckLimits(const MemoryUse& use) const {
  FUZZ_CHECK(P4, use.connections <= config_.tcp.connections_max);
  FUZZ_CHECK(P4, use.half_open <= config_.tcp.connections_max);
  FUZZ_CHECK(P4, use.time_wait_records <= config_.tcp.time_wait_max);
  FUZZ_CHECK(P4, use.tcp_replies <= config_.tcp.replies_max);
  FUZZ_CHECK(P4, use.chunks <= config_.buffers.chunks_max);
  FUZZ_CHECK(P4, use.send_items <= config_.buffers.send_items_max);
  FUZZ_CHECK(P4, use.sent_segments <= config_.buffers.sent_segments_max);
  FUZZ_CHECK(P4, use.held_ranges <= config_.buffers.held_ranges_max);
  FUZZ_CHECK(P4, use.held_ranges <= uint64_t{config_.tcp.held_ranges_max} * use.connections);
  FUZZ_CHECK(P4, use.neighbors <= config_.net.neighbors_max);
  FUZZ_CHECK(P4, use.fragmented_datagrams <= config_.net.reassembly_datagrams_max);
  FUZZ_CHECK(P4, use.udp_datagrams <= config_.udp.datagrams_max);
  FUZZ_CHECK(P4, use.large_udp_datagrams <= config_.udp.large_datagrams_max);
}

void World::CheckNeutral() {
  blocked_calls_ = 0;
  Settle();
  // The last connection may have been opened just now, and its timers run one after another.
  const Instant end = now_ + kSilence;
  for (int i = 0; now_ < end; ++i) {
    FUZZ_CHECK(P8, i < kSilenceDeadlinesMax);
    now_ = std::clamp(stack_->NextDeadline(), now_, end);
    Step({}, 0);
    if (stack_->NextDeadline() == kNever) now_ = end;
  }
  Step({}, 0);
  const MemoryUse use = stack_->memory_in_use();
#define AETHER_NOTE_USE(member, text) \
  if (use.member != 0) Note("still held: " + std::to_string(use.member) + " " text);
  AETHER_MEMORY_USE(AETHER_NOTE_USE)
#undef AETHER_NOTE_USE
  FUZZ_CHECK(P5, use == MemoryUse{});
}

}  // namespace aether::fuzz
