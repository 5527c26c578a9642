// One stack in the hands of a stateful target: the target delivers frames, lets time pass and makes
// calls; the world takes out what the stack sends and watches the properties that need no knowledge
// of the protocol:
//
//   P4   CheckInvariants() and the limits of the configuration after every step
//   P5   after everything was let go and hours passed, nothing is held
//   P6   no byte of fresh memory leaves in a frame
//   P7   frames out per frame in and per quiet second are bounded
//   P8   polling comes to rest, deadlines advance or are acted on
//   P12  every frame passes the naive parser, which shares nothing with wire/
//   P13  a frame with a flipped bit under a checksum changes nothing
//   P15  everything that can be seen goes into the trace
//
// The rest of the link is friendly: an ARP request for any address but ours is answered at once,
// unless the target switches that off.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "fuzz/target.h"
#include "stack/stack.h"
#include "stack/testing/naive_parser.h"

namespace aether::fuzz {

// Everything small, so that a fresh stack costs microseconds and limits are met soon: 8 neighbours,
// 16 connections, 4 half-open, 24 chunks, and so on (world.cc).
Config SmallConfig();
inline constexpr Instant kWorldStart{std::chrono::seconds(1000)};
inline constexpr MacAddress kStackMac{{2, 0, 0, 0, 0, 2}};
inline constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 1}};
inline constexpr Ipv4Address kStackIp = Ipv4Address::Of(10, 0, 0, 2);
inline constexpr Ipv4Address kPeerIp = Ipv4Address::Of(10, 0, 0, 1);
inline constexpr Ipv4Network kStackNetwork{kStackIp, 24};

class World {
 public:
  // `host` names it to the observer.
  explicit World(const Config& config, int host = 0, Instant start = kWorldStart);
  virtual ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Stack& stack() { return *stack_; }
  const Stack& stack() const { return *stack_; }
  Instant now() const { return now_; }
  const Config& config() const { return config_; }

  // --- Steps ---

  // The stack gets an exact-size copy of each frame, in one batch; then Settle().
  void Deliver(Bytes frame);
  void Deliver(std::span<const Bytes> frames);
  // P13: the same frame with bit `bit` (modulo its size from `from` on) turned over is dropped and
  // changes nothing that can be seen. The caller knows that the bit is under a checksum.
  void DeliverDamaged(Bytes frame, size_t from, size_t bit);
  // Lets `by` pass, stopping at each deadline.
  void Advance(Duration by);
  // To the next deadline, if there is one within `most`; false otherwise, and then time stands
  // still.
  bool AdvanceToDeadline(Duration most);
  // Takes events and frames until there are none; called after every application call too, or after
  // `calls` of them.
  void Settle(uint64_t calls = 1);
  // The device takes no frame until so many Transmit calls were refused (P14).
  void BlockDevice(uint32_t calls) { blocked_calls_ = calls; }
  // It takes none, or what it did not take has not left since.
  bool is_blocked() const { return blocked_calls_ > 0 || withheld_inputs_ > 0; }

  // P5: the target has let go of everything that it owned. Lets hours pass and looks whether
  // anything is held.
  void CheckNeutral();

  bool answers_arp() const { return answers_arp_; }
  void set_answers_arp(bool answers) { answers_arp_ = answers; }
  void Note(std::string_view text) const;

  uint64_t frames_out() const { return frames_out_; }
  // It has had its share of the time: many short runs find more than a few long ones.
  bool IsTired() const { return steps_ > kWorldStepsMax; }

 protected:
  virtual void OnEvent(const Event& event) = 0;
  // A frame of the stack; `raw` lives until the next one.
  virtual void OnSent(const testing::NaiveFrame& frame, Bytes raw) = 0;
  // After every step, when all has come to rest.
  virtual void OnRest() {}

 private:
  static constexpr uint64_t kWorldStepsMax = 64;
  // What one step saw, for P7.
  struct Count {
    uint64_t inputs = 0;  // frames in, and calls
    uint64_t arp_in = 0;  // of those
    uint64_t data_out = 0;
    uint64_t control_out = 0;
    uint64_t events = 0;
    bool is_timed = false;  // nothing but time
    bool is_due = false;    // the stack had asked for it
  };

  void Step(std::span<const Bytes> frames, uint64_t calls);
  // Events, frames and ARP answers until there are none.
  void Rest(Count& count);
  bool TransmitOne(Count& count);
  void OnFrame(Bytes frame, Count& count);
  void AnswerArp(const testing::NaiveArp& request);
  void CheckReaction(const Count& count, const MemoryUse& use);
  void CheckLimits(const MemoryUse& use) const;
  void ObserveFrame(bool in, Bytes frame) const;

  const Config config_;
  const int host_;
  Instant now_;
  const Instant end_of_time_;
  std::optional<Stack> stack_;
  std::vector<uint8_t> out_;
  std::vector<std::array<uint8_t, 42>> arp_answers_;
  bool answers_arp_ = true;
  uint32_t blocked_calls_ = 0;
  // P7: while the device was blocked.
  uint64_t withheld_inputs_ = 0;
  uint64_t withheld_arp_ = 0;
  uint64_t frames_out_ = 0;
  uint64_t steps_ = 0;  // in which anything happened
  bool woke_for_nothing_ = false;
  MemoryUse use_{};  // after the last step
  Instant quiet_since_;
  uint64_t quiet_frames_ = 0;
  uint64_t quiet_sources_ = 1;
  uint64_t quiet_pieces_ = 0;  // that the flights lay in, at most
  uint64_t idle_wakes_ = 0;
};

}  // namespace aether::fuzz
