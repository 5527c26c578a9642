#include "fuzz/stateful/two_stacks_hosts.h"

#include <algorithm>

#include "fuzz/pattern.h"

namespace aether::fuzz::two_stacks {
namespace {

using std::chrono::seconds;

constexpr uint16_t kListenPort = 80;

Link& TheLink() {
  static Link link;
  return link;
}

}  // namespace

Hosts::Hosts(const Choices& choices, const Origin& origin)
    : choices_(choices),
      start_(kWorldStart + origin.shift),
      now_(start_),
      link_(TheLink()),
      hosts_{Host(*this, HostConfig(choices, 0, origin), 0, start_),
             Host(*this, HostConfig(choices, 1, origin), 1, start_)} {
  link_.Clear();
  for (size_t side = 0; side < 2; ++side) {
    hosts_[side].set_answers_arp(false);
    hosts_[side].stack().SetAddress({kIps[side], 24}, std::nullopt);
    Listen(side, 4);
  }
}

// The other host's clock comes along when it is needed.
void Hosts::Catch(size_t side) {
  if (hosts_[side].now() < now_) hosts_[side].Advance(now_ - hosts_[side].now());
}

uint16_t Hosts::PortOf(size_t lane_index, size_t side, const Lane& lane) const {
  if (!lane.crossing && side != static_cast<size_t>(lane.opener)) return kListenPort;
  return static_cast<uint16_t>(2000 + 1000 * side + 100 * lane_index + lane.attempt % 100);
}

void Hosts::Listen(size_t side, uint32_t backlog) {
  if (listeners_[side]) return;
  const auto listener = StackOf(side).TcpListen(kListenPort, {.backlog = backlog});
  FUZZ_CHECK(P4, listener.has_value());
  listeners_[side] = *listener;
}

void Hosts::Accept(size_t side) {
  while (listeners_[side]) {
    const std::optional<ConnectionId> id = StackOf(side).Accept(*listeners_[side]);
    if (!id) return;
    const auto seen = StackOf(side).Inspect(*id);
    FUZZ_CHECK(P4, seen.has_value());
    bool found = false;
    for (size_t i = 0; i < kLanes; ++i) {
      Lane& lane = lanes_[i];
      const size_t opener = 1 - side;
      if (lane.opener != static_cast<int>(opener) || lane.crossing ||
          seen->remote.port != PortOf(i, opener, lane) || lane.ends[side].exists) {
        continue;
      }
      lane.ends[side] = {.id = *id, .exists = true};
      found = true;
    }
    // Of a lane that is used again meanwhile, or of a SYN that came twice.
    if (!found) StackOf(side).Abort(*id);
  }
}

void Hosts::OnEvent(size_t side, const Event& event) {
  Note(side << 16 | static_cast<uint64_t>(event.kind) << 8 | event.mask);
  if (event.kind == Event::Kind::kAcceptable) {
    FUZZ_CHECK(P4, listeners_[side] && event.listener == *listeners_[side]);
    Accept(side);
    return;
  }
  if (event.kind != Event::Kind::kConnection) return;
  for (size_t i = 0; i < kLanes; ++i) {
    End& end = lanes_[i].ends[side];
    if (!end.exists || end.let_go || end.id != event.connection) continue;
    if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut)) != 0) end.ended = true;
    if (!choices_.Has(kLazyReader) || is_final_) Read(side, i, SIZE_MAX);
  }
}

void Hosts::Connect(size_t side, size_t lane_index, bool crossing) {
  Lane& lane = lanes_[lane_index];
  if (lane.is_used()) {
    // Again only when both let go of it.
    for (const End& end : lane.ends) {
      if (end.exists && !end.let_go) return;
    }
  }
  lane = {.ends = {},
          .opener = static_cast<int>(side),
          .crossing = crossing,
          .attempt = static_cast<uint16_t>(lane.attempt + 1)};
  const size_t openers = crossing ? 2 : 1;
  for (size_t i = 0; i < openers; ++i) {
    const size_t opener = i == 0 ? side : 1 - side;
    Catch(opener);
    const auto id =
        StackOf(opener).TcpConnect({kIps[1 - opener], PortOf(lane_index, 1 - opener, lane)},
                                   {.local_port = PortOf(lane_index, opener, lane)});
    Note(id.has_value());
    if (!id) {
      FUZZ_CHECK(P4, id.error() == Error::kTooMany || id.error() == Error::kPortInUse);
      lane.ends[opener].exists = false;
      continue;
    }
    lane.ends[opener] = {.id = *id, .exists = true};
    hosts_[opener].Settle();
  }
  ExchangeArp();
}

void Hosts::Write(size_t side, size_t lane_index, size_t bytes, bool is_static) {
  Lane& lane = lanes_[lane_index];
  End& end = lane.ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  const size_t space = StackOf(side).WriteSpace(end.id);
  const uint64_t at = Base(lane, lane_index, side) + end.written;
  bytes = std::min<size_t>(bytes, 6000);
  size_t written = 0;
  if (is_static) {
    if (bytes == 0) return;
    const StaticBytes data{Pattern::At(at, bytes), Pattern::Sum(at, bytes)};
    written = StackOf(side).WriteStatic(end.id, data) ? bytes : 0;
    FUZZ_CHECK(P4, written == 0 || space > 0);
  } else {
    written = StackOf(side).Write(end.id, Pattern::At(at, bytes));
    FUZZ_CHECK(P4, written <= std::min(space, bytes));
  }
  FUZZ_CHECK(P1, written == 0 || !end.shut);
  end.written += written;
  Note(written);
  hosts_[side].Settle();
}

void Hosts::Read(size_t side, size_t lane_index, size_t bytes) {
  Lane& lane = lanes_[lane_index];
  End& end = lane.ends[side];
  const End& other = lane.ends[1 - side];
  if (!end.exists || end.let_go) return;
  Stack& stack = StackOf(side);
  while (bytes > 0) {
    const Bytes piece = stack.Peek(end.id);
    if (piece.empty()) break;
    const size_t size = std::min(piece.size(), bytes);
    if (!tampered_) {
      // P1: what the other wrote, in its order, and nothing that it did not.
      FUZZ_CHECK(P1, end.read + size <= other.written);
      FUZZ_CHECK(P1,
                 Pattern::Matches(piece.first(size), Base(lane, lane_index, 1 - side) + end.read));
    }
    stack.Consume(end.id, size);
    end.read += size;
    bytes -= size;
    Note(end.read);
  }
  if (!tampered_ && stack.AtEnd(end.id)) {
    FUZZ_CHECK(P1, end.read == other.written && (other.shut || other.let_go));
  }
}

void Hosts::LetGo(size_t side, size_t lane_index, bool abort) {
  End& end = lanes_[lane_index].ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  end.aborted = abort || StackOf(side).Readable(end.id) > 0;
  abort ? StackOf(side).Abort(end.id) : StackOf(side).Close(end.id);
  end.shut = end.let_go = true;
  hosts_[side].Settle();
  // A handle that was let go finds nothing.
  FUZZ_CHECK(P4, !StackOf(side).Inspect(end.id) && StackOf(side).WriteSpace(end.id) == 0);
}

void Hosts::Options(size_t side, size_t lane_index, const Record& record) {
  End& end = lanes_[lane_index].ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  const SocketOptions options{.no_delay = (record.U8(2) & 1) != 0,
                              .quick_ack = (record.U8(2) & 2) != 0,
                              .keepalive_idle = seconds(record.U8(3)),
                              .keepalive_interval = seconds(1 + record.U8(3) % 75),
                              .keepalive_probes = static_cast<uint8_t>(1 + (record.U8(2) >> 5)),
                              .user_timeout = seconds(record.U8(4)),
                              .dscp = static_cast<uint8_t>(record.U8(2) >> 2)};
  Note(StackOf(side).SetOptions(end.id, options));
  hosts_[side].Settle();
}

void Hosts::ReadAll() {
  for (size_t side = 0; side < 2; ++side) {
    Catch(side);
    Accept(side);
    for (size_t i = 0; i < kLanes; ++i) Read(side, i, SIZE_MAX);
    hosts_[side].Settle();
  }
}

// Whatever was written has arrived, or an end says why not.
void Hosts::CheckLanes() {
  const bool repeats = choices_.profile % 8 != 7;
  // Two hosts whose memory is full of what they want to send each other wait until one gives up.
  std::array<uint64_t, 2> written{};
  for (const Lane& lane : lanes_) {
    for (size_t side = 0; side < 2; ++side) written[side] += lane.ends[side].written;
  }
  const bool may_be_stuck = choices_.Has(kFewChunks) && written[0] > 0 && written[1] > 0;
  for (const Lane& lane : lanes_) {
    if (!lane.is_used() || tampered_ || !repeats || may_be_stuck) continue;
    for (size_t writer = 0; writer < 2; ++writer) {
      const End& from = lane.ends[writer];
      const End& to = lane.ends[1 - writer];
      Note(from.written);
      Note(to.read);
      if (!from.exists || from.ended || from.aborted || to.ended || to.let_go) continue;
      // Nobody tells who let go that the peer was given up.
      if (from.let_go) continue;
      // The other application never got it: the end that opened it must know.
      FUZZ_CHECK(P8, to.exists || from.written == 0);
      FUZZ_CHECK(P8, to.read == from.written);
    }
  }
}

void Hosts::Finish() {
  is_final_ = true;
  link_.Rewrite(0, 0, 0);
  link_.Rewrite(1, 0, 0);
  steps_ = 0;
  if (!tampered_) {
    ReadAll();
    Flush(0, 0);
    // What is lost is sent again, within the largest timeout and once more.
    const Instant end = now_ + seconds(250);
    const auto is_pending = [this] {
      for (const Lane& lane : lanes_) {
        for (size_t side = 0; side < 2; ++side) {
          const End& one = lane.ends[side];
          if (!one.exists || one.let_go || one.ended) continue;
          if (StackOf(side).Unacknowledged(one.id) > 0) return true;
          if (lane.ends[1 - side].read < one.written) return true;
        }
      }
      return false;
    };
    for (size_t i = 0; is_pending() && PassDeadline(end - now_); ++i) {
      FUZZ_CHECK(P8, i < kFinalStepsMax);
      Flush(0, 0);
      ReadAll();
      Flush(0, 0);
    }
    CheckLanes();
  }
  for (size_t side = 0; side < 2; ++side) {
    for (size_t i = 0; i < kLanes; ++i) LetGo(side, i, !choices_.Has(kGraceful));
    if (listeners_[side]) {
      Catch(side);
      StackOf(side).TcpUnlisten(*listeners_[side]);
      hosts_[side].Settle();
    }
  }
  if (choices_.Has(kGraceful)) {
    Flush(0, 0);
    PassTime(seconds(2));
  }
  for (Host& host : hosts_) {
    host.CheckNeutral();
    link_.Clear();
  }
}

}  // namespace aether::fuzz::two_stacks
