// Every call of stack.h, with arguments as they should be and as they should not: stale handles,
// sizes beyond the limits, ports in use, addresses that change in the middle; over pools that are
// nearly empty (P14) and a device that takes nothing for a while. A small table of what was opened
// and let go says what each call may answer.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "fuzz/pattern.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/stream_peer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/tcp/profile.h"

namespace aether::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 40;
constexpr size_t kStepsMax = 200;
constexpr int kRoundsMax = 4000;
constexpr size_t kConnections = 8;
constexpr size_t kPeers = 3;
constexpr size_t kSockets = 6;
constexpr Duration kAdvanceMax = std::chrono::minutes(10);
constexpr Ipv4Address kOtherIp = Ipv4Address::Of(10, 0, 0, 77);
constexpr Ipv4Address kFarIp = Ipv4Address::Of(192, 0, 2, 1);

enum Op : uint8_t {
  kListen,
  kUnlisten,
  kAccept,
  kConnect,
  kWrite,
  kWriteStatic,
  kRead,
  kShutdown,
  kClose,
  kAbort,
  kOptions,
  kUser,
  kStale,
  kBind,
  kUnbind,
  kPop,
  kSend,
  kJoin,
  kLeave,
  kAddress,
  kPeerOpens,
  kPeerSays,
  kPeerEnds,
  kPeerHolds,
  kPeerIsWild,
  kDatagram,
  kTime,
  kDeadline,
  kBlock,
  kOpCount,
};

constexpr const char* kRemoteNames[] = {"peer",      "other", "far",  "self",
                                        "broadcast", "group", "zero", "loopback"};
constexpr const char* kAddressNames[] = {"clear",   "usual",      "other",
                                         "host_32", "no_gateway", "wide"};
constexpr const char* kEndNames[] = {"fin", "rst"};
constexpr Operand kSlot{Operand::Kind::kByte, "slot"};
constexpr Operand kPortOperand{Operand::Kind::kByte, "port"};
constexpr Operand kSize{Operand::Kind::kWord, "bytes"};
constexpr Operand kPeer{Operand::Kind::kByte, "peer"};
constexpr std::array<Operation, kOpCount> kOperations = {{
    {"listen",
     {{kPortOperand,
       {Operand::Kind::kByte, "backlog"},
       {Operand::Kind::kByte, "local", kRemoteNames}}}},
    {"unlisten", {{kSlot}}},
    {"accept", {{kSlot}}},
    {"connect",
     {{{Operand::Kind::kByte, "remote", kRemoteNames},
       kPortOperand,
       {Operand::Kind::kByte, "local_port"},
       {Operand::Kind::kByte, "local", kRemoteNames}}}},
    {"write", {{kSlot, kSize}}},
    {"write_static", {{kSlot, kSize}}},
    {"read", {{kSlot, kSize, {Operand::Kind::kWord, "look_at"}}}},
    {"shutdown", {{kSlot}}},
    {"close", {{kSlot}}},
    {"abort", {{kSlot}}},
    {"options", {{kSlot, {Operand::Kind::kLong, "values"}}}},
    {"user", {{kSlot, {Operand::Kind::kLong, "value"}}}},
    {"stale", {{{Operand::Kind::kByte, "call"}, kSlot, {Operand::Kind::kLong, "index"}}}},
    {"bind", {{kPortOperand}}},
    {"unbind", {{kSlot}}},
    {"pop", {{kSlot}}},
    {"send",
     {{kSlot,
       {Operand::Kind::kByte, "to", kRemoteNames},
       kPortOperand,
       kSize,
       {Operand::Kind::kByte, "from_unspecified"}}}},
    {"join", {{{Operand::Kind::kByte, "group"}}}},
    {"leave", {{{Operand::Kind::kByte, "group"}}}},
    {"address", {{{Operand::Kind::kByte, "what", kAddressNames}}}},
    {"peer_opens", {{kPeer, kPortOperand}}},
    {"peer_says", {{kPeer, kSize}}},
    {"peer_ends", {{kPeer, {Operand::Kind::kByte, "how", kEndNames}}}},
    {"peer_holds", {{kPeer, {Operand::Kind::kByte, "on"}, {Operand::Kind::kWord, "window"}}}},
    {"peer_is_wild",
     {{kPeer,
       {Operand::Kind::kByte, "flags"},
       {Operand::Kind::kLong, "seq_by"},
       {Operand::Kind::kLong, "ack_by"},
       {Operand::Kind::kByte, "bytes"}}}},
    {"datagram", {{kPortOperand, kSize, {Operand::Kind::kByte, "to", kRemoteNames}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};

enum Flags : uint8_t { kClassic = 1, kSmallMtu = 2, kSmallBuffers = 4, kNoArp = 8, kCookies = 16 };
constexpr const char* kFlagNames[] = {"classic", "small_mtu", "small_buffers", "no_arp", "cookies"};
constexpr const char* kStageNames[] = {"nothing", "listening", "accepted", "connected",
                                       "unread",  "unacked",   "bound",    "closing"};
constexpr std::array<Operand, 5> kHead = {{{Operand::Kind::kFlags, "flags", kFlagNames},
                                           {Operand::Kind::kByte, "stage", kStageNames},
                                           {Operand::Kind::kByte, "chunks"},  // 0: enough
                                           {Operand::Kind::kByte, "items"},
                                           {Operand::Kind::kByte, "records"}}};
constexpr std::array<uint8_t, 5> kInteresting = {0, 1, 2, 0x7f, 0xff};
constexpr Grammar kGrammar{.target = "stack_api",
                           .head = kHead,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

struct Choices {
  std::array<uint8_t, 5> head{};
  bool Has(uint8_t flag) const { return (head[0] & flag) != 0; }
  bool IsScarce() const { return head[2] != 0 || head[3] != 0 || head[4] != 0; }
};

Config StackConfig(const Choices& choices) {
  Config config = SmallConfig();
  config.announce = false;
  const auto few = [](uint8_t byte, uint32_t enough) {
    return byte == 0 ? enough : 1u + (byte - 1u) % 16;
  };
  // Of fewer chunks than 5 text ahead of a gap could take all, and the gap would stay.
  config.buffers.chunks_max = few(choices.head[2], 60) + 4;
  config.buffers.send_items_max = few(choices.head[3], 128);
  config.buffers.sent_segments_max = few(choices.head[4], 128);
  config.buffers.held_ranges_max = few(choices.head[4], 32);
  if (choices.Has(kClassic)) config.profile = tcp::kClassic;
  if (choices.Has(kCookies)) config.profile.syn_cookies = tcp::SynCookies::kAlways;
  if (choices.Has(kSmallMtu)) config.mtu = 300;
  if (choices.Has(kSmallBuffers)) {
    config.tcp.receive_buffer_bytes = config.tcp.receive_buffer_max_bytes = 2000;
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 3000;
    config.tcp.receive_scale = 0;
  }
  return config;
}

Ipv4Address AddressOf(uint8_t choice) {
  static constexpr std::array<Ipv4Address, 8> kAddresses = {kPeerIp,
                                                            kOtherIp,
                                                            kFarIp,
                                                            kStackIp,
                                                            Ipv4Address::Of(10, 0, 0, 255),
                                                            Ipv4Address::Of(224, 0, 0, 5),
                                                            Ipv4Address{},
                                                            Ipv4Address::Of(127, 0, 0, 1)};
  return kAddresses[choice % kAddresses.size()];
}
Ipv4Address GroupOf(uint8_t choice) {
  return choice % 5 == 4 ? kPeerIp
                         : Ipv4Address::Of(224, 0, 0, static_cast<uint8_t>(choice % 5 + 1));
}
// Few, so that they meet; 0 too.
uint16_t PortOf(uint8_t choice) {
  return static_cast<uint16_t>(choice % 5 == 4 ? 0 : 80 + choice % 5);
}

struct Owned {
  ConnectionId id;
  bool is_live = false;
  bool shut = false;
  bool ended = false;  // an event said so
  int peer = -1;
  uint32_t user = 0;
  uint16_t owner = 0;
  uint64_t written = 0;
  uint64_t read = 0;
};
struct Listening {
  bool is_live = false;
  uint16_t port = 0;
  uint32_t backlog = 0;
  uint16_t owner = 0;
};
struct Bound {
  UdpSocketId id;
  bool is_live = false;
  uint16_t port = 0;
  uint16_t owner = 0;
};

// One end of a conversation outside. The bytes of its stream are Pattern from 0 on; those of the
// stack's from kBack on.
constexpr uint64_t kBack = 30000;

std::array<StreamPeer, kPeers>& ThePeers() {
  static std::array<StreamPeer, kPeers> peers;
  return peers;
}

class ApiWorld final : public World {
 public:
  explicit ApiWorld(const Choices& choices)
      : World(StackConfig(choices)), choices_(choices), peers_(ThePeers()) {
    for (StreamPeer& peer : peers_) peer.Forget();
    set_answers_arp(!choices.Has(kNoArp));
    stack().SetAddress(kStackNetwork, kPeerIp);
    Settle();
  }
  void Stage();
  void Carry(const Record& record);
  void Finish();
  bool IsTired() const { return steps_ > kStepsMax; }

 private:
  Owned& OwnedAt(uint8_t slot) { return owned_[slot % kConnections]; }
  Owned* FreeOwned();
  void Listen(uint16_t port, uint32_t backlog, std::optional<Ipv4Address> local);
  void Unlisten(uint8_t slot);
  void Accept(uint8_t slot);
  void Connect(const Record& record);
  void Write(Owned& owned, size_t bytes, bool is_static);
  void Read(Owned& owned, size_t bytes, size_t look_at);
  void LetGo(Owned& owned, bool abort);
  void Options(const Owned& owned, uint32_t values);
  void CallStale(uint8_t call, uint8_t slot, uint32_t index);
  void Bind(uint16_t port);
  void Send(const Record& record);
  void Join(Ipv4Address group);
  void SetAddress(unsigned what);
  void PeerOpens(size_t peer, uint16_t port);
  void Pump();
  void PassTime(Duration by);
  void CheckHandles();
  void CarryCall(const Record& record);
  void CarryOutside(const Record& record);

  void OnEvent(const Event& event) override;
  void OnSent(const testing::NaiveFrame& frame, Bytes) override;

  const Choices choices_;
  std::array<StreamPeer, kPeers>& peers_;
  std::array<Owned, kConnections> owned_;
  std::array<Listening, 8> listening_;  // by their index
  std::array<Bound, kSockets> bound_;
  std::vector<Ipv4Address> groups_;
  std::array<std::optional<uint32_t>, kPeers> syn_of_stack_;
  FrameMaker maker_;
  size_t steps_ = 0;
  uint16_t next_owner_ = 1;
  uint16_t next_peer_port_ = 20000;
  bool is_wild_ = false;  // somebody said what no peer should
  bool moved_ = false;    // the address was another one for a while
};

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

Owned* ApiWorld::FreeOwned() {
  const auto free = std::ranges::find(owned_, false, &Owned::is_live);
  return free == owned_.end() ? nullptr : &*free;
}

void ApiWorld::Listen(uint16_t port, uint32_t backlog, std::optional<Ipv4Address> local) {
  const uint16_t owner = next_owner_++;
  const auto id =
      stack().TcpListen(port, {.owner = owner, .backlog = backlog, .local_address = local});
  const bool in_use = std::ranges::any_of(listening_, [port](const Listening& listening) {
    return listening.is_live && listening.port == port;
  });
  const auto count = std::ranges::count(listening_, true, &Listening::is_live);
  if (port == 0 || backlog == 0 || (local && !local->IsUnicast())) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kBadArgument);
  } else if (in_use) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kPortInUse);
  } else if (static_cast<uint32_t>(count) == config().tcp.listeners_max) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kTooMany);
  } else {
    FUZZ_CHECK(P2, id && id->index < listening_.size() && !listening_[id->index].is_live);
    listening_[id->index] = {true, port, backlog, owner};
  }
}

void ApiWorld::Unlisten(uint8_t slot) {
  const ListenerId id{static_cast<uint16_t>(slot >= 250 ? 0xff00 + slot : slot % 8)};
  stack().TcpUnlisten(id);
  if (id.index < listening_.size()) listening_[id.index].is_live = false;
  Settle(config().tcp.connections_max);
  FUZZ_CHECK(P2, stack().WaitingForAccept(id) == 0 && !stack().Accept(id));
}

void ApiWorld::Accept(uint8_t slot) {
  const ListenerId id{static_cast<uint16_t>(slot >= 250 ? 0xff00 + slot : slot % 8)};
  const size_t waiting = stack().WaitingForAccept(id);
  const bool is_live = id.index < listening_.size() && listening_[id.index].is_live;
  FUZZ_CHECK(P4, waiting == 0 || is_live);
  if (is_live) {
    FUZZ_CHECK(P4,
               waiting <= std::min(listening_[id.index].backlog, config().tcp.accept_queue_max));
  }
  Owned* free = FreeOwned();
  if (free == nullptr) return;
  const auto accepted = stack().Accept(id);
  FUZZ_CHECK(P2, !accepted || waiting > 0);
  if (!accepted) return;
  const auto seen = stack().Inspect(*accepted);
  FUZZ_CHECK(P2, seen && seen->local.port == listening_[id.index].port);
  *free = {.id = *accepted, .is_live = true, .owner = listening_[id.index].owner};
  for (size_t i = 0; i < kPeers; ++i) {
    if (peers_[i].peer() == seen->remote && peers_[i].stack() == seen->local)
      free->peer = static_cast<int>(i);
  }
  Settle();
}

void ApiWorld::Connect(const Record& record) {
  Owned* free = FreeOwned();
  const auto quiet = std::ranges::find_if(peers_, [](const StreamPeer& p) { return p.is_dead(); });
  if (free == nullptr || quiet == peers_.end()) return;
  const Ipv4Endpoint remote{AddressOf(record.U8(0)), PortOf(record.U8(1))};
  const uint16_t local_port =
      record.U8(2) == 0 ? uint16_t{0} : static_cast<uint16_t>(3000 + record.U8(2) % 4);
  std::optional<Ipv4Address> local;
  if (record.U8(3) != 0) local = AddressOf(record.U8(3));
  const uint16_t owner = next_owner_++;
  const auto id = stack().TcpConnect(
      remote, {.owner = owner, .local_port = local_port, .local_address = local});
  const auto address = stack().address();
  if (!address) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kNoAddress);
    return;
  }
  const bool is_bad =
      remote.port == 0 || !remote.address.IsUnicast() || remote.address == address->address ||
      address->IsDirectedBroadcast(remote.address) || (local && *local != address->address);
  if (is_bad) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kBadArgument);
    return;
  }
  if (!id) {
    FUZZ_CHECK(P2, id.error() != Error::kNoAddress && id.error() != Error::kNotFound);
    return;
  }
  const auto seen = stack().Inspect(*id);
  FUZZ_CHECK(P2, seen && seen->remote == remote && seen->state == tcp::State::kSynSent);
  FUZZ_CHECK(P2, local_port == 0 || seen->local.port == local_port);
  // Who had the same ends before has not heard of its end.
  for (size_t i = 0; i < kPeers; ++i) {
    if (peers_[i].peer() != remote || peers_[i].stack() != seen->local) continue;
    peers_[i].Forget();
    for (Owned& owned : owned_) {
      if (owned.peer == static_cast<int>(i)) owned.peer = -1;
    }
  }
  quiet->Start(remote, seen->local, 0xffffff00u);
  for (Owned& owned : owned_) {
    if (owned.peer == static_cast<int>(quiet - peers_.begin())) owned.peer = -1;
  }
  syn_of_stack_[static_cast<size_t>(quiet - peers_.begin())].reset();
  *free = {
      .id = *id, .is_live = true, .peer = static_cast<int>(quiet - peers_.begin()), .owner = owner};
  Settle();
}

void ApiWorld::Write(Owned& owned, size_t bytes, bool is_static) {
  bytes %= 9000;
  const size_t space = stack().WriteSpace(owned.id);
  const size_t queued = stack().Unacknowledged(owned.id);
  const uint64_t at = kBack + owned.written;
  size_t written = 0;
  if (is_static) {
    if (bytes == 0) return;
    written = stack().WriteStatic(owned.id, {Pattern::At(at, bytes), Pattern::Sum(at, bytes)})
                  ? bytes
                  : 0;
    FUZZ_CHECK(P2, written == 0 || space > 0);
  } else {
    written = stack().Write(owned.id, Pattern::At(at, bytes));
    FUZZ_CHECK(P2, written <= std::min(bytes, space));
    // Only a pool may take less than there is room for.
    if (!choices_.IsScarce() && stack().memory_in_use().chunks + 8 < config().buffers.chunks_max)
      FUZZ_CHECK(P2, written == std::min(bytes, space));
  }
  FUZZ_CHECK(P2, written == 0 || (owned.is_live && !owned.shut && !owned.ended));
  FUZZ_CHECK(P2, stack().Unacknowledged(owned.id) == queued + written);
  owned.written += written;
  Settle();
}

void ApiWorld::Read(Owned& owned, size_t bytes, size_t look_at) {
  const size_t readable = stack().Readable(owned.id);
  FUZZ_CHECK(P2, owned.is_live || readable == 0);
  const Bytes beyond = stack().Peek(owned.id, look_at);
  FUZZ_CHECK(P2, beyond.size() <= (look_at < readable ? readable - look_at : 0));
  FUZZ_CHECK(P2, look_at >= readable || !beyond.empty());
  if (!is_wild_ && owned.peer >= 0) FUZZ_CHECK(P1, Pattern::Matches(beyond, owned.read + look_at));
  size_t left = std::min(bytes, readable);
  while (left > 0) {
    const Bytes piece = stack().Peek(owned.id);
    FUZZ_CHECK(P8, !piece.empty());
    const size_t size = std::min(left, piece.size());
    if (!is_wild_ && owned.peer >= 0)
      FUZZ_CHECK(P1, Pattern::Matches(piece.first(size), owned.read));
    stack().Consume(owned.id, size);
    owned.read += size;
    left -= size;
  }
  FUZZ_CHECK(P2, stack().Readable(owned.id) == readable - std::min(bytes, readable));
  Settle();
}

void ApiWorld::LetGo(Owned& owned, bool abort) {
  abort ? stack().Abort(owned.id) : stack().Close(owned.id);
  owned.is_live = false;
  Settle();
}

void ApiWorld::Options(const Owned& owned, uint32_t values) {
  const SocketOptions options{.no_delay = (values & 1) != 0,
                              .quick_ack = (values & 2) != 0,
                              .keepalive_idle = seconds(values >> 8 & 0xffff),
                              .keepalive_interval = milliseconds(values >> 4 & 0xffff),
                              .keepalive_probes = static_cast<uint8_t>(values >> 24),
                              .user_timeout = seconds(values >> 20 & 0xff),
                              .dscp = static_cast<uint8_t>(values >> 2)};
  const bool done = stack().SetOptions(owned.id, options);
  FUZZ_CHECK(P2, !done || owned.is_live);
  Settle();
}

// Calls with a handle that was let go, never given out, or of another kind: they find nothing and
// change nothing.
void ApiWorld::CallStale(uint8_t call, uint8_t slot, uint32_t index) {
  ConnectionId id = OwnedAt(slot).id;
  if (OwnedAt(slot).is_live) id.generation += 1 + index % 3;
  if (index % 7 == 0) id = {index, index};
  for (const Owned& owned : owned_) {
    if (owned.is_live && owned.id == id) return;
  }
  const MemoryUse before = stack().memory_in_use();
  const uint64_t frames = frames_out();
  const std::array<uint8_t, 4> some = {1, 2, 3, 4};
  switch (call % 12) {
    case 0:
      FUZZ_CHECK(P2, stack().Write(id, some) == 0);
      break;
    case 1:
      FUZZ_CHECK(P2, !stack().WriteStatic(id, StaticBytes::Of(some)));
      break;
    case 2:
      FUZZ_CHECK(P2, stack().Peek(id, index).empty() && stack().Readable(id) == 0);
      break;
    case 3:
      stack().Consume(id, 0);
      break;
    case 4:
      stack().Shutdown(id);
      break;
    case 5:
      stack().Close(id);
      break;
    case 6:
      stack().Abort(id);
      break;
    case 7:
      FUZZ_CHECK(P2, !stack().Inspect(id) && !stack().AtEnd(id));
      break;
    case 8:
      FUZZ_CHECK(P2, !stack().SetOptions(id, {.no_delay = true}));
      break;
    case 9:
      stack().SetUser(id, index);
      break;
    case 10:
      FUZZ_CHECK(P2, stack().WriteSpace(id) == 0 && stack().Unacknowledged(id) == 0);
      break;
    default: {
      UdpSocketId socket{static_cast<uint16_t>(index), static_cast<uint16_t>(index >> 16)};
      for (const Bound& bound : bound_) {
        if (bound.is_live && bound.id == socket) return;
      }
      stack().UdpPop(socket);
      stack().UdpClose(socket);
      FUZZ_CHECK(P2, !stack().UdpPeek(socket));
      const auto sent = stack().UdpSend(socket, {kPeerIp, 9}, some);
      FUZZ_CHECK(P2, !sent && sent.error() == Error::kNotFound);
    }
  }
  FUZZ_CHECK(P2, stack().memory_in_use() == before);
  Settle();
  FUZZ_CHECK(P2, frames_out() == frames || before.frames > 0 || before.tcp_replies > 0 ||
                     before.connections > 0);
}

void ApiWorld::Bind(uint16_t port) {
  const uint16_t owner = next_owner_++;
  const auto id = stack().UdpBind(port, {.owner = owner});
  const bool in_use = std::ranges::any_of(
      bound_, [port](const Bound& bound) { return bound.is_live && bound.port == port; });
  const auto free = std::ranges::find(bound_, false, &Bound::is_live);
  const auto count = std::ranges::count(bound_, true, &Bound::is_live);
  if (port != 0 && in_use) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kPortInUse);
  } else if (static_cast<uint32_t>(count) == config().udp.sockets_max) {
    FUZZ_CHECK(P2, !id && id.error() == Error::kTooMany);
  } else {
    FUZZ_CHECK(P2, id.has_value() && free != bound_.end());
    *free = {.id = *id, .is_live = true, .port = port, .owner = owner};
  }
}

void ApiWorld::Send(const Record& record) {
  Bound& bound = bound_[record.U8(0) % kSockets];
  const Ipv4Endpoint to{AddressOf(record.U8(1)), PortOf(record.U8(2))};
  const size_t size = record.U16(3);
  const bool from_unspecified = record.U8(4) % 2 == 1;
  const Bytes payload = Pattern::At(0, size);
  const auto sent = stack().UdpSend(bound.id, to, payload, from_unspecified);
  CurrentTrace().Add(sent ? 100 : static_cast<uint64_t>(sent.error()));
  if (!bound.is_live) {
    FUZZ_CHECK(P2, !sent && sent.error() == Error::kNotFound);
  } else if (to.port == 0 || to.address.value >> 24 == 0 || to.address.value >> 24 == 127 ||
             (stack().address() && stack().address()->address == to.address)) {
    FUZZ_CHECK(P2, !sent && sent.error() == Error::kBadArgument);
  } else if (sent) {
    FUZZ_CHECK(P2, size <= 65507 && (stack().address() || to.address.IsBroadcast()));
  }
  Settle(2 + size / 256);
}

void ApiWorld::Join(Ipv4Address group) {
  const auto joined = stack().JoinMulticast(group);
  const bool is_member =
      std::ranges::find(groups_, group) != groups_.end() || group == Ipv4Address::Of(224, 0, 0, 1);
  if (!group.IsMulticast()) {
    FUZZ_CHECK(P2, !joined && joined.error() == Error::kBadArgument);
  } else if (is_member) {
    FUZZ_CHECK(P2, joined.has_value());
  } else {
    FUZZ_CHECK(P2, joined.has_value() == (groups_.size() < config().net.multicast_groups_max));
    if (joined) groups_.push_back(group);
  }
}

void ApiWorld::SetAddress(unsigned what) {
  const auto before = stack().address();
  switch (what % 6) {
    case 0:
      stack().ClearAddress();
      break;
    case 2:
      stack().SetAddress({kOtherIp, 24}, kPeerIp);
      break;
    case 3:
      stack().SetAddress({kStackIp, 32}, kPeerIp);
      break;
    case 4:
      stack().SetAddress(kStackNetwork, std::nullopt);
      break;
    case 5:
      stack().SetAddress({kStackIp, 0}, kPeerIp);
      break;
    default:
      stack().SetAddress(kStackNetwork, kPeerIp);
      break;
  }
  Settle(config().tcp.connections_max);
  const auto after = stack().address();
  if (before && after && before->address == after->address) {
    moved_ = moved_ || *before != *after;
    return;
  }
  if (!before && !after) return;
  // All connections ended, and those who own one know.
  moved_ = true;
  for (const Owned& owned : owned_) {
    if (!owned.is_live) continue;
    const auto seen = stack().Inspect(owned.id);
    FUZZ_CHECK(
        P2, seen && (seen->state == tcp::State::kClosed || seen->state == tcp::State::kTimeWait));
  }
  FUZZ_CHECK(P2, stack().time_wait_count() == 0);
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
  for (int round = 0; round < kRoundsMax; ++round) {
    ++steps_;
    if (!AdvanceToDeadline(end - now())) break;
    Pump();
  }
  if (end > now()) Advance(end - now());
  for (StreamPeer& peer : peers_) {
    if (by >= milliseconds(200) && peer.has_unacknowledged()) peer.SendAgain();
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
  for (StreamPeer& peer : peers_) {
    peer.holds = false;
    peer.offered_window = 65535;
    if (!is_wild_ && peer.may_speak()) Deliver(peer.Acknowledge());
  }
  Pump();
  // What nobody answers to would keep its memory from the others.
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
  for (size_t i = 0; i < listening_.size(); ++i) {
    if (listening_[i].is_live) Unlisten(static_cast<uint8_t>(i));
  }
  for (Bound& bound : bound_) {
    if (bound.is_live) stack().UdpClose(bound.id);
    bound.is_live = false;
  }
  CheckNeutral();
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  Choices choices;
  for (size_t i = 0; i < choices.head.size(); ++i) choices.head[i] = reader.head(i);
  ApiWorld world(choices);
  world.Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  world.Finish();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
