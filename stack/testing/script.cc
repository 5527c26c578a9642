#include "stack/testing/script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "stack/base/siphash.h"
#include "stack/base/timer_wheel.h"
#include "stack/device/describe.h"

namespace aether::testing {
namespace {

constexpr size_t kHistoryMax = 16;
// A step that has not come to rest after this many frames never will.
constexpr int kFramesPerStepMax = 100'000;
// A deadline in the past may be early, but it must move.
constexpr int kIdleWakeupsMax = 8;

}  // namespace

Config ScriptConfig() {
  Config config;
  config.mac = kOurMac;
  config.seed = Seed{0x0123456789abcdef, 0xfedcba9876543210};
  config.announce = false;
  // Small, so that a script starts in no time.
  config.tcp.connections_max = 256;
  config.tcp.time_wait_max = 256;
  config.tcp.replies_max = 256;
  config.net.neighbors_max = 64;
  config.buffers.chunks_max = 1024;
  config.buffers.send_items_max = 1024;
  // Scripts spell out every frame: the profile without timers of its own, unless a test asks for
  // more.
  config.profile = tcp::kClassic;
  config.net.reassembly_datagrams_max = 0;
  return config;
}

Config FullConfig() {
  Config config = ScriptConfig();
  config.profile = tcp::kFull;
  config.buffers.sent_segments_max = 4096;
  config.buffers.held_ranges_max = 1024;
  return config;
}

ScriptOptions FullOptions() { return {.config = FullConfig()}; }

Config ScriptConfigWithoutCookies() {
  Config config = ScriptConfig();
  config.profile.syn_cookies = tcp::SynCookies::kNever;
  return config;
}

std::string TestName(tcp::State state) {
  std::string name(tcp::StateName(state));
  std::erase(name, '-');
  return name;
}

Script::Script(const ScriptOptions& options)
    : options_(options), stack_(std::make_unique<Stack>(options.config, now_)) {
  buffer_.resize(stack_->frame_size_max());
  AddPeer(options.peer);
  if (options.address) stack_->SetAddress(*options.address, options.gateway);
  if (options.listen_port != 0) {
    const auto listener = stack_->TcpListen(options.listen_port, {.backlog = options.backlog});
    EXPECT_TRUE(listener.has_value());
    if (listener) listener_ = *listener;
  }
  Step();
}

Script::~Script() = default;

void Script::Send(const Frame& frame) { Send(std::span(&frame, 1)); }

void Script::Send(std::span<const Frame> batch) {
  ReceiveBatch(batch);
  Pump(Where::current());
}

void Script::Send(Duration at, const Frame& frame) {
  AdvanceTo(at);
  Send(frame);
}

void Script::SendDropped(const Frame& frame, Drop reason, Where where) {
  const Counters before = counters();
  Send(frame);
  std::string others;
  for (size_t i = 0; i < kDropCount; ++i) {
    const uint64_t count = counters().drops[i] - before.drops[i];
    if (count == (i == DropIndex(reason) ? 1 : 0)) continue;
    others += " " + std::string(kDropNames[i]) + " counted " + std::to_string(count) + ";";
  }
  if (others.empty()) return;
  Fail("expected the drop " + std::string(DropName(reason)) + ", but" + others + "\n  " +
           device::DescribeFrame(frame),
       where);
}

void Script::SendDelivered(const Frame& frame, Where where) {
  const Counters before = counters();
  Send(frame);
  // An answer to ARP may have been delivered on the way, too.
  if (counters().TotalDrops() == before.TotalDrops() && counters().delivered > before.delivered) {
    return;
  }
  std::string reasons;
  for (size_t i = 0; i < kDropCount; ++i) {
    if (counters().drops[i] != before.drops[i]) reasons += " " + std::string(kDropNames[i]);
  }
  Fail("expected delivery, but dropped with" + reasons + ":\n  " + device::DescribeFrame(frame),
       where);
}

NaiveFrame Script::Expect(const Matcher& matcher, Where where) {
  if (output_.empty()) {
    Fail("expected: " + matcher.text + "\ngot:      nothing", where);
    return {};
  }
  const Sent sent = std::move(output_.front());
  output_.pop_front();
  if (const std::string why = matcher.mismatch(sent.parsed, *this); !why.empty()) {
    Fail("expected: " + matcher.text + "\ngot:      " + Describe(sent) + "\nbecause: " + why,
         where);
  }
  return sent.parsed;
}

NaiveFrame Script::ExpectAt(Duration at, const Matcher& matcher, Where where) {
  if (!output_.empty()) {
    const Duration late = output_.front().at - (kStart + at);
    if (late < -TimerWheel::kTick || late > TimerWheel::kTick) {
      Fail("expected at " + std::to_string(at.count()) + " ns: " + matcher.text + "\ngot at " +
               std::to_string((output_.front().at - kStart).count()) +
               " ns: " + Describe(output_.front()),
           where);
    }
  }
  return Expect(matcher, where);
}

Duration Script::ExpectNext(Duration at, const Matcher& matcher, Where where) {
  ExpectNothing(where);
  while (output_.empty() && elapsed() < at + TimerWheel::kTick) {
    const Instant next = stack_->NextDeadline();
    AdvanceTo(std::clamp(next - kStart, elapsed() + Duration(1), at + TimerWheel::kTick), where);
  }
  const Duration sent = output_.empty() ? elapsed() : output_.front().at - kStart;
  ExpectAt(at, matcher, where);
  return sent;
}

void Script::ExpectNothing(Where where) {
  if (output_.empty()) return;
  std::string text;
  for (const Sent& sent : output_) text += "\n  " + Describe(sent);
  Fail("expected: nothing\ngot:" + text, where);
  output_.clear();
}

uint64_t Script::HashOutput() {
  uint64_t hash = 0;
  for (const Sent& sent : output_) {
    const uint64_t bytes = SipHash24Bytes(SipKey{}, sent.bytes);
    hash =
        SipHash24(SipKey{hash, bytes}, static_cast<uint64_t>(sent.at.time_since_epoch().count()));
  }
  output_.clear();
  return hash;
}

void Script::Advance(Duration by, Where where) { AdvanceTo(elapsed() + by, where); }

void Script::AdvanceTo(Duration at, Where where) {
  const Instant target = kStart + at;
  int idle_wakeups = 0;
  for (Instant next = stack_->NextDeadline(); next <= target; next = stack_->NextDeadline()) {
    if (next > now_) {
      now_ = next;
      idle_wakeups = 0;
    } else if (++idle_wakeups > kIdleWakeupsMax) {
      Fail("the deadline of the stack stands still in the past", where);
      break;
    }
    stack_->Receive({}, now_);
    Pump(where);
  }
  now_ = std::max(now_, target);
  stack_->Receive({}, now_);
  Pump(where);
}

ConnectionId Script::Connect(const ConnectOptions& options, Where where) {
  const TcpPeerSpec& spec = peer().spec();
  ConnectOptions with_port = options;
  with_port.local_port = spec.stack_port;
  const auto connection = stack_->TcpConnect({spec.address, spec.port}, with_port);
  if (!connection) {
    Fail("refused: " + std::string(ErrorText(connection.error())), where);
    return {};
  }
  connection_ = *connection;
  Step(where);
  return connection_;
}

ConnectionId Script::Accept(Where where) {
  const std::optional<ConnectionId> accepted = stack_->Accept(listener_);
  if (!accepted) {
    Fail("there is no connection to accept", where);
    return {};
  }
  connection_ = *accepted;
  Pump(where);
  return connection_;
}

std::string Script::Read() {
  std::string text;
  while (true) {
    const Bytes bytes = stack_->Peek(connection_);
    if (bytes.empty()) break;
    text.append(bytes.begin(), bytes.end());
    stack_->Consume(connection_, bytes.size());
  }
  Step();
  return text;
}

void Script::Write(std::string_view text, Where where) { Write(ToFrame(text), where); }

void Script::Write(const Frame& data, Where where) {
  const size_t taken = stack_->Write(connection_, data);
  if (taken != data.size()) {
    Fail(
        "the stack took " + std::to_string(taken) + " of " + std::to_string(data.size()) + " bytes",
        where);
  }
  Pump(where);
}

void Script::Shutdown() {
  stack_->Shutdown(connection_);
  Step();
}

void Script::Close() {
  stack_->Close(connection_);
  Step();
}

void Script::Abort() {
  stack_->Abort(connection_);
  Step();
}

tcp_event::Mask Script::TakeEvents() {
  tcp_event::Mask mask = 0;
  for (const Event& event : events_) {
    if (event.kind == Event::Kind::kConnection && event.connection == connection_) {
      mask = static_cast<tcp_event::Mask>(mask | event.mask);
    }
  }
  events_.clear();
  return mask;
}

void Script::ExpectState(tcp::State state, Where where) {
  const std::optional<tcp::Snapshot> snapshot = stack_->Inspect(connection_);
  const std::string got = snapshot ? std::string(StateName(snapshot->state)) : "no connection";
  if (snapshot && snapshot->state == state) return;
  Fail("expected the state " + std::string(StateName(state)) + ", got " + got, where);
}

void Script::Step(Where where) {
  stack_->Receive({}, now_);
  Pump(where);
}

TcpPeer& Script::AddPeer(const TcpPeerSpec& spec) {
  return *peers_.emplace_back(std::make_unique<TcpPeer>(*this, spec));
}

const TcpPeer* Script::FindPeer(const NaiveFrame& frame) const {
  if (!frame.tcp) return nullptr;
  for (const auto& peer : peers_) {
    const TcpPeerSpec& spec = peer->spec();
    if (frame.ip->destination == spec.address.value && frame.tcp->destination_port == spec.port &&
        frame.tcp->source_port == spec.stack_port) {
      return peer.get();
    }
  }
  return nullptr;
}

void Script::ReceiveBatch(std::span<const Frame> batch) {
  // Copies of the exact size, so that a read beyond the end of a frame is noticed.
  std::vector<std::unique_ptr<uint8_t[]>> copies;
  std::vector<Bytes> frames;
  for (const Frame& frame : batch) {
    Remember('<', frame);
    copies.push_back(std::make_unique<uint8_t[]>(frame.size()));
    std::copy(frame.begin(), frame.end(), copies.back().get());
    frames.emplace_back(copies.back().get(), frame.size());
  }
  stack_->Receive(frames, now_);
}

void Script::Pump(Where where) {
  for (int frames = 0;; ++frames) {
    if (frames > kFramesPerStepMax) {
      Fail("the stack does not stop sending", where);
      return;
    }
    std::fill(buffer_.begin(), buffer_.end(), uint8_t{0xa5});
    const size_t size = stack_->Transmit(buffer_, now_);
    if (size == 0) break;
    OnOutput(Frame(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size)), where);
  }
  PollEvents();
  stack_->CheckInvariants();
  CheckCounts(where);
}

void Script::OnOutput(const Frame& bytes, Where where) {
  // What was parsed lives as long as its frame does.
  const Frame& frame = sent_.emplace_back(bytes);
  Remember('>', frame);
  const auto parsed = NaiveParse(frame);
  if (!parsed) {
    Fail("the stack sent a bad frame: " + parsed.error() + "\n  " + device::DescribeFrame(frame),
         where);
    return;
  }
  if (parsed->source != kOurMac.octets) Fail("the stack sent from another link address", where);
  if (AnswerArp(*parsed)) return;
  if (parsed->tcp) {
    for (const auto& peer : peers_) {
      if (peer.get() == FindPeer(*parsed)) peer->OnOutput(*parsed->tcp);
    }
  }
  output_.push_back({now_, frame, *parsed});
}

bool Script::AnswerArp(const NaiveFrame& frame) {
  if (!options_.answer_arp || !frame.arp || frame.arp->operation != 1) return false;
  if (frame.arp->sender_ip == frame.arp->target_ip) return false;
  const Ipv4Address host{frame.arp->target_ip};
  const MacAddress mac = MacOf(host);
  const Frame reply = BuildArp({.ethernet = {.source = mac, .type = 0x0806},
                                .operation = 2,
                                .sender_mac = mac,
                                .sender_ip = host,
                                .target_mac = kOurMac,
                                .target_ip = {frame.arp->sender_ip}});
  ReceiveBatch(std::span(&reply, 1));
  return true;
}

void Script::PollEvents() {
  std::array<Event, 16> batch;
  while (const size_t count = stack_->PollEvents(batch)) {
    events_.insert(events_.end(), batch.begin(),
                   batch.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

void Script::Remember(char direction, const Frame& frame) {
  history_.push_back({now_, direction, frame});
  if (history_.size() > kHistoryMax) history_.pop_front();
}

void Script::CheckCounts(Where where) {
  const Counters& count = counters();
  if (count.frames_in == count.delivered + count.TotalDrops() &&
      count.drops[DropIndex(Drop::kNone)] == 0) {
    return;
  }
  Fail("of " + std::to_string(count.frames_in) + " frames, " + std::to_string(count.delivered) +
           " were delivered and " + std::to_string(count.TotalDrops()) + " dropped",
       where);
}

std::string Script::Describe(const Sent& sent) const {
  std::string text = device::DescribeFrame(sent.bytes);
  if (const TcpPeer* peer = FindPeer(sent.parsed)) {
    text += " (relative: seq " + std::to_string(peer->RelativeSeq(sent.parsed.tcp->sequence)) +
            " ack " + std::to_string(peer->RelativeAck(sent.parsed.tcp->acknowledgment)) + ")";
  }
  return text;
}

std::string Script::History() const {
  std::string text;
  for (const Passed& passed : history_) {
    text += "  " +
            device::TraceLine(Instant{} + (passed.at - kStart), passed.direction, passed.bytes) +
            "\n";
  }
  return text;
}

void Script::Fail(const std::string& message, Where where) const {
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
      << message << "\nlately (< to the stack, > from it):\n"
      << History();
}

}  // namespace aether::testing
