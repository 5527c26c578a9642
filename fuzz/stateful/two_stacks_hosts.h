// The two hosts with their applications, and the link between them. What the applications do stands
// in two_stacks_hosts.cc, what link and clock do in two_stacks_link.cc, and how records are carried
// out in two_stacks_run.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/link.h"
#include "fuzz/stateful/two_stacks_host.h"
#include "fuzz/stateful/two_stacks_lane.h"
#include "fuzz/stateful/two_stacks_script.h"
#include "fuzz/stateful/two_stacks_setup.h"
#include "fuzz/target.h"
#include "stack/stack.h"

namespace aether::fuzz::two_stacks {

inline constexpr size_t kLanes = 3;
// Frames delivered and stops of the clock; then the records are over.
inline constexpr size_t kStepsMax = 100;
inline constexpr size_t kFinalStepsMax = 20000;

class Hosts {
 public:
  Hosts(const Choices& choices, const Origin& origin);

  void Stage();
  void Carry(const Record& record);
  void Finish();

  void OnEvent(size_t side, const Event& event);
  void OnFrame(size_t side, const testing::NaiveFrame& frame, Bytes raw);

  bool IsTired() const { return steps_ > kStepsMax; }
  Instant now() const { return now_; }
  // What the applications saw; nothing in it depends on the clock's origin or on secrets.
  uint64_t behaviour() const { return behaviour_.hash(); }
  bool was_tampered_with() const { return tampered_; }
  std::optional<uint32_t> first_iss() const { return first_iss_; }

 private:
  Stack& StackOf(size_t side) { return hosts_[side].stack(); }
  static uint64_t Base(const Lane& lane, size_t lane_index, size_t writer) {
    return lane_index * 7919 + lane.attempt * 20011u + writer * 30011;
  }
  uint16_t PortOf(size_t lane_index, size_t side, const Lane& lane) const;
  void Catch(size_t side);
  void Listen(size_t side, uint32_t backlog);
  void Accept(size_t side);
  void Connect(size_t side, size_t lane_index, bool crossing);
  void Write(size_t side, size_t lane_index, size_t bytes, bool is_static);
  void Read(size_t side, size_t lane_index, size_t bytes);
  void LetGo(size_t side, size_t lane_index, bool abort);
  void Options(size_t side, size_t lane_index, const Record& record);
  void DeliverAt(size_t side, size_t which);
  void ExchangeArp();
  void Flush(uint8_t lost_of_0, uint8_t lost_of_1);
  void PassTime(Duration by);
  bool PassDeadline(Duration most);
  void CarryLink(size_t side, const Record& record);
  void ReadAll();
  void CheckLanes();
  void Note(uint64_t value) { behaviour_.Add(value); }

  const Choices choices_;
  const Instant start_;
  Instant now_;
  Link& link_;
  std::array<Host, 2> hosts_;
  std::array<Lane, kLanes> lanes_;
  std::array<std::optional<ListenerId>, 2> listeners_;
  Trace behaviour_;
  std::optional<uint32_t> first_iss_;
  bool arp_waits_ = false;
  bool tampered_ = false;
  bool is_final_ = false;
  size_t steps_ = 0;
  // P7.
  uint64_t idle_frames_ = 0;
  Instant idle_since_;
};

}  // namespace aether::fuzz::two_stacks
