#include "fuzz/stateful/tcp_world.h"

#include <algorithm>
#include <string>

#include "fuzz/pattern.h"

namespace aether::fuzz {
namespace {

constexpr size_t kWriteBytesMax = 16384;

}  // namespace

TcpWorld::TcpWorld(const TcpSetup& setup)
    : World(setup.config, 0, setup.start),
      flows_{TcpFlow(kPeers[0], {kStackIp, kListenPort}, setup.initial_sequence[0]),
             TcpFlow(kPeers[1], {kStackIp, kListenPort}, setup.initial_sequence[1])},
      start_(setup.start),
      clock_ms_(setup.clock_ms),
      times_count_(setup.times_count),
      app_(setup.app) {
  for (TcpFlow& flow : flows_) flow.offer = setup.offer;
  stack().SetAddress(kStackNetwork, {});
  Settle();
}

TcpFlow& TcpWorld::Ready(size_t i) {
  TcpFlow& flow = flows_[i % kFlows];
  flow.clock_ms =
      clock_ms_ + static_cast<uint32_t>((now() - start_) / std::chrono::milliseconds(1));
  return flow;
}

void TcpWorld::Arrive(std::span<const Bytes> frames) {
  batch_size_ = frames.size();
  cookies_before_ = stack().counters().tcp_cookies_accepted;
  for (const Bytes frame : frames) {
    for (size_t i = 0; i < kFlows; ++i)
      seats_[i].judge.OnArrival(frame, {flows_[i].peer(), flows_[i].stack(), config().mtu}, now());
  }
  const Guess guess = frames.size() == 1 ? GuessOf(frames[0]) : Guess{};
  Deliver(frames);
  CheckGuess(guess);
  batch_size_ = 0;
}

void TcpWorld::ArriveIcmp(Bytes frame, const TcpFlow& flow, uint32_t quoted_seq) {
  // [RFC 9293 3.9.2.2 SHLD-26] what it may end while a connection is being opened is not the
  // model's.
  for (Seat& seat : seats_) {
    const auto snapshot = stack().Inspect(seat.id);
    if (snapshot && snapshot->state == tcp::State::kSynSent) seat.judge.Retire();
  }
  // [RFC 5927 4.1] an error about a number that is not in flight is a guess: it changes nothing.
  const bool is_error = frame[34] == 3 || frame[34] == 11 || frame[34] == 12;
  const bool is_guess = is_error && IsGuessedNumber(flow, quoted_seq);
  const uint64_t drops = stack().counters().TotalDrops();
  Deliver(frame);
  FUZZ_CHECK(P2, !is_guess || stack().counters().TotalDrops() > drops);
}

// The model follows one connection at a time, from its beginning on.
void TcpWorld::BeginJudging(const Owned& owned, bool active) {
  if (owned.flow == kFlows || (app_ & tcp_app::kUnjudged) != 0) return;
  const auto snapshot = stack().Inspect(owned.id);
  if (!snapshot) return;
  Seat& seat = seats_[owned.flow];
  seat.judge.Retire();
  seat.id = owned.id;
  seat.no_buffer_drops = stack().counters().drops[DropIndex(Drop::kTcpNoBuffer)];
  if (active) {
    seat.judge.BeginActive(*snapshot, config().profile);
  } else if (batch_size_ == 1 && !flows_[owned.flow].has_made_up_offer()) {
    const bool from_cookie = stack().counters().tcp_cookies_accepted != cookies_before_;
    seat.judge.BeginPassive(*snapshot, config().profile, flows_[owned.flow].our_scale(),
                            from_cookie, now());
  }
}

TcpWorld::Seat* TcpWorld::SeatOf(ConnectionId id) {
  for (Seat& seat : seats_) {
    if (seat.judge.is_sitting() && seat.id == id) return &seat;
  }
  return nullptr;
}

void TcpWorld::Judge(Seat& seat) {
  if (!seat.judge.is_sitting()) return;
  const auto snapshot = stack().Inspect(seat.id);
  // What memory is short for is not the model's, and there may be a drop without a counter: text
  // that displaces other text ahead of a gap.
  const MemoryUse use = stack().memory_in_use();
  const BufferLimits& buffers = config().buffers;
  const uint32_t ranges_max = std::min(buffers.held_ranges_max, config().tcp.held_ranges_max);
  if (!snapshot || use.chunks * 2 >= buffers.chunks_max || use.held_ranges * 2 >= ranges_max ||
      stack().counters().drops[DropIndex(Drop::kTcpNoBuffer)] != seat.no_buffer_drops) {
    seat.judge.Retire();
    return;
  }
  seat.judge.Check(*snapshot);
}

void TcpWorld::Listen(uint32_t backlog) {
  if (listener_) return;
  const auto listener = stack().TcpListen(kListenPort, {.backlog = backlog});
  FUZZ_CHECK(P4, listener.has_value());
  listener_ = *listener;
  Settle();
}

void TcpWorld::Unlisten() {
  if (!listener_) return;
  // What waits for Accept and what is half open is reset.
  const uint64_t connections = stack().connection_count();
  stack().TcpUnlisten(*listener_);
  listener_.reset();
  Settle(1 + connections);
}

void TcpWorld::AcceptAll() {
  while (listener_ && owned_count_ < owned_.size()) {
    const std::optional<ConnectionId> id = stack().Accept(*listener_);
    if (!id) break;
    Own(*id);
  }
}

void TcpWorld::Connect(size_t i, const SocketOptions& options) {
  if (owned_count_ == owned_.size()) return;
  TcpFlow& flow = flows_[i % kFlows];
  const auto id = stack().TcpConnect(flow.peer(), {.socket = options});
  if (!id) return;
  for (Seat& seat : seats_) seat.judge.ForgetTimeWait();
  const auto snapshot = stack().Inspect(*id);
  FUZZ_CHECK(P4, snapshot.has_value());
  flow.set_stack_port(snapshot->local.port);
  Owned& owned = owned_[owned_count_++];
  owned = {.id = *id, .flow = i % kFlows};
  BeginJudging(owned, /*active=*/true);
  Settle();
}

void TcpWorld::Own(ConnectionId id) {
  Owned& owned = owned_[owned_count_++];
  owned = {.id = id};
  const auto snapshot = stack().Inspect(id);
  FUZZ_CHECK(P4, snapshot.has_value());
  for (size_t i = 0; i < kFlows; ++i) {
    if (snapshot->remote == flows_[i].peer() && snapshot->local == flows_[i].stack())
      owned.flow = i;
  }
  FindFirstByte(owned);
  BeginJudging(owned, /*active=*/false);
  if ((app_ & tcp_app::kLazyRead) == 0) ReadSome(owned, SIZE_MAX);
}

// Where the stream begins: behind a SYN that we sent.
void TcpWorld::FindFirstByte(Owned& owned) {
  if (owned.has_seq || owned.flow == kFlows) return;
  const auto snapshot = stack().Inspect(owned.id);
  using tcp::State;
  if (!snapshot || snapshot->state == State::kSynSent || snapshot->state == State::kClosed) return;
  const bool fin = snapshot->state == State::kCloseWait || snapshot->state == State::kLastAck ||
                   snapshot->state == State::kClosing;
  const uint32_t first =
      snapshot->rcv_nxt.value() - snapshot->receive_queue_bytes - (fin ? 1u : 0u);
  FUZZ_CHECK(P1, flows_[owned.flow].SentSyn(first - 1));
  owned.next_seq = first;
  owned.has_seq = true;
}

TcpWorld::Owned* TcpWorld::Find(ConnectionId id) {
  for (size_t i = 0; i < owned_count_; ++i) {
    if (owned_[i].id == id) return &owned_[i];
  }
  return nullptr;
}

void TcpWorld::Forget(Owned& owned) { owned = owned_[--owned_count_]; }

void TcpWorld::ReadSome(Owned& owned, size_t most_bytes) {
  FindFirstByte(owned);
  while (most_bytes > 0) {
    const Bytes piece = stack().Peek(owned.id);
    if (piece.empty()) break;
    const size_t size = std::min(piece.size(), most_bytes);
    FUZZ_CHECK(P1, size <= stack().Readable(owned.id));
    if (owned.has_seq) {
      FUZZ_CHECK(P1, flows_[owned.flow].IsOurs(piece.first(size), owned.next_seq));
    }
    stack().Consume(owned.id, size);
    owned.next_seq += static_cast<uint32_t>(size);
    owned.read_bytes += size;
    most_bytes -= size;
    behaviour_.Add(size);
    CurrentTrace().Add(size);
    if ((app_ & tcp_app::kAnswers) != 0) WriteSome(owned, size);
  }
  if (owned.has_seq && stack().AtEnd(owned.id)) {
    // P1: the end is where a FIN of ours stood, and after all bytes before it.
    FUZZ_CHECK(P1, flows_[owned.flow].SentFin(owned.next_seq));
    FUZZ_CHECK(P1, stack().Readable(owned.id) == 0);
  }
}

void TcpWorld::WriteSome(Owned& owned, size_t bytes) {
  bytes = std::min(bytes, kWriteBytesMax);
  if (bytes == 0) return;
  const size_t space = stack().WriteSpace(owned.id);
  const size_t written =
      stack().Write(owned.id, Pattern::At(TcpFlow::kWrittenOffset + owned.written_bytes, bytes));
  FUZZ_CHECK(P1, written <= bytes && written <= space);
  FUZZ_CHECK(P1, !owned.is_shut || written == 0);
  owned.written_bytes += written;
  behaviour_.Add(written);
  CurrentTrace().Add(written);
}

void TcpWorld::Read(size_t which, size_t most_bytes) {
  if (Owned* const owned = OwnedAt(which)) ReadSome(*owned, most_bytes);
  Settle();
}

void TcpWorld::Write(size_t which, size_t bytes) {
  if (Owned* const owned = OwnedAt(which)) WriteSome(*owned, bytes);
  Settle();
}

void TcpWorld::EndOwned(size_t which, End end) {
  if (Owned* const owned = OwnedAt(which)) {
    if (end == End::kShutdown) {
      stack().Shutdown(owned->id);
      owned->is_shut = true;
      if (Seat* const seat = SeatOf(owned->id)) seat->judge.OnShutdown();
    } else {
      if (Seat* const seat = SeatOf(owned->id)) seat->judge.Retire();
      if (end == End::kClose) stack().Close(owned->id);
      if (end == End::kAbort) stack().Abort(owned->id);
      // The handle is stale from here on.
      FUZZ_CHECK(P4, stack().Write(owned->id, Pattern::At(0, 1)) == 0);
      FUZZ_CHECK(P4, stack().Peek(owned->id).empty());
      Forget(*owned);
    }
  }
  Settle();
}

void TcpWorld::SetOptions(size_t which, const SocketOptions& options) {
  if (const Owned* const owned = OwnedAt(which)) stack().SetOptions(owned->id, options);
  Settle();
}

void TcpWorld::OnEvent(const Event& event) {
  behaviour_.Add(static_cast<uint64_t>(event.kind) << 8 | event.mask);
  if (event.kind == Event::Kind::kAcceptable) {
    if ((app_ & tcp_app::kLazyAccept) == 0) AcceptAll();
    return;
  }
  Owned* const owned = Find(event.connection);
  if (event.kind != Event::Kind::kConnection || owned == nullptr) return;
  FindFirstByte(*owned);
  // P1: nothing comes after the end, nor after the end of it all.
  if ((event.mask & tcp_event::kReadable) != 0) FUZZ_CHECK(P1, !owned->peer_closed);
  FUZZ_CHECK(P1, !owned->is_over);
  if ((event.mask & tcp_event::kPeerClosed) != 0) owned->peer_closed = true;
  constexpr tcp_event::Mask kOver = tcp_event::kReset | tcp_event::kTimedOut | tcp_event::kFinished;
  if ((event.mask & kOver) != 0) owned->is_over = true;
  if ((app_ & tcp_app::kLazyRead) == 0) ReadSome(*owned, SIZE_MAX);
  const bool lets_go = (owned->is_over && (app_ & tcp_app::kLingers) == 0) ||
                       (owned->peer_closed && (app_ & tcp_app::kHangsUp) != 0);
  // No timer is the model's.
  Seat* const seat = SeatOf(owned->id);
  if ((event.mask & tcp_event::kTimedOut) != 0 && seat != nullptr) seat->judge.Retire();
  if (!lets_go) return;
  if (seat != nullptr) {
    Judge(*seat);
    seat->judge.Retire();
  }
  stack().Close(owned->id);
  Forget(*owned);
}

void TcpWorld::OnSent(const testing::NaiveFrame& frame, Bytes raw) {
  if (times_count_) behaviour_.Add(static_cast<uint64_t>((now() - start_).count()));
  behaviour_.Add(raw.size());
  if (!frame.tcp) return;
  last_frame_size_ = std::min(raw.size(), last_frame_.size());
  std::ranges::copy(raw.first(last_frame_size_), last_frame_.begin());
  behaviour_.Add(frame.tcp->flags);
  behaviour_.Add(frame.tcp->window);
  for (TcpFlow& flow : flows_) {
    if (!flow.Matches(frame)) continue;
    const uint32_t sent_before = flow.rcv_nxt();
    flow.OnSent(frame);
    const size_t at = static_cast<size_t>(&flow - flows_.data());
    // What is sent again may be in as many pieces as there are holes between blocks of a SACK.
    if (flow.rcv_nxt() != sent_before) ++sent_[at].frames;
    sent_[at].bytes += frame.tcp->payload.size();
    Seat& seat = seats_[at];
    if (seat.judge.is_sitting()) {
      const auto snapshot = stack().Inspect(seat.id);
      const bool is_scaled =
          snapshot && snapshot->window_scaling && (frame.tcp->flags & tcp_flags::kSyn) == 0;
      seat.judge.OnSent(
          *frame.tcp, uint32_t{frame.tcp->window} << (is_scaled ? config().tcp.receive_scale : 0));
    }
    // The numbers of a reset are somebody else's, or 0.
    if ((frame.tcp->flags & tcp_flags::kRst) != 0) continue;
    behaviour_.Add(frame.tcp->sequence - flow.stack_iss().value_or(frame.tcp->sequence));
    if ((frame.tcp->flags & tcp_flags::kAck) != 0)
      behaviour_.Add(frame.tcp->acknowledgment - flow.iss());
  }
}

void TcpWorld::OnRest() {
  for (Seat& seat : seats_) {
    Judge(seat);
    // Each frame may ask for one answer that belongs to no connection.
    const bool may_lack_reset = batch_size_ > config().tcp.replies_max;
    seat.judge.CheckAnswers(config().mtu - 40u, may_lack_reset, now());
    seat.judge.EndStep();
  }
  for (size_t i = 0; i < owned_count_; ++i) CheckOwned(owned_[i]);
  sent_ = {};
}

// P7: [RFC 5681 3.1] what one step may set free is a congestion window; beyond it [RFC 3042] two
// segments, a probe of the tail, and what is sent again at once.
void TcpWorld::CheckBurst(Owned& owned, const tcp::Snapshot& snapshot) const {
  const uint32_t cwnd = std::max(owned.cwnd_bytes, snapshot.cwnd_bytes);
  const uint32_t mss_max = std::max<uint32_t>(owned.mss_bytes, snapshot.mss_bytes);
  const uint32_t mss_min = owned.mss_bytes == 0
                               ? snapshot.mss_bytes
                               : std::min<uint32_t>(owned.mss_bytes, snapshot.mss_bytes);
  owned.cwnd_bytes = snapshot.cwnd_bytes;
  owned.mss_bytes = snapshot.mss_bytes;
  if (owned.flow == kFlows || snapshot.local != flows_[owned.flow].stack()) return;
  // What the flow sends then is of the connection after it.
  if (snapshot.state == tcp::State::kClosed || snapshot.state == tcp::State::kTimeWait) return;
  if (config().profile.congestion == tcp::CongestionAlgorithm::kNone) return;
  const Sent& sent = sent_[owned.flow];
  constexpr uint32_t kBeyond = 4;
  // Blocks of a SACK take their room from the text, all but the last of it.
  constexpr uint32_t kSackBytesMax = 36;
  constexpr uint32_t kTextBytesMin = 8;
  const uint32_t text_bytes_min =
      mss_min > kSackBytesMax + kTextBytesMin ? mss_min - kSackBytesMax : kTextBytesMin;
  if (sent.bytes > cwnd) {
    Note("sent at once: " + std::to_string(sent.bytes) + " bytes in " +
         std::to_string(sent.frames) + " frames, with a congestion window of " +
         std::to_string(cwnd) + " and segments of " + std::to_string(mss_max));
  }
  FUZZ_CHECK(P7, sent.bytes <= cwnd + uint64_t{kBeyond} * mss_max);
  FUZZ_CHECK(P7, sent.frames <= cwnd / text_bytes_min + 1 + kBeyond);
}

void TcpWorld::CheckOwned(Owned& owned) {
  const auto snapshot = stack().Inspect(owned.id);
  FUZZ_CHECK(P4, snapshot.has_value());
  CurrentTrace().Add(static_cast<uint64_t>(snapshot->state));
  // A wake for nothing is no behaviour: clocks of milliseconds have one more where they wrap.
  if (owned.seen_state != snapshot->state) behaviour_.Add(static_cast<uint64_t>(snapshot->state));
  owned.seen_state = snapshot->state;
  const uint32_t flight = snapshot->snd_nxt.DistanceFrom(snapshot->snd_una);
  FUZZ_CHECK(P4, flight <= owned.written_bytes + 2);
  FUZZ_CHECK(P4, snapshot->send_queue_bytes <= owned.written_bytes);
  FUZZ_CHECK(P4, stack().Unacknowledged(owned.id) <= owned.written_bytes);
  FUZZ_CHECK(P4, snapshot->receive_queue_bytes == stack().Readable(owned.id));
  FUZZ_CHECK(P4, snapshot->sacked_bytes <= flight && snapshot->lost_bytes <= flight);
  const uint32_t link_mss = config().mtu - 40u;
  FUZZ_CHECK(P4, snapshot->mss_bytes >= std::min<uint32_t>(config().tcp.mss_min, link_mss) - 12);
  // [RFC 1191 7.1] a path is believed down to path_mtu_min, less what headers and timestamps take.
  // Before the handshake is over the segment size is not agreed on.
  if (snapshot->state > tcp::State::kSynReceived && owned.mss_floor == 0) {
    owned.mss_floor = std::min<uint32_t>(snapshot->mss_bytes, config().tcp.path_mtu_min - 52u);
    owned.mss_bytes = snapshot->mss_bytes;
  }
  FUZZ_CHECK(P4, snapshot->mss_bytes >= owned.mss_floor);
  // ICM005: nor larger again.
  FUZZ_CHECK(P4, owned.mss_floor == 0 || snapshot->mss_bytes <= owned.mss_bytes);
  FUZZ_CHECK(P4, snapshot->state <= tcp::State::kSynReceived || snapshot->mss_bytes <= link_mss);
  // TCP008: no urgent mark leads further than a pointer behind the window.
  FUZZ_CHECK(P4, snapshot->urgent_bytes <= config().tcp.receive_buffer_max_bytes + 65535);
  // TCP042: what waits to be sent or to be acknowledged waits for a timer, too.
  const tcp::Profile& profile = config().profile;
  const bool waits = (snapshot->send_queue_bytes > 0 || flight > 0) &&
                     snapshot->state != tcp::State::kClosed &&
                     snapshot->state != tcp::State::kTimeWait;
  FUZZ_CHECK(P8, !waits || !profile.retransmission || !profile.zero_window_probes || is_blocked() ||
                     stack().NextDeadline() != kNever);
  CheckBurst(owned, *snapshot);
  if (owned.peer_closed && owned.has_seq && !owned.is_over) {
    // P1: what is there to be read ends at the FIN.
    FUZZ_CHECK(P1, flows_[owned.flow].SentFin(owned.next_seq + snapshot->receive_queue_bytes));
  }
}

void TcpWorld::Finish() {
  for (size_t i = 0; i < owned_count_; ++i) ReadSome(owned_[i], SIZE_MAX);
  for (Seat& seat : seats_) seat.judge.Retire();
  const size_t calls = owned_count_;
  while (owned_count_ > 0) {
    if ((app_ & tcp_app::kCloses) != 0) {
      stack().Close(owned_[0].id);
    } else {
      stack().Abort(owned_[0].id);
    }
    Forget(owned_[0]);
  }
  if (calls > 0) Settle(calls);
  Unlisten();
  CheckNeutral();
}

}  // namespace aether::fuzz
