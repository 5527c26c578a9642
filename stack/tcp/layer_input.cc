// Segment arrival: to a connection, a TIME-WAIT record, a listener, or nobody.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/isn.h"
#include "stack/tcp/layer.h"
#include "stack/tcp/predicted.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {
namespace {

// What a SYN-ACK with a cookie cannot remember stands in the low six bits of its timestamp, which
// the peer echoes.
constexpr uint32_t kTsCookieBits = 0x3f;
constexpr uint32_t kTsCookieScaleMask = 0x0f;
constexpr uint32_t kTsCookieNoScale = 0x0f;
constexpr uint32_t kTsCookieSack = 0x10;
constexpr uint32_t kTsCookieEcn = 0x20;

// [RFC 9293 3.1 MUST-5] the options of a segment of an open connection. [RFC 7323 appendix A] most
// carry the timestamps in this very form.
bool ParsePlainOptions(Bytes bytes, SegmentOptions& options) {
  if (bytes.size() == 12 && LoadBe<uint32_t>(bytes.data()) == 0x0101080a) [[likely]] {
    options.has_timestamps = true;
    options.ts_value = LoadBe<uint32_t>(bytes.data() + 4);
    options.ts_echo = LoadBe<uint32_t>(bytes.data() + 8);
    return true;
  }
  return bytes.empty();
}

bool ParseOptions(Bytes bytes, SegmentOptions& options) {
  if (ParsePlainOptions(bytes, options)) return true;
  const std::expected<TcpOptions, Drop> parsed = TcpOptions::Parse(bytes);
  if (!parsed) return false;
  options.has_timestamps = parsed->timestamps.has_value();
  if (parsed->timestamps) {
    options.ts_value = parsed->timestamps->value;
    options.ts_echo = parsed->timestamps->echo_reply;
  }
  options.sack_count = static_cast<uint8_t>(parsed->sack_block_count);
  options.sack_blocks = parsed->sack_blocks;
  return true;
}

// [RFC 3168 6.1.1] a SYN that asks for ECN carries both flags.
bool AsksForEcn(const Segment& segment) {
  return segment.Has(tcp_flags::kEce) && segment.Has(tcp_flags::kCwr);
}

}  // namespace

Drop Layer::ReceivePlain(const Segment& segment, Instant now) {
  ++counters_.tcp_segments_in;
  // Port 0 is nobody's (RFC 6335 section 6).
  if (segment.flow.remote_port == 0 || segment.flow.local_port == 0) return Drop::kTcpBadPort;
  const uint32_t value = FindFlow(segment.flow, segment.hash);
  if ((value & Demux::kTimeWaitBit) == 0) [[likely]]
    return ReceiveForConnection(value, segment, now);
  return value == kNoIndex ? ReceiveForStranger(segment, now)
                           : ReceiveForTimeWait(value & ~Demux::kTimeWaitBit, segment, now);
}

Drop Layer::ReceiveForStranger(const Segment& segment, Instant now) {
  const uint8_t listener = listener_of_port_.Find(segment.flow.local_port);
  if (listener != PortTable::kNone) return ReceiveForListener(listener, segment, now);
  ReplyReset(segment);
  return Drop::kTcpPortClosed;
}

// A predicted segment changes no state and asks for nothing outside: of Apply, events and what
// follows are left.
inline Drop Layer::ReceiveForConnection(uint32_t index, const Segment& segment, Instant now) {
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  const Env env = MakeEnv(now);
  SegmentOptions options;
  if (!ParsePlainOptions(segment.options, options) ||
      !connection.IsPredicted(segment, options, control, env)) {
    return ReceiveUnpredicted(index, segment, now);
  }
  const Arrival arrival = connection.OnPredicted(segment, options, control, env);
  AddEvents(index, arrival.events);
  Settle(index, now);
  return arrival.drop;
}

// [RFC 9293 3.10.7.1] the reset takes its number from the segment that it answers, and never
// answers a reset.
void Layer::ReplyReset(const Segment& segment) {
  if (segment.Has(tcp_flags::kRst)) return;
  Reply reply{.flow = segment.flow, .seq = {}, .ack = {}, .flags = tcp_flags::kRst};
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

Drop Layer::ReceiveUnpredicted(uint32_t index, const Segment& segment, Instant now) {
  Connection& connection = connections_[index];
  const State before = connection.state();
  if (before == State::kSynSent) return ReceiveForSynSent(index, segment, now);
  SegmentOptions options;
  // [RFC 9293 3.1 MUST-7] malformed options are no reason to harm the connection.
  if (!ParseOptions(segment.options, options)) return Drop::kTcpBadOptions;
  if (before == State::kSynReceived && !connection.Has(Connection::kActive) &&
      segment.Has(tcp_flags::kAck) && !segment.Has(tcp_flags::kRst) &&
      listeners_[connection.listener].waiting >= listeners_[connection.listener].backlog) {
    // The handshake can finish only when there is room; the peer will repeat itself.
    return Drop::kTcpAcceptQueueFull;
  }
  const Arrival arrival = connection.OnSegment(segment, options, controls_[index], MakeEnv(now));
  Apply(index, &segment, arrival, before, now);
  return arrival.drop;
}

Drop Layer::ReceiveForSynSent(uint32_t index, const Segment& segment, Instant now) {
  const std::expected<TcpOptions, Drop> options = TcpOptions::Parse(segment.options);
  if (!options) return options.error();
  const Arrival arrival =
      connections_[index].OnSynSentSegment(segment, *options, controls_[index], MakeEnv(now));
  Apply(index, &segment, arrival, State::kSynSent, now);
  return arrival.drop;
}

// Does what a segment or (without `segment`) a timer asks for outside of the connection.
void Layer::Apply(uint32_t index, const Segment* segment, const Arrival& arrival, State before,
                  Instant now) {
  Connection& connection = connections_[index];
  if (before == State::kSynReceived && connection.state() != State::kSynReceived &&
      connection.state() != State::kClosed && arrival.end != Arrival::End::kClosed) {
    Establish(index);
  }
  if (arrival.reset_reply) ReplyReset(*segment);
  if (arrival.reset_peer) ResetPeer(connection);
  if (arrival.doubt) doubted_ = connection.flow.remote;
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
      ForgetReceived(connection);
    }
    EndConnection(index);
    return;
  }
  // States that wait for the peer have their time counted from the last progress.
  if (connection.state() != before ||
      (arrival.progress && connection.Has(Connection::kFinQueued))) {
    connection.ArmStateTimer(controls_[index], MakeEnv(now));
  }
  Settle(index, now);
}

// A connection that has just left SYN-RECEIVED, or came from a cookie: it waits for Accept.
void Layer::Establish(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kHalfOpen)) {
    connection.Unset(Connection::kHalfOpen);
    --half_open_;
  }
  if (connection.Has(Connection::kActive)) return;
  ++counters_.tcp_accepted;
  Listener& listener = listeners_[connection.listener];
  if (listener.has_options) Apply(listener.options, index);
  connection.Set(Connection::kInAcceptQueue);
  connection.next_queued = kNoIndex;
  (listener.newest == kNoIndex ? listener.oldest : connections_[listener.newest].next_queued) =
      index;
  listener.newest = index;
  ++listener.waiting;
  acceptable_ |= uint64_t{1} << connection.listener;
}

// [RFC 9293 3.10.7.2] LISTEN: first a reset, then an ACK, then a SYN, then anything else.
Drop Layer::ReceiveForListener(uint8_t listener, const Segment& segment, Instant now) {
  if (listeners_[listener].local && *listeners_[listener].local != segment.flow.local) {
    // [RFC 9293 3.9.1.1 MUST-43] it listens at another address: here the port is closed.
    ReplyReset(segment);
    return Drop::kTcpPortClosed;
  }
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
  const Profile& profile = config_.profile;
  const bool ecn = profile.ecn && AsksForEcn(segment);
  const bool pressed = half_open_ >= limits_.half_open_max;
  if (profile.syn_cookies == SynCookies::kAlways ||
      (profile.syn_cookies == SynCookies::kUnderPressure && pressed)) {
    if (replies_.IsFull()) return Drop::kTcpReplyQueueFull;
    ReplyCookie(segment, *options, ecn, listeners_[listener].options.dscp, now);
    return Drop::kNone;
  }
  if (pressed) return Drop::kTcpHalfOpenFull;
  const uint32_t index =
      CreateConnection(segment.flow, segment.hash, listener, listeners_[listener].owner);
  if (index == kNoIndex) return Drop::kTcpNoConnection;
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  const Env env = MakeEnv(now);
  connection.dscp = listeners_[listener].options.dscp & 0x3f;
  connection.rcv_.Start(segment.seq + 1, std::min<uint32_t>(limits_.receive_buffer_bytes, 0xffff));
  control.last_ack_sent = connection.rcv_.nxt;
  connection.Negotiate(*options, ecn, control, env);
  const Seq iss = InitialSequence(isn_key_, segment.flow, now);
  connection.SetState(State::kSynReceived);
  connection.snd_.Start(iss, segment.window, segment.seq, iss);
  connection.Set(Connection::kSynDue);
  connection.Set(Connection::kHalfOpen);
  ++half_open_;
  connection.ArmStateTimer(control, env);
  Reschedule(index);
  QueueOutput(index);
  return Drop::kNone;
}

// [RFC 4987 3.6] the whole answer to a SYN, nothing kept.
void Layer::ReplyCookie(const Segment& segment, const TcpOptions& options, bool ecn, uint8_t dscp,
                        Instant now) {
  const Profile& profile = config_.profile;
  const uint16_t mss_bytes = std::min(options.mss.value_or(536), mss_max_bytes_);
  ++counters_.tcp_cookies_sent;
  // [RFC 9293 3.7.1 MUST-14] our own MSS is offered with every SYN-ACK.
  Reply reply{.flow = segment.flow,
              .seq = cookies_.Make(segment.flow, segment.seq, mss_bytes, now),
              .ack = segment.seq + 1,
              .flags = tcp_flags::kSyn | tcp_flags::kAck};
  reply.window = static_cast<uint16_t>(std::min<uint32_t>(limits_.receive_buffer_bytes, 0xffff));
  reply.mss_bytes = mss_max_bytes_;
  reply.dscp = dscp & 0x3f;
  if (profile.timestamps && options.timestamps) {
    uint32_t kept = kTsCookieNoScale;
    if (profile.window_scaling && options.window_scale) {
      kept = *options.window_scale;
      reply.window_scale = limits_.receive_scale;
    }
    if (profile.sack && options.sack_permitted) {
      kept |= kTsCookieSack;
      reply.sack_permitted = true;
    }
    if (ecn) {
      kept |= kTsCookieEcn;
      reply.flags |= tcp_flags::kEce;
    }
    const uint32_t clock = MakeEnv(now).now_ms() + TimestampOffset(segment.flow);
    reply.has_timestamps = true;
    reply.ts_value = (clock & ~kTsCookieBits) | kept;
    // Never ahead of the clock: later timestamps must not seem older.
    if (static_cast<int32_t>(reply.ts_value - clock) > 0) reply.ts_value -= kTsCookieBits + 1;
    reply.ts_echo = options.timestamps->value;
  }
  replies_.Push(reply);
}

// The third segment of a handshake whose state is in its acknowledgement number, or a stranger.
Drop Layer::ReceiveCookieAck(uint8_t listener, const Segment& segment, Instant now) {
  std::optional<uint16_t> mss_bytes;
  if (config_.profile.syn_cookies != SynCookies::kNever) {
    mss_bytes = cookies_.Check(segment.flow, segment.seq - 1, segment.ack - 1, now);
  }
  if (!mss_bytes) {
    // [RFC 9293 3.10.7.2] any acknowledgement is bad in LISTEN; it is answered with a reset.
    ReplyReset(segment);
    return Drop::kTcpBadCookie;
  }
  SegmentOptions options;
  if (!ParseOptions(segment.options, options)) return Drop::kTcpBadOptions;
  if (listeners_[listener].waiting >= listeners_[listener].backlog)
    return Drop::kTcpAcceptQueueFull;
  const uint32_t index =
      CreateConnection(segment.flow, segment.hash, listener, listeners_[listener].owner);
  if (index == kNoIndex) return Drop::kTcpNoConnection;
  ++counters_.tcp_cookies_accepted;
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  const Env env = MakeEnv(now);
  TcpOptions offered;
  offered.mss = mss_bytes;
  bool ecn = false;
  if (config_.profile.timestamps && options.has_timestamps) {
    const uint32_t kept = options.ts_echo & kTsCookieBits;
    offered.timestamps = TcpTimestamps{options.ts_value, options.ts_echo};
    offered.sack_permitted = (kept & kTsCookieSack) != 0;
    if ((kept & kTsCookieScaleMask) != kTsCookieNoScale)
      offered.window_scale = static_cast<uint8_t>(kept & kTsCookieScaleMask);
    ecn = config_.profile.ecn && (kept & kTsCookieEcn) != 0;
  }
  connection.rcv_.Start(segment.seq, std::min<uint32_t>(limits_.receive_buffer_bytes, 0xffff));
  control.last_ack_sent = connection.rcv_.nxt;
  connection.Negotiate(offered, ecn, control, env);
  connection.snd_.Start(segment.ack, uint32_t{segment.window} << connection.snd_scale, segment.seq,
                        segment.ack);
  connection.Open(control, env);
  Establish(index);
  // The rest of the segment is that of an open connection.
  const Arrival arrival = connection.OnSegment(segment, options, control, env);
  Apply(index, &segment, arrival, State::kEstablished, now);
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
  SegmentOptions options;
  if (!ParseOptions(segment.options, options)) return Drop::kTcpBadOptions;
  if (segment.Has(tcp_flags::kRst)) {
    // [RFC 5961 3.2] only at exactly RCV.NXT.
    if (segment.seq != record.rcv_nxt) return Drop::kTcpBadRst;
    RemoveTimeWait(index);
    ++counters_.tcp_rsts_in;
    return Drop::kNone;
  }
  const uint8_t listener = listener_of_port_.Find(segment.flow.local_port);
  const bool is_newer = segment.seq.After(record.rcv_nxt) ||
                        (record.ts_recent != 0 && options.has_timestamps &&
                         static_cast<int32_t>(options.ts_value - record.ts_recent) > 0);
  if (segment.Has(tcp_flags::kSyn) && !segment.Has(tcp_flags::kAck) &&
      listener != PortTable::kNone && is_newer) {
    // [RFC 9293 3.6.1 MAY-2, SHLD-4] [RFC 6191 2] a SYN beyond all that was received, by number or
    // by time, opens anew.
    RemoveTimeWait(index);
    ++counters_.tcp_time_wait_reused;
    return ReceiveForListener(listener, segment, now);
  }
  const uint32_t length = segment.Length();
  // [RFC 7323 5.3 R1] an old timestamp makes it unacceptable here as well, and it is answered.
  const bool is_old = record.ts_recent != 0 && options.has_timestamps &&
                      static_cast<int32_t>(options.ts_value - record.ts_recent) < 0;
  const bool is_acceptable =
      !is_old &&
      (segment.seq.InWindow(record.rcv_nxt, window_bytes) ||
       (length > 0 && (segment.seq + (length - 1)).InWindow(record.rcv_nxt, window_bytes)));
  if (length == 0 && (is_acceptable || !MayAnswerFromTimeWait(segment.hash, now)))
    return Drop::kTcpTimeWait;
  // [RFC 9293 3.10.7.4] eighth: a repeated FIN starts 2 MSL anew.
  if (segment.Has(tcp_flags::kFin) && !is_old) time_wait_.Restart(index, now);
  AcknowledgeFromTimeWait(record, TimestampOffset(record.flow), now);
  return Drop::kTcpTimeWait;
}

}  // namespace aether::tcp
