// The wire between host and stack. The host speaks raw IPv4, the stack Ethernet: a header is put
// before what arrives and taken off what leaves, and the stack's questions for link addresses are
// answered here. What left waits without bound until the host asks for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/stack.h"
#include "stack/wire/arp.h"

namespace aether::packetdrill {

class Link {
 public:
  struct Packet {
    int64_t time_us = 0;  // when it left the stack
    std::vector<uint8_t> bytes;
  };

  explicit Link(Stack& stack);

  // The stack's address and a way to everybody else.
  void SetAddress(Ipv4Address local);
  // One datagram for the stack, of any size up to 65,535 bytes. False when it is not IPv4.
  bool Inject(Bytes datagram, int64_t now_us);
  // Takes what the stack has to send.
  void Drain(int64_t now_us);

  bool empty() const { return packets_.empty(); }
  Packet Pop();

 private:
  void TakeFrame(Bytes frame, int64_t now_us);
  void AnswerArp(Bytes payload, int64_t now_us);

  Stack& stack_;
  std::vector<uint8_t> in_;
  std::vector<uint8_t> out_;
  std::deque<Packet> packets_;
};

}  // namespace aether::packetdrill
