// The stack: bytes in, bytes out, time in. One object is one host with one link address; it reads
// no clock, no file, no entropy, starts no thread, and calls nobody back. Frames, times, the seed
// and the calls determine every byte it sends.
//
//   stack.Receive(frames, now);                        // what arrived; an empty batch lets time
//   pass while (n = stack.PollEvents(events)) ...           // the application reads, writes,
//   closes while (n = stack.Transmit(buffer, now)) send(...)  // what is due sleep until a frame
//   comes or stack.NextDeadline()
//
// `now` never goes back. A stack belongs to one thread. The frames need to live only during the
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/error.h"
#include "stack/base/memory_use.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/probe.h"
#include "stack/tcp/snapshot.h"
#include "stack/tcp/socket_options.h"
#include "stack/udp/socket.h"
#include "stack/wire/address.h"

namespace aether {

// Something happened to a socket. `owner` is the tag given to TcpListen or UdpBind, for handing
// events on.
struct Event {
  enum class Kind : uint8_t {
    kAcceptable,  // `listener` has connections to Accept
    kConnection,  // `connection`: see `mask`
    kDatagram,    // `udp` has datagrams to read
  };
  Kind kind = Kind::kConnection;
  tcp_event::Mask mask = 0;
  uint16_t owner = 0;
  ListenerId listener;
  UdpSocketId udp;
  ConnectionId connection;
  uint32_t user = 0;  // SetUser's value of the connection
};

struct ListenOptions {
  uint16_t owner = 0;
  uint32_t backlog = 1024;  // connections that wait for Accept
  SocketOptions socket{};   // of the connections that it takes
  // [RFC 9293 3.9.1.1 MUST-43] connections to this address only, whenever it is ours; otherwise to
  // whatever address we have.
  std::optional<Ipv4Address> local_address{};
};

struct ConnectOptions {
  uint16_t owner = 0;
  uint16_t local_port = 0;  // 0: a random one that is free
  SocketOptions socket{};
  // [RFC 9293 3.9.1.1 MUST-43] refused unless it is ours; otherwise the one that we have.
  std::optional<Ipv4Address> local_address{};
};

struct UdpOptions {
  uint16_t owner = 0;
};

class Stack {
 public:
  // Events that PollEvents may return at once are up to the caller; frames of one batch are
  // processed in stages of this many, and larger batches are cut by the stack itself.
  static constexpr size_t kBatchMax = 64;

  Stack(const Config& config, Instant now);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // --- The loop ---

  // Takes in frames (Ethernet, without check sequence) and lets time pass until `now`. Each frame
  // is counted as delivered or dropped with a reason.
  void Receive(std::span<const Bytes> frames, Instant now);
  // Writes the next frame that is due into `out`, which must hold frame_size_max() bytes; returns
  // its size, 0 for none.
  size_t Transmit(MutableBytes out, Instant now);
  // When to call Receive again if no frame arrives: never late, possibly early; kNever when nothing
  // is pending.
  Instant NextDeadline() const;
  // Fills `out` with pending events; a socket is in the list at most once. Returns how many. Zero
  // when none is left.
  size_t PollEvents(std::span<Event> out);
  size_t frame_size_max() const;

  // Frames that another stack with the same link address has taken in and answered: only neighbours
  // are learned from them. For engines that shard one address over several stacks; not counted as
  // frames.
  void Observe(std::span<const Bytes> frames, Instant now);

  // --- Several stacks that share one link address (Config::sharded) ---

  // The next TCP packet that the last Receive put together from fragments, IP header included: only
  // whoever shares the flows out knows which of the stacks it is for, this one or another. Valid
  // until the next Receive; what nobody takes is dropped then.
  std::optional<Bytes> TakeReassembled();
  // Takes in such a packet.
  void ReceiveReassembled(Bytes packet, Instant now);

  // --- Addresses ---

  // Sets address and network and, if given, the gateway. Another address than before ends all
  // connections.
  void SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway);
  void ClearAddress();
  std::optional<Ipv4Network> address() const;
  std::optional<Ipv4Address> gateway() const;
  std::expected<void, Error> JoinMulticast(Ipv4Address group);
  void LeaveMulticast(Ipv4Address group);

  // --- TCP ---

  std::expected<ListenerId, Error> TcpListen(uint16_t port, ListenOptions options);
  // Stops listening; connections that wait for Accept are reset.
  void TcpUnlisten(ListenerId listener);
  // The oldest established connection that waits. From here on the application owns it and must end
  // it with Close or Abort, also after kReset, kFinished and kTimedOut. Data that is already there
  // needs no event.
  std::optional<ConnectionId> Accept(ListenerId listener);
  // Connections that wait for Accept; those that were reset meanwhile count until Accept skips
  // them.
  size_t WaitingForAccept(ListenerId listener) const;

  // Opens a connection; kConnected tells when it is established, kReset or kTimedOut that it never
  // will be. The application owns it from here on, as with Accept, and may write already.
  std::expected<ConnectionId, Error> TcpConnect(Ipv4Endpoint remote, const ConnectOptions& options);

  // All calls with a stale handle do nothing and return zero, empty or false.

  bool SetOptions(ConnectionId id, const SocketOptions& options);
  // A value of the application's, returned in the events of the connection.
  void SetUser(ConnectionId id, uint32_t user);
  // The first contiguous bytes of the receive queue after `offset` ones; empty when there are none.
  // They stay valid until Consume or the next Receive.
  Bytes Peek(ConnectionId id, size_t offset = 0) const;
  // Bytes in the receive queue.
  size_t Readable(ConnectionId id) const;
  // Releases the first `size` bytes of the receive queue; size <= Readable().
  void Consume(ConnectionId id, size_t size);
  // True when the peer closed and everything was consumed.
  bool AtEnd(ConnectionId id) const;
  // Bytes that Write would take now.
  size_t WriteSpace(ConnectionId id) const;
  // Copies as much of `data` as fits into the send queue; returns how much.
  size_t Write(ConnectionId id, Bytes data);
  // Queues `data` without a copy, whole or not at all; refused while send_buffer_bytes or more are
  // queued.
  bool WriteStatic(ConnectionId id, const StaticBytes& data);
  // Bytes written that the peer has not acknowledged.
  size_t Unacknowledged(ConnectionId id) const;
  // Sends FIN after what is queued; reading goes on.
  void Shutdown(ConnectionId id);
  // Lets go of the connection: it is shut down and ends in the background. With bytes unread, or
  // arriving later, the peer is reset instead, so that it knows (RFC 2525 2.17).
  void Close(ConnectionId id);
  // Resets the peer and forgets the connection.
  void Abort(ConnectionId id);
  std::optional<tcp::Snapshot> Inspect(ConnectionId id) const;
  // Connections of any state that exist, and TIME-WAIT records.
  size_t connection_count() const;
  size_t time_wait_count() const;

  // --- UDP ---

  std::expected<UdpSocketId, Error> UdpBind(uint16_t port, UdpOptions options);
  void UdpClose(UdpSocketId socket);
  // The oldest datagram in the socket's queue; it stays valid until UdpPop or UdpClose.
  std::optional<Datagram> UdpPeek(UdpSocketId socket) const;
  void UdpPop(UdpSocketId socket);
  // Up to 65,507 bytes, in fragments where the MTU is smaller; copied before the call returns.
  // Without an address of our own only the limited broadcast can be reached, from 0.0.0.0 (DHCP).
  // `from_unspecified` sends a broadcast from 0.0.0.0 although there is an address (RFC 2131 4.1).
  std::expected<void, Error> UdpSend(UdpSocketId socket, Ipv4Endpoint to, Bytes payload,
                                     bool from_unspecified = false);

  // --- Observation ---

  const Config& config() const;
  const Counters& counters() const;
  // What is held now; all zeros once everything was let go and time has passed.
  MemoryUse memory_in_use() const;
  // From here on `probe` gets a record of every TCP segment that is taken in or sent; null: none
  // any more. It outlives the stack or is taken out before.
  void SetProbe(tcp::Probe* probe);
  // Calls CHECK on everything that must hold between calls; for tests, fuzzing and simulation.
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aether
