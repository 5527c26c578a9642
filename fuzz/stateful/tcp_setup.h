// From head bytes to a setup, and the setup into the state that was asked for, by a peer that
// behaves well.
#pragma once

#include "fuzz/stateful/tcp_script.h"
#include "fuzz/stateful/tcp_world.h"

namespace aether::fuzz {

TcpSetup SetupOf(const RecordReader& reader);

class Stager {
 public:
  Stager(TcpWorld& world, bool active);
  void Run(TcpStage stage);

 private:
  void Peer(size_t i, uint8_t flags, uint32_t payload_bytes = 0, uint16_t window = 65535);
  void Open(size_t i);
  void FromEstablished(TcpStage stage);
  void Crowd();
  void Lose();

  TcpWorld& world_;
  const bool active_;
};

}  // namespace aether::fuzz
