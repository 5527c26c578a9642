// A stack whose application makes any call of stack.h, with peers outside that behave well or not.
// A small table of what was opened and let go says what each call may answer. The calls stand in
// api_world_calls.cc, the run and what happens outside in api_world.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/stateful/api_script.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/stream_peer.h"
#include "fuzz/stateful/world.h"

namespace aether::fuzz::stack_api {

// Frames to the stack and stops of the clock; then the records are over.
inline constexpr size_t kStepsMax = 80;
inline constexpr size_t kConnections = 8;
inline constexpr size_t kPeers = 3;
inline constexpr size_t kSockets = 6;

// One end of a conversation outside. The bytes of its stream are Pattern from 0 on; those of the
// stack's from kBack on.
inline constexpr uint64_t kBack = 30000;

// A connection of the application; when it is not live, the handle is one that was let go.
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

// A UDP socket, live or closed.
struct Bound {
  UdpSocketId id;
  bool is_live = false;
  uint16_t port = 0;
  uint16_t owner = 0;
};

class ApiWorld final : public World {
 public:
  explicit ApiWorld(const Choices& choices);
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
  // The probe has told of every segment that leaves.
  void CheckProbe(const testing::NaiveTcp& segment);
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
  std::optional<tcp::Probe> probe_;
  std::vector<tcp::ProbeRecord> probed_;  // what it told of, not yet on the wire
  size_t steps_ = 0;
  uint16_t next_owner_ = 1;
  uint16_t next_peer_port_ = 20000;
  bool is_wild_ = false;  // somebody said what no peer should
  bool moved_ = false;    // the address was another one for a while
};

}  // namespace aether::fuzz::stack_api
