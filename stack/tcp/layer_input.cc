// Segment arrival: to a connection, a TIME-WAIT record, a listener, or nobody.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/isn.h"
#include "stack/tcp/layer.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {
namespace {

// [RFC 9293 3.7.1 MUST-15] a SYN without the option means 536.
constexpr uint16_t kMssDefault = 536;

}  // namespace

Drop Layer::Receive(const Segment& segment, Instant now) {
  ++counters_.tcp_segments_in;
  // Port 0 is nobody's (RFC 6335 section 6).
  if (segment.flow.remote_port == 0 || segment.flow.local_port == 0) return Drop::kTcpBadPort;
  const uint32_t value = FindFlow(segment.flow, segment.hash);
  if (value != kNoIndex) {
    return (value & Demux::kTimeWaitBit) != 0
               ? ReceiveForTimeWait(value & ~Demux::kTimeWaitBit, segment, now)
               : ReceiveForConnection(value, segment, now);
  }
  const uint8_t entry = listener_of_port_[segment.flow.local_port];
  if (entry != 0) return ReceiveForListener(static_cast<uint8_t>(entry - 1), segment, now);
  ReplyReset(segment);
  return Drop::kTcpPortClosed;
}

// [RFC 9293 3.10.7.1] the reset takes its number from the segment that it answers, and never
// answers a reset.
void Layer::ReplyReset(const Segment& segment) {
  if (segment.Has(tcp_flags::kRst)) return;
  Reply reply{.flow = segment.flow,
              .seq = {},
              .ack = {},
              .flags = tcp_flags::kRst,
              .window = 0,
              .mss_bytes = 0};
  if (segment.Has(tcp_flags::kAck)) {
    reply.seq = segment.ack;
  } else {
    reply.flags |= tcp_flags::kAck;
    reply.ack = segment.seq + segment.Length();
  }
  if (replies_.IsFull()) return;
  replies_.Push(reply);
  ++counters_.tcp_rsts_out;
}

Drop Layer::ReceiveForConnection(uint32_t index, const Segment& segment, Instant now) {
  Connection& connection = connections_[index];
  if (!segment.options.empty()) [[unlikely]] {
    // None of the options that may follow a SYN was offered; malformed ones are no reason to harm
    // the connection.
    if (!TcpOptions::Parse(segment.options)) return Drop::kTcpBadOptions;
  }
  const State before = connection.state();
  if (before == State::kSynReceived && segment.Has(tcp_flags::kAck) &&
      !segment.Has(tcp_flags::kRst) &&
      listeners_[connection.listener].waiting >= listeners_[connection.listener].backlog) {
    // The handshake can finish only when there is room; the peer will repeat itself.
    return Drop::kTcpAcceptQueueFull;
  }
  const Arrival arrival = connection.OnSegment(segment, buffers_, limits_, counters_);
  Apply(index, segment, arrival, before, now);
  return arrival.drop;
}

void Layer::Apply(uint32_t index, const Segment& segment, const Arrival& arrival, State before,
                  Instant now) {
  Connection& connection = connections_[index];
  if (before == State::kSynReceived && connection.state() != State::kSynReceived) Establish(index);
  if (arrival.reset_reply) ReplyReset(segment);
  if (arrival.challenge && connection.MayChallenge(now)) {
    ++counters_.tcp_challenge_acks;
    connection.Set(Connection::kAckNow);
  }
  AddEvents(index, arrival.events);
  if (arrival.end == Arrival::End::kTimeWait) {
    EnterTimeWait(index, now);
    return;
  }
  if (arrival.end == Arrival::End::kClosed) {
    if ((arrival.events & tcp_event::kReset) != 0) {
      ++counters_.tcp_rsts_in;
      connection.rcv_.queue.Clear(buffers_.chunks);
    }
    EndConnection(index);
    return;
  }
  // States that wait for the peer have their time counted from the last progress.
  if (connection.state() != before ||
      (arrival.progress && connection.Has(Connection::kFinQueued))) {
    SetTimer(index, now);
  }
  if (connection.Plan()) QueueOutput(index);
}

// A connection that has just left SYN-RECEIVED, or came from a cookie: it waits for Accept.
void Layer::Establish(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kHalfOpen)) {
    connection.Unset(Connection::kHalfOpen);
    --half_open_;
  }
  ++counters_.tcp_accepted;
  Listener& listener = listeners_[connection.listener];
  connection.Set(Connection::kInAcceptQueue);
  connection.next_accept = kNoIndex;
  (listener.newest == kNoIndex ? listener.oldest : connections_[listener.newest].next_accept) =
      index;
  listener.newest = index;
  ++listener.waiting;
  acceptable_ |= uint64_t{1} << connection.listener;
}

// [RFC 9293 3.10.7.2] LISTEN: first a reset, then an ACK, then a SYN, then anything else.
Drop Layer::ReceiveForListener(uint8_t listener, const Segment& segment, Instant now) {
  if (segment.Has(tcp_flags::kRst)) return Drop::kTcpListenerRst;
  if (segment.Has(tcp_flags::kAck)) {
    if (segment.Has(tcp_flags::kSyn)) {
      ReplyReset(segment);
      return Drop::kTcpBadFlags;
    }
    return ReceiveCookieAck(listener, segment, now);
  }
  if (segment.Has(tcp_flags::kSyn)) {
    if (segment.Has(tcp_flags::kFin)) return Drop::kTcpBadFlags;
    return ReceiveSyn(listener, segment, now);
  }
  // [RFC 9293 3.10.7.2] fourth: neither SYN, ACK nor RST: dropped.
  return Drop::kTcpListenerJunk;
}

Drop Layer::ReceiveSyn(uint8_t listener, const Segment& segment, Instant now) {
  const std::expected<TcpOptions, Drop> options = TcpOptions::Parse(segment.options);
  if (!options) return options.error();
  const uint16_t mss_bytes = std::min(options->mss.value_or(kMssDefault), mss_max_bytes_);
  if (config_.profile.syn_cookies) {
    if (replies_.IsFull()) return Drop::kTcpReplyQueueFull;
    ++counters_.tcp_cookies_sent;
    // [RFC 9293 3.7.1 MUST-14] our own MSS is offered with every SYN-ACK.
    replies_.Push({.flow = segment.flow,
                   .seq = cookies_.Make(segment.flow, segment.seq, mss_bytes, now),
                   .ack = segment.seq + 1,
                   .flags = tcp_flags::kSyn | tcp_flags::kAck,
                   .window = limits_.receive_buffer_bytes,
                   .mss_bytes = mss_max_bytes_});
    return Drop::kNone;
  }
  if (half_open_ >= limits_.half_open_max) return Drop::kTcpHalfOpenFull;
  const uint32_t index = CreateConnection(segment, segment.seq, mss_bytes, listener);
  if (index == kNoIndex) return Drop::kTcpNoConnection;
  Connection& connection = connections_[index];
  const Seq iss = InitialSequence(isn_key_, segment.flow, now);
  connection.SetState(State::kSynReceived);
  connection.snd_.Start(iss, segment.window, segment.seq, iss);
  connection.Set(Connection::kSynAckDue);
  connection.Set(Connection::kHalfOpen);
  ++half_open_;
  SetTimer(index, now);
  QueueOutput(index);
  return Drop::kNone;
}

// The third segment of a handshake whose state is in its acknowledgement number, or a stranger.
Drop Layer::ReceiveCookieAck(uint8_t listener, const Segment& segment, Instant now) {
  std::optional<uint16_t> mss_bytes;
  if (config_.profile.syn_cookies)
    mss_bytes = cookies_.Check(segment.flow, segment.seq - 1, segment.ack - 1, now);
  if (!mss_bytes) {
    // [RFC 9293 3.10.7.2] any acknowledgement is bad in LISTEN; it is answered with a reset.
    ReplyReset(segment);
    return Drop::kTcpBadCookie;
  }
  if (!segment.options.empty() && !TcpOptions::Parse(segment.options)) return Drop::kTcpBadOptions;
  if (listeners_[listener].waiting >= listeners_[listener].backlog)
    return Drop::kTcpAcceptQueueFull;
  const uint32_t index = CreateConnection(segment, segment.seq - 1, *mss_bytes, listener);
  if (index == kNoIndex) return Drop::kTcpNoConnection;
  ++counters_.tcp_cookies_accepted;
  Connection& connection = connections_[index];
  connection.SetState(State::kEstablished);
  connection.snd_.Start(segment.ack, segment.window, segment.seq, segment.ack);
  Establish(index);
  // The rest of the segment is that of an open connection.
  const Arrival arrival = connection.OnSegment(segment, buffers_, limits_, counters_);
  Apply(index, segment, arrival, State::kEstablished, now);
  return arrival.drop;
}

// Two ends that lost step must not acknowledge each other for ever.
bool Layer::MayAnswerFromTimeWait(uint32_t hash, Instant now) {
  constexpr uint16_t kAnswersPerSecond = 10;
  AnswerBucket& bucket = time_wait_answers_[hash % time_wait_answers_.size()];
  const uint16_t second = static_cast<uint16_t>(now.time_since_epoch() / std::chrono::seconds(1));
  if (second != bucket.second) bucket = {second, 0};
  if (bucket.answers >= kAnswersPerSecond) return false;
  ++bucket.answers;
  return true;
}

// [RFC 9293 3.10.7.4] TIME-WAIT: nothing is expected any more but the peer's FIN again, or a new
// connection.
Drop Layer::ReceiveForTimeWait(uint32_t index, const Segment& segment, Instant now) {
  TimeWaitRecord& record = time_wait_[index];
  const uint32_t window_bytes = limits_.receive_buffer_bytes;
  if (segment.Has(tcp_flags::kRst)) {
    // [RFC 5961 3.2] only at exactly RCV.NXT.
    if (segment.seq != record.rcv_nxt) return Drop::kTcpBadRst;
    RemoveTimeWait(index);
    ++counters_.tcp_rsts_in;
    return Drop::kNone;
  }
  const uint8_t entry = listener_of_port_[segment.flow.local_port];
  if (segment.Has(tcp_flags::kSyn) && !segment.Has(tcp_flags::kAck) && entry != 0 &&
      segment.seq.After(record.rcv_nxt)) {
    // [RFC 9293 3.6.1 MAY-2] [RFC 6191] a SYN beyond all that was received opens the connection
    // anew.
    RemoveTimeWait(index);
    ++counters_.tcp_time_wait_reused;
    return ReceiveForListener(static_cast<uint8_t>(entry - 1), segment, now);
  }
  const uint32_t length = segment.Length();
  const bool is_acceptable =
      segment.seq.InWindow(record.rcv_nxt, window_bytes) ||
      (length > 0 && (segment.seq + (length - 1)).InWindow(record.rcv_nxt, window_bytes));
  if (length == 0 && (is_acceptable || !MayAnswerFromTimeWait(segment.hash, now))) {
    return Drop::kTcpTimeWait;
  }
  // [RFC 9293 3.10.7.4] eighth: a repeated FIN starts 2 MSL anew.
  if (segment.Has(tcp_flags::kFin)) time_wait_.Restart(index, now);
  PushReply({.flow = record.flow,
             .seq = record.snd_nxt,
             .ack = record.rcv_nxt,
             .flags = tcp_flags::kAck,
             .window = limits_.receive_buffer_bytes,
             .mss_bytes = 0});
  return Drop::kTcpTimeWait;
}

}  // namespace aether::tcp
