// How two_stacks_hosts.h gets to the state that a run begins in, and carries out its records.
#include "fuzz/stateful/two_stacks_hosts.h"

namespace aether::fuzz::two_stacks {
namespace {

constexpr Duration kAdvanceMax = std::chrono::minutes(10);

}  // namespace

void Hosts::Stage() {
  const unsigned stage = choices_.stage % 8;
  if (stage == 0) return;
  Connect(0, 0, stage == 3);
  Flush(0, 0);
  switch (stage) {
    case 2:
      Connect(1, 1, false);
      Flush(0, 0);
      break;
    case 4:
      Write(0, 0, 5000, false);
      Write(1, 0, 2000, true);
      break;
    case 5:
      Write(0, 0, 1000, false);
      if (lanes_[0].ends[0].exists) {
        StackOf(0).Shutdown(lanes_[0].ends[0].id);
        lanes_[0].ends[0].shut = true;
        hosts_[0].Settle();
      }
      break;
    case 6:
      Write(0, 0, 6000, false);
      Flush(0, 0);
      Write(0, 0, 6000, true);
      break;
    case 7:
      LetGo(0, 0, false);
      break;
    default:
      break;
  }
}

void Hosts::Carry(const Record& record) {
  const size_t side = record.U8(0) % 2;
  const size_t lane = record.U8(1) % kLanes;
  switch (record.operation) {
    case kConnect:
      Connect(side, lane, record.U8(2) % 2 == 1);
      break;
    case kWrite:
    case kWriteStatic:
      Write(side, lane, record.U16(2), record.operation == kWriteStatic);
      break;
    case kRead:
      Catch(side);
      Read(side, lane, record.U16(2));
      hosts_[side].Settle();
      break;
    case kShutdown: {
      End& end = lanes_[lane].ends[side];
      if (!end.exists || end.let_go) break;
      Catch(side);
      StackOf(side).Shutdown(end.id);
      end.shut = true;
      hosts_[side].Settle();
      break;
    }
    case kClose:
    case kAbort:
      LetGo(side, lane, record.operation == kAbort);
      break;
    case kOptions:
      Options(side, lane, record);
      break;
    case kListen:
      Catch(side);
      Listen(side, 1 + record.U8(1) % 8);
      break;
    case kUnlisten:
      if (!listeners_[side]) break;
      Catch(side);
      StackOf(side).TcpUnlisten(*listeners_[side]);
      listeners_[side].reset();
      hosts_[side].Settle();
      break;
    case kFlush:
      Flush(0, 0);
      break;
    case kLossy:
      Flush(record.U8(0), record.U8(1));
      break;
    case kTime:
      PassTime(record.TimeAt(0, kAdvanceMax));
      break;
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && PassDeadline(kAdvanceMax); ++i) {
        if (!choices_.Has(kByHand)) Flush(0, 0);
      }
      break;
    default:
      CarryLink(side, record);
      break;
  }
  ExchangeArp();
  if (!choices_.Has(kByHand)) Flush(0, 0);
}

}  // namespace aether::fuzz::two_stacks
