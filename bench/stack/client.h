// The other end of all connections: writes the frames of many clients as Linux would send them
// (timestamps, window scaling, SACK permitted), and checks every frame that comes back: checksums,
// numbers, flags, text. Its time is never measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/common/generators.h"
#include "bench/stack/frame_log.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::bench {

// The number of the client that an endpoint is of, see ClientOf.
uint32_t NumberOf(Ipv4Endpoint client);

struct ClientOptions {
  // Connections are numbers from 0 on, of which so many in a row exist at a time.
  uint32_t open_max = 1;
  // Each request asks for the connection's end.
  bool close = false;
  // Every answer is read by the naive parser as well, which takes its time.
  bool strict = false;
  // What the server agrees to when it is asked; anything else is wrong.
  bool timestamps = true;
  // Acknowledgements that nobody asked for are no mistake: somebody sends in the clients' names.
  bool takes_acks = false;
  // The server may be out of memory: a client may Abandon a connection, and late answers are none.
  bool may_lose = false;
};

class Client {
 public:
  Client(const ClientOptions& options, Bytes response);

  // --- Frames ---
  void Syn(uint32_t number, FrameLog& log, Instant now);
  void Ack(uint32_t number, FrameLog& log, Instant now);
  void Request(uint32_t number, FrameLog& log, Instant now);
  void Fin(uint32_t number, FrameLog& log, Instant now);
  // Resets a connection whose answer does not come; it is not owed any more.
  void Abandon(uint32_t number, FrameLog& log);
  // The router says who has its address.
  static void Arp(FrameLog& log);

  // A frame of the server's.
  void OnFrame(Bytes frame);

  // The first thing that was wrong, empty when nothing was.
  const std::string& wrong() const { return wrong_; }
  // Answers that are still to come.
  uint64_t owed() const { return owed_; }
  bool IsOwed(uint32_t number) const;
  // The server has reset the connection; a Syn begins anew.
  bool IsLost(uint32_t number) const;
  // What the client would send next; 0 when there is no such connection.
  uint32_t NextSequence(uint32_t number) const;

 private:
  enum class Owed : uint8_t { kNothing, kSynAck, kResponse, kAckOfFin };
  struct Peer {
    uint32_t number = 0;
    uint32_t snd_nxt = 0;
    uint32_t rcv_nxt = 0;
    uint32_t ts_recent = 0;
    Owed owed = Owed::kNothing;
    bool is_lost = false;
  };

  Peer& Of(uint32_t number) { return peers_[number % peers_.size()]; }
  void Segment(Peer& peer, uint8_t flags, Bytes options, Bytes text, FrameLog& log);
  void Plain(Peer& peer, uint8_t flags, Bytes text, FrameLog& log, Instant now);
  void Owe(Peer& peer, Owed what);
  std::string CheckFrame(Bytes frame);
  std::string CheckSegment(Peer& peer, Bytes segment);

  ClientOptions options_;
  Bytes response_;
  std::vector<Peer> peers_;
  Generator generator_{0xc11e};
  uint64_t owed_ = 0;
  std::string wrong_;
};

}  // namespace aether::bench
