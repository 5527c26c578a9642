#include "fuzz/stateful/api_world.h"

#include <algorithm>
#include <optional>

#include "fuzz/pattern.h"
#include "fuzz/stateful/api_setup.h"
#include "fuzz/target.h"

namespace aether::fuzz::stack_api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// P8: all that a peer has written and all that is queued for it, byte by byte: a peer whose window
// was never larger gets each as soon as it has acknowledged the last one.
constexpr int kRoundsMax = 2 * StreamPeer::kStreamBytesMax + 4000;
constexpr int kDeadlinesMax = 4000;
constexpr size_t kProbeRecordsMax = 64;
constexpr Duration kAdvanceMax = std::chrono::minutes(10);

std::array<StreamPeer, kPeers>& ThePeers() {
  static std::array<StreamPeer, kPeers> peers;
  return peers;
}

}  // namespace

ApiWorld::ApiWorld(const Choices& choices)
    : World(StackConfig(choices)), choices_(choices), peers_(ThePeers()) {
  for (StreamPeer& peer : peers_) peer.Forget();
  set_answers_arp(!choices.Has(kNoArp));
  if (choices.Has(kProbed)) stack().SetProbe(&probe_.emplace(kProbeRecordsMax));
  stack().SetAddress(kStackNetwork, kPeerIp);
  Settle();
}

void ApiWorld::OnEvent(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kAcceptable: {
      FUZZ_CHECK(P4, event.listener.index < listening_.size());
      const Listening& listening = listening_[event.listener.index];
      FUZZ_CHECK(P4, listening.is_live && listening.owner == event.owner);
      return;
    }
    case Event::Kind::kDatagram: {
      const auto found = std::ranges::find_if(
          bound_, [&](const Bound& bound) { return bound.is_live && bound.id == event.udp; });
      FUZZ_CHECK(P4, found != bound_.end() && found->owner == event.owner);
      return;
    }
    case Event::Kind::kConnection:
      break;
  }
  // Who let go hears nothing any more.
  const auto found = std::ranges::find_if(
      owned_, [&](const Owned& owned) { return owned.is_live && owned.id == event.connection; });
  FUZZ_CHECK(P4, found != owned_.end());
  FUZZ_CHECK(P4, found->user == event.user && found->owner == event.owner);
  if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut)) != 0) {
    // It ends once.
    FUZZ_CHECK(P8, !found->ended);
    found->ended = true;
  }
}

void ApiWorld::OnSent(const testing::NaiveFrame& frame, Bytes) {
  if (!frame.tcp) return;
  if (probe_) CheckProbe(*frame.tcp);
  for (size_t i = 0; i < kPeers; ++i) {
    StreamPeer& peer = peers_[i];
    if (!peer.Matches(frame)) continue;
    // The peer answers a SYN when its turn comes.
    if ((frame.tcp->flags & tcp_flags::kSyn) != 0 && (frame.tcp->flags & tcp_flags::kAck) == 0) {
      syn_of_stack_[i] = frame.tcp->sequence;
      if (peer.is_established() && !is_wild_) peer.OnSent(frame);
      return;
    }
    if (!is_wild_) peer.OnSent(frame);
    return;
  }
}

void ApiWorld::CheckProbe(const testing::NaiveTcp& segment) {
  using Kind = tcp::ProbeRecord::Kind;
  while (const auto record = probe_->Take()) {
    FUZZ_CHECK(P2, record->at <= now());
    if (record->kind == Kind::kReceived) continue;
    FUZZ_CHECK(P2, record->drop == Drop::kNone);
    probed_.push_back(*record);
  }
  const auto found = std::ranges::find_if(probed_, [&](const tcp::ProbeRecord& record) {
    return record.local.port == segment.source_port &&
           record.remote.port == segment.destination_port &&
           record.seq.value() == segment.sequence && record.flags == segment.flags &&
           record.window == segment.window && record.payload_bytes == segment.payload.size() &&
           ((segment.flags & tcp_flags::kAck) == 0 || record.ack.value() == segment.acknowledgment);
  });
  FUZZ_CHECK(P2, found != probed_.end() || probe_->lost() > 0);
  if (found != probed_.end()) probed_.erase(found);
}

void ApiWorld::PeerOpens(size_t index, uint16_t port) {
  StreamPeer& peer = peers_[index];
  // What it had is forgotten, and a reset meant for it goes nowhere.
  for (Owned& owned : owned_) {
    if (owned.peer == static_cast<int>(index)) owned.peer = -1;
  }
  syn_of_stack_[index].reset();
  peer.Start({kPeerIp, next_peer_port_++}, {kStackIp, port}, 0xfffffc00u);
  ++steps_;
  Deliver(peer.Syn(1460));
}

void ApiWorld::Pump() {
  for (int round = 0;; ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    bool any = false;
    for (size_t i = 0; i < kPeers; ++i) {
      StreamPeer& peer = peers_[i];
      if (syn_of_stack_[i] && !peer.is_dead()) {
        const uint32_t sequence = *syn_of_stack_[i];
        syn_of_stack_[i].reset();
        if (peer.holds) continue;
        ++steps_;
        Deliver(peer.SynAck(sequence, static_cast<uint16_t>(config().mtu - 40), 1460));
        any = true;
        continue;
      }
      if (const std::optional<Bytes> frame = peer.Next()) {
        ++steps_;
        Deliver(*frame);
        any = true;
      }
    }
    if (!any) return;
  }
}

void ApiWorld::PassTime(Duration by) {
  const Instant end = now() + by;
  for (int round = 0; round < kDeadlinesMax; ++round) {
    ++steps_;
    if (!AdvanceToDeadline(end - now())) break;
    Pump();
  }
  if (end > now()) Advance(end - now());
  for (StreamPeer& peer : peers_) {
    if (by < milliseconds(200) || !peer.has_unacknowledged()) continue;
    peer.SendAgain();
    if (by < seconds(1)) continue;
    if (const auto probe = peer.Probe()) Deliver(*probe);
  }
  Pump();
}

// What is owned is there, what was let go is not.
void ApiWorld::CheckHandles() {
  size_t live = 0;
  for (const Owned& owned : owned_) {
    if (owned.is_live) ++live;
    if (owned.id.IsValid()) FUZZ_CHECK(P4, stack().Inspect(owned.id).has_value() == owned.is_live);
  }
  FUZZ_CHECK(P4, stack().connection_count() >= live || stack().time_wait_count() > 0);
  for (const Bound& bound : bound_) {
    if (!bound.is_live && bound.port != 0) FUZZ_CHECK(P4, !stack().UdpPeek(bound.id));
  }
  // P1: what a peer got is what was written.
  for (size_t i = 0; i < kPeers; ++i) {
    for (const Owned& owned : owned_) {
      if (owned.peer != static_cast<int>(i) || is_wild_) continue;
      FUZZ_CHECK(P1, peers_[i].received().size() <= owned.written);
      FUZZ_CHECK(P1, Pattern::Matches(peers_[i].received(), kBack));
    }
  }
}

void ApiWorld::Stage() {
  const unsigned stage = choices_.head[1] % 8;
  if (stage == 0) return;
  if (stage == 6) {
    Bind(80);
    Deliver(maker_.Udp({kPeerIp, 9}, {kStackIp, 80}, Pattern::At(0, 100)));
    return;
  }
  Listen(80, 2, std::nullopt);
  if (stage == 1) return;
  PeerOpens(0, 80);
  Pump();
  Accept(0);
  switch (stage) {
    case 4:
      peers_[0].Write(Pattern::At(0, 3000));
      break;
    case 5:
      peers_[0].holds = true;
      if (owned_[0].is_live) Write(owned_[0], 5000, false);
      break;
    case 7:
      if (owned_[0].is_live) {
        Write(owned_[0], 100, false);
        LetGo(owned_[0], false);
      }
      break;
    default:
      break;
  }
  Pump();
}

void ApiWorld::CarryCall(const Record& record) {
  Owned& owned = OwnedAt(record.U8(0));
  switch (record.operation) {
    case kListen: {
      std::optional<Ipv4Address> local;
      if (record.U8(2) != 0) local = AddressOf(record.U8(2));
      Listen(PortOf(record.U8(0)), record.U8(1) % 9, local);
      return;
    }
    case kUnlisten:
      return Unlisten(record.U8(0));
    case kAccept:
      return Accept(record.U8(0));
    case kConnect:
      return Connect(record);
    case kWrite:
    case kWriteStatic:
      return Write(owned, record.U16(1), record.operation == kWriteStatic);
    case kRead:
      return Read(owned, record.U16(1), record.U16(2));
    case kShutdown:
      stack().Shutdown(owned.id);
      owned.shut = true;
      return Settle();
    case kClose:
    case kAbort:
      return LetGo(owned, record.operation == kAbort);
    case kOptions:
      return Options(owned, record.U32(1));
    case kUser:
      stack().SetUser(owned.id, record.U32(1));
      if (owned.is_live) owned.user = record.U32(1);
      return Settle();
    case kStale:
      return CallStale(record.U8(0), record.U8(1), record.U32(2));
    case kBind:
      return Bind(PortOf(record.U8(0)));
    case kUnbind: {
      Bound& bound = bound_[record.U8(0) % kSockets];
      stack().UdpClose(bound.id);
      bound.is_live = false;
      return Settle();
    }
    case kPop: {
      const Bound& bound = bound_[record.U8(0) % kSockets];
      const auto datagram = stack().UdpPeek(bound.id);
      if (datagram) {
        FUZZ_CHECK(P2, bound.is_live);
        FUZZ_CHECK(P1, Pattern::Matches(datagram->payload, 0));
      }
      stack().UdpPop(bound.id);
      return Settle();
    }
    case kSend:
      return Send(record);
    case kJoin:
      return Join(GroupOf(record.U8(0)));
    case kLeave:
      stack().LeaveMulticast(GroupOf(record.U8(0)));
      std::erase(groups_, GroupOf(record.U8(0)));
      return;
    case kAddress:
      return SetAddress(record.U8(0));
    default:
      return;
  }
}

void ApiWorld::CarryOutside(const Record& record) {
  const size_t index = record.U8(0) % kPeers;
  StreamPeer& peer = peers_[index];
  switch (record.operation) {
    case kPeerOpens:
      return PeerOpens(index, PortOf(record.U8(1)));
    case kPeerSays:
      peer.Write(Pattern::At(peer.stream().size(), record.U16(1) % 4000));
      return;
    case kPeerEnds:
      if (record.U8(1) % 2 == 0) {
        peer.Finish();
      } else if (peer.may_speak()) {
        Deliver(peer.Reset());
      }
      return;
    case kPeerHolds:
      peer.holds = record.U8(1) % 2 == 1;
      peer.offered_window = record.U16(2);
      if (peer.may_speak() && !peer.holds) Deliver(peer.Acknowledge());
      return;
    case kPeerIsWild:
      is_wild_ = true;
      ++steps_;
      Deliver(peer.Wild(record.U8(1) & 0x3f, record.U32(2), record.U32(3),
                        Pattern::At(0, record.U8(4))));
      return;
    case kDatagram: {
      Ipv4Address to = kStackIp;
      if (record.U8(2) != 0) to = AddressOf(record.U8(2));
      ++steps_;
      Deliver(maker_.Udp({kPeerIp, 9}, {to, PortOf(record.U8(0))},
                         Pattern::At(0, record.U16(1) % 1400)));
      return;
    }
    case kTime:
      return PassTime(record.TimeAt(0, kAdvanceMax));
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && !IsTired(); ++i) {
        if (!AdvanceToDeadline(kAdvanceMax)) return;
        Pump();
      }
      return;
    case kBlock:
      BlockDevice(record.U8(0));
      return;
    default:
      return;
  }
}

void ApiWorld::Carry(const Record& record) {
  record.operation < kPeerOpens ? CarryCall(record) : CarryOutside(record);
  Pump();
  CheckHandles();
}

void ApiWorld::Finish() {
  BlockDevice(0);
  set_answers_arp(true);
  Settle();
  const bool is_kept = !is_wild_ && !moved_ && !choices_.Has(kClassic) && !choices_.Has(kNoArp);
  // The way out of the network is back, too: it may have been taken away from under the address.
  if (stack().address() == kStackNetwork) {
    stack().SetAddress(kStackNetwork, kPeerIp);
    Settle();
  }
  for (StreamPeer& peer : peers_) {
    peer.holds = false;
    peer.offered_window = 65535;
    if (!is_wild_ && peer.may_speak()) Deliver(peer.Acknowledge());
  }
  Pump();
  // What nobody accepts, and what nobody answers to, would keep its memory from the others.
  for (size_t i = 0; i < listening_.size(); ++i) {
    if (listening_[i].is_live) Unlisten(static_cast<uint8_t>(i));
  }
  for (Owned& owned : owned_) {
    if (owned.is_live && (owned.peer < 0 || peers_[static_cast<size_t>(owned.peer)].is_dead()))
      LetGo(owned, true);
  }
  // P14: the failures are over, and so nothing that was written is lost.
  const Instant end = now() + seconds(300);
  for (int i = 0; is_kept && now() < end; ++i) {
    bool is_pending = false;
    for (Owned& owned : owned_) {
      if (!owned.is_live || owned.ended) continue;
      Read(owned, SIZE_MAX, 0);
      if (owned.peer >= 0 && !peers_[static_cast<size_t>(owned.peer)].is_dead())
        is_pending = is_pending || stack().Unacknowledged(owned.id) > 0 ||
                     peers_[static_cast<size_t>(owned.peer)].has_unacknowledged();
    }
    Pump();
    if (!is_pending || i == 400) break;
    PassTime(i < 8 ? milliseconds(250) : seconds(2));
  }
  for (Owned& owned : owned_) {
    if (!owned.is_live) continue;
    if (is_kept && !owned.ended && owned.peer >= 0) {
      const StreamPeer& peer = peers_[static_cast<size_t>(owned.peer)];
      if (!peer.is_dead() && peer.is_established()) {
        Read(owned, SIZE_MAX, 0);
        FUZZ_CHECK(P14, peer.received().size() == owned.written);
        FUZZ_CHECK(P14, owned.read == peer.stream().size());
      }
    }
    LetGo(owned, true);
  }
  for (Bound& bound : bound_) {
    if (bound.is_live) stack().UdpClose(bound.id);
    bound.is_live = false;
  }
  CheckNeutral();
}

}  // namespace aether::fuzz::stack_api
