// The builders of script.h: each drives a fresh stack into one state and checks that it got there.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {

using tcp::State;

std::unique_ptr<Script> Script::SynSent(ScriptOptions options) {
  options.listen_port = 0;
  auto script = std::make_unique<Script>(options);
  script->Connect();
  const NaiveFrame syn = script->Expect(AnyFrame());
  EXPECT_TRUE(syn.tcp && (syn.tcp->flags & 0x3f) == tcp_flags::kSyn);
  script->ExpectNothing();
  script->ExpectState(State::kSynSent);
  return script;
}

std::unique_ptr<Script> Script::SynReceived(ScriptOptions options) {
  options.config.profile.syn_cookies = tcp::SynCookies::kNever;
  auto script = std::make_unique<Script>(options);
  script->peer().Syn();
  script->Expect(SynAck().WithAck(1));
  script->ExpectNothing();
  EXPECT_EQ(script->stack().connection_count(), 1u);
  return script;
}

std::unique_ptr<Script> Script::Full(Duration round_trip) {
  ScriptOptions options = FullOptions();
  options.syn_options = FullSynOptions();
  options.syn_round_trip = round_trip;
  return Established(options);
}

std::unique_ptr<Script> Script::Established(const ScriptOptions& options) {
  auto script = std::make_unique<Script>(options);
  TcpPeer& peer = script->peer();
  if (options.syn_options.empty()) {
    peer.Syn();
  } else {
    peer.Send({.flags = tcp_flags::kSyn, .options = options.syn_options});
  }
  const NaiveFrame answer = script->Expect(SynAck().WithAck(1));
  if (answer.tcp && answer.tcp->timestamps) peer.set_timestamp(answer.tcp->timestamps->echo_reply);
  script->Advance(options.syn_round_trip);
  peer.Ack();
  script->Accept();
  script->ExpectNothing();
  script->ExpectState(State::kEstablished);
  script->TakeEvents();
  return script;
}

std::unique_ptr<Script> Script::FinWait1(const ScriptOptions& options) {
  auto script = Established(options);
  script->Shutdown();
  script->Expect(Fin().AtSeq(1).WithAck(1));
  script->ExpectNothing();
  script->ExpectState(State::kFinWait1);
  return script;
}

std::unique_ptr<Script> Script::FinWait2(const ScriptOptions& options) {
  auto script = FinWait1(options);
  script->peer().Ack();
  script->ExpectNothing();
  script->ExpectState(State::kFinWait2);
  return script;
}

std::unique_ptr<Script> Script::CloseWait(const ScriptOptions& options) {
  auto script = Established(options);
  script->peer().Fin();
  script->Expect(Ack(2).AtSeq(1));
  script->ExpectNothing();
  script->ExpectState(State::kCloseWait);
  script->TakeEvents();
  return script;
}

std::unique_ptr<Script> Script::Closing(const ScriptOptions& options) {
  auto script = FinWait1(options);
  script->peer().Send({.flags = tcp_flags::kFin | tcp_flags::kAck, .ack = 1});
  script->Expect(Ack(2).AtSeq(2));
  script->ExpectNothing();
  script->ExpectState(State::kClosing);
  script->TakeEvents();
  return script;
}

std::unique_ptr<Script> Script::LastAck(const ScriptOptions& options) {
  auto script = CloseWait(options);
  script->Shutdown();
  script->Expect(Fin().AtSeq(1).WithAck(2));
  script->ExpectNothing();
  script->ExpectState(State::kLastAck);
  return script;
}

std::unique_ptr<Script> Script::TimeWait(const ScriptOptions& options) {
  auto script = FinWait2(options);
  script->peer().Fin();
  script->Expect(Ack(2).AtSeq(2));
  script->ExpectNothing();
  EXPECT_EQ(script->stack().time_wait_count(), 1u);
  return script;
}

std::unique_ptr<Script> Script::In(State state, const ScriptOptions& options) {
  switch (state) {
    case State::kSynSent:
      return SynSent(options);
    case State::kSynReceived:
      return SynReceived(options);
    case State::kEstablished:
      return Established(options);
    case State::kFinWait1:
      return FinWait1(options);
    case State::kFinWait2:
      return FinWait2(options);
    case State::kCloseWait:
      return CloseWait(options);
    case State::kClosing:
      return Closing(options);
    case State::kLastAck:
      return LastAck(options);
    case State::kTimeWait:
      return TimeWait(options);
    default:
      ADD_FAILURE() << "no builder for " << tcp::StateName(state);
      return nullptr;
  }
}

}  // namespace aether::testing
