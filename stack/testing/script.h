// Script tests: a stack, a manual clock, and a peer driven by hand.
//
//   auto s = Script::Established();
//   s->peer().Data("hello");
//   s->Expect(Ack(6));
//   s->ExpectNothing();
//
// After every step all that the stack has to send is taken out, put through the naive parser, and
// kept for Expect; the invariants of the stack and the accounting of frames are checked. ARP
// requests for hosts on the peer's side are answered behind the scenes unless that is switched off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/time.h"
#include "stack/stack.h"
#include "stack/tcp/state.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/matchers.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/tcp_peer.h"

namespace aether::testing {

// Our address, a seed, no announcement, small tables; everything else as config.h has it.
Config ScriptConfig();
// The same with every mechanism of TCP.
Config FullConfig();
// The same as ScriptConfig without SYN cookies.
Config ScriptConfigWithoutCookies();
// The name of a state as GoogleTest takes it.
std::string TestName(tcp::State state);

struct ScriptOptions {
  Config config = ScriptConfig();
  std::optional<Ipv4Network> address = kOurNetwork;
  std::optional<Ipv4Address> gateway{};
  bool answer_arp = true;
  // 0: no listener.
  uint16_t listen_port = 80;
  uint32_t backlog = 1024;
  TcpPeerSpec peer{};
  // Of the SYN of peer() in Established and what builds on it; empty: an MSS of 1460. With
  // timestamps among them, all its segments have some.
  Frame syn_options{};
  Duration syn_round_trip{};
};
// Of a script with FullConfig.
ScriptOptions FullOptions();

class Script {
 public:
  using Where = std::source_location;
  static constexpr Instant kStart{std::chrono::seconds(1000)};

  explicit Script(const ScriptOptions& options = {});
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // A stack with one connection from peer(), driven into a state by frames and calls; connection()
  // is its handle where the application has one. Nothing is left to Expect.
  // With no listener, a SYN that waits for its answer; listen_port is where peer() is.
  static std::unique_ptr<Script> SynSent(ScriptOptions options = {});
  static std::unique_ptr<Script> SynReceived(ScriptOptions options = {});  // switches cookies off
  static std::unique_ptr<Script> Established(const ScriptOptions& options = {});
  // FullConfig, and a peer that offers FullSynOptions; the handshake takes this long.
  static std::unique_ptr<Script> Full(Duration round_trip = Duration::zero());
  static std::unique_ptr<Script> FinWait1(const ScriptOptions& options = {});
  static std::unique_ptr<Script> FinWait2(const ScriptOptions& options = {});
  static std::unique_ptr<Script> CloseWait(const ScriptOptions& options = {});
  static std::unique_ptr<Script> Closing(const ScriptOptions& options = {});
  static std::unique_ptr<Script> LastAck(const ScriptOptions& options = {});
  static std::unique_ptr<Script> TimeWait(const ScriptOptions& options = {});
  // Any state but CLOSED and LISTEN.
  static std::unique_ptr<Script> In(tcp::State state, const ScriptOptions& options = {});

  // --- Frames in ---

  void Send(const Frame& frame);
  void Send(std::span<const Frame> batch);
  // `at` counts from the start of the script.
  void Send(Duration at, const Frame& frame);
  // Sends and checks that this is what became of it, and of no other frame.
  void SendDropped(const Frame& frame, Drop reason, Where where = Where::current());
  void SendDelivered(const Frame& frame, Where where = Where::current());

  // --- Frames out ---

  // Takes the oldest frame that the stack sent; it must be there and match.
  NaiveFrame Expect(const Matcher& matcher, Where where = Where::current());
  // The same, and it must have been sent at `at` from the start, give or take a tick of the timer
  // wheel.
  NaiveFrame ExpectAt(Duration at, const Matcher& matcher, Where where = Where::current());
  // Nothing waits; lets time pass until the stack sends something. That must be at `at`, as above.
  // Returns when it was.
  Duration ExpectNext(Duration at, const Matcher& matcher, Where where = Where::current());
  void ExpectNothing(Where where = Where::current());
  // Frames that wait for Expect.
  size_t output_size() const { return output_.size(); }
  void DiscardOutput() { output_.clear(); }
  // A hash of all that was sent since the last call, with its times; nothing is left to Expect.
  uint64_t HashOutput();

  // --- Time ---

  void Advance(Duration by, Where where = Where::current());
  // `at` counts from the start of the script.
  void AdvanceTo(Duration at, Where where = Where::current());
  Instant now() const { return now_; }
  Duration elapsed() const { return now_ - kStart; }

  // --- The application ---

  // Opens a connection to peer(); it becomes connection().
  ConnectionId Connect(const ConnectOptions& options = {}, Where where = Where::current());
  // Takes the next connection; it becomes connection().
  ConnectionId Accept(Where where = Where::current());
  ConnectionId connection() const { return connection_; }
  ListenerId listener() const { return listener_; }
  // All that can be read, consumed.
  std::string Read();
  void Write(std::string_view text, Where where = Where::current());
  void Write(const Frame& data, Where where = Where::current());
  void Shutdown();
  void Close();
  void Abort();
  // What PollEvents told about connection() since the last call.
  tcp_event::Mask TakeEvents();
  void ExpectState(tcp::State state, Where where = Where::current());
  // After calls of stack() made by a test itself: takes what the stack has to send.
  void Step(Where where = Where::current());

  Stack& stack() { return *stack_; }
  const Counters& counters() const { return stack_->counters(); }
  uint64_t drops(Drop reason) const { return counters().drops[DropIndex(reason)]; }

  TcpPeer& peer() { return *peers_.front(); }
  // One more peer; it lives as long as the script.
  TcpPeer& AddPeer(const TcpPeerSpec& spec);
  // Whom a TCP segment of the stack is for; null if nobody.
  const TcpPeer* FindPeer(const NaiveFrame& frame) const;

  // What passed lately, readable.
  std::string History() const;

 private:
  struct Sent {
    Instant at;
    Frame bytes;
    NaiveFrame parsed;
  };
  struct Passed {
    Instant at;
    char direction;
    Frame bytes;
  };

  void ReceiveBatch(std::span<const Frame> batch);
  void Pump(Where where);
  void OnOutput(const Frame& bytes, Where where);
  // True when the frame was an ARP request that has been answered.
  bool AnswerArp(const NaiveFrame& frame);
  void PollEvents();
  void Remember(char direction, const Frame& frame);
  void CheckCounts(Where where);
  std::string Describe(const Sent& sent) const;
  void Fail(const std::string& message, Where where) const;

  ScriptOptions options_;
  Instant now_ = kStart;
  std::unique_ptr<Stack> stack_;
  Frame buffer_;
  std::deque<Frame> sent_;
  ListenerId listener_{};
  ConnectionId connection_{};
  std::vector<std::unique_ptr<TcpPeer>> peers_;
  std::deque<Sent> output_;
  std::deque<Passed> history_;
  std::vector<Event> events_;
};

}  // namespace aether::testing
