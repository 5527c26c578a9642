// The calls that the application of stateful/api_world.h makes, each beside what it may answer.
#include <algorithm>
#include <array>
#include <optional>

#include "fuzz/pattern.h"
#include "fuzz/stateful/api_setup.h"
#include "fuzz/stateful/api_world.h"
#include "fuzz/target.h"

namespace aether::fuzz::stack_api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

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
  quiet->may_hear_leftovers = is_blocked();
  for (Owned& owned : owned_) {
    if (owned.peer == static_cast<int>(quiet - peers_.begin())) owned.peer = -1;
  }
  syn_of_stack_[static_cast<size_t>(quiet - peers_.begin())].reset();
  *free = {
      .id = *id, .is_live = true, .peer = static_cast<int>(quiet - peers_.begin()), .owner = owner};
  Settle();
}

void ApiWorld::Write(Owned& owned, size_t bytes, bool is_static) {
  // No more in all than the peer has room to remember.
  bytes = std::min<size_t>(bytes % 9000, StreamPeer::kReceivedBytesMax - owned.written);
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
    FUZZ_CHECK(P2, size + 28 <= config().net.output_datagram_bytes_max &&
                       (stack().address() || to.address.IsBroadcast()));
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
      // Nothing leads to those far away any more.
      moved_ = true;
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

}  // namespace aether::fuzz::stack_api
