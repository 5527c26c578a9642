// Attackers who hold connections: they open them as anyone does, and then do not behave. Whoever
// loses his connection opens another one.
#pragma once

#include <vector>

#include "bench/common/generators.h"
#include "bench/hostile/flood.h"
#include "bench/stack/segment_writer.h"

namespace aether::bench {

class Attackers : public Flood {
 public:
  explicit Attackers(const FloodOptions& options);

  void Add(FrameLog& log, Instant now) override;
  void OnFrame(Bytes frame) override;
  uint32_t frames_until_steady() const override;

  // The first `count` endpoints whose hash under `key` leads to one of the first kCollidingSlots
  // slots of a table with room for `entries`.
  static constexpr uint32_t kCollidingSlots = 16;
  static std::vector<Ipv4Endpoint> CollidingEndpoints(SipKey key, uint32_t entries, uint32_t count);

 private:
  enum class State : uint8_t { kClosed, kSynSent, kOpen };
  struct Attacker {
    State state = State::kClosed;
    uint32_t incarnation = 0;
    Ipv4Endpoint own;
    uint32_t snd_nxt = 0;
    uint32_t rcv_nxt = 0;  // up to here everything came
    uint32_t rcv_max = 0;  // the end of the last that came
    uint32_t acknowledged = 0;
    uint32_t turns = 0;  // since it is open
  };

  uint32_t NumberOf(Ipv4Address address) const { return address.value & 0xffffffu; }
  void Open(uint32_t number, Attacker& attacker, FrameLog& log);
  void Misbehave(Attacker& attacker, FrameLog& log);
  void SendText(Attacker& attacker, uint16_t window, FrameLog& log);
  void SendAck(Attacker& attacker, uint16_t window, Bytes options, FrameLog& log);
  void SendSackHoles(Attacker& attacker, FrameLog& log);
  void SendAheadOfGap(Attacker& attacker, FrameLog& log);
  void SendAsStranger(FrameLog& log);

  FloodKind kind_;
  std::vector<Attacker> attackers_;
  // kHashCollision: those of the attackers first, and then strangers.
  std::vector<Ipv4Endpoint> colliding_;
  uint32_t cursor_ = 0;
  std::vector<uint32_t> order_;
  std::vector<uint8_t> text_;
  Generator generator_{0xa77ac4};
};

}  // namespace aether::bench
