// One end of a connection as an application sees it: carries out an AppPlan through the socket
// calls of a TcpHost, and is the place where delivered bytes are checked (P1): every byte once, in
// order, none after the end.
#pragma once

#include <cstdint>
#include <string>

#include "stack/base/time.h"
#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/plan.h"
#include "stack/testing/sim/stream.h"
#include "stack/testing/sim/tcp_host.h"

namespace aether::testing::sim {

class App {
 public:
  enum class Outcome : uint8_t {
    kRunning,
    kFinished,   // both streams complete
    kCut,        // ended by the plan before that
    kReset,      // by the peer
    kTimedOut,   // by the host
    kAbandoned,  // nothing happened for too long
  };

  App(const AppPlan& plan, Stream out, Stream in, Seed seed);

  void Attach(ConnectionId id, Instant now);
  void OnEvents(tcp_event::Mask mask) { events_ |= mask; }
  // Does what can be done now; returns how many calls it made that may make the host send
  // something.
  uint32_t Step(TcpHost& host, Instant now);
  // When Step may have something to do without an event.
  Instant NextDeadline() const;

  Outcome outcome() const { return outcome_; }
  bool IsOver() const { return outcome_ != Outcome::kRunning; }
  ConnectionId id() const { return id_; }
  uint64_t received_bytes() const { return received_bytes_; }
  uint64_t written_bytes() const { return written_bytes_; }
  bool saw_end() const { return saw_end_; }
  // FIN follows what was written: that is all.
  bool is_shut() const { return is_shut_; }
  // What P1 says against the delivered stream; empty while nothing is wrong.
  const std::string& complaint() const { return complaint_; }
  const AppPlan& plan() const { return plan_; }
  // For messages.
  std::string Describe() const;

 private:
  void End(Outcome outcome) { outcome_ = outcome; }
  bool MayRead(Instant now);
  uint32_t Read(TcpHost& host, Instant now);
  uint32_t Echo(TcpHost& host, Instant now);
  uint32_t WriteSome(TcpHost& host, Instant now);
  uint32_t Send(TcpHost& host, WriteStep& step, Instant now);
  uint32_t Finish(TcpHost& host);
  // Bytes as delivered; false when they are not those of the stream.
  bool Verify(Bytes data, Instant now);
  void NoteEnd(TcpHost& host);
  bool IsPaused(Duration pause, Instant now);

  AppPlan plan_;
  Stream out_;
  Stream in_;
  Dice dice_;
  ConnectionId id_;
  Outcome outcome_ = Outcome::kRunning;
  bool is_open_ = false;
  tcp_event::Mask events_ = 0;

  size_t write_step_ = 0;
  uint64_t written_bytes_ = 0;
  uint64_t chunk_left_bytes_ = 0;
  bool is_shut_ = false;
  Instant paused_until_ = kNever;

  size_t stall_ = 0;
  uint64_t since_stall_bytes_ = 0;
  Instant stalled_until_{};
  Instant next_read_at_{};
  uint64_t received_bytes_ = 0;
  bool saw_end_ = false;
  bool is_read_waiting_ = false;

  Instant active_at_{};
  Instant now_{};
  std::string complaint_;
};

}  // namespace aether::testing::sim
