// Two stacks with applications, and a link between them that the records hold in their hands: it
// loses, doubles, reorders, damages and cuts frames, or shifts the sequence numbers of one side.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "fuzz/pattern.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/link.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/tcp/profile.h"

namespace aether::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 40;
constexpr size_t kLanes = 3;
constexpr uint16_t kListenPort = 80;
// Frames delivered and stops of the clock; then the records are over.
constexpr size_t kStepsMax = 300;
constexpr size_t kFinalStepsMax = 20000;
constexpr Duration kAdvanceMax = std::chrono::minutes(10);
constexpr size_t kRoundsPerTick = 24;
// P7: frames without text that the two exchange within a second, while nothing gets on.
constexpr uint64_t kIdleFramesMax = 300;

enum Op : uint8_t {
  kConnect,
  kWrite,
  kWriteStatic,
  kRead,
  kShutdown,
  kClose,
  kAbort,
  kOptions,
  kListen,
  kUnlisten,
  kDeliver,
  kDrop,
  kDouble,
  kDamage,
  kCut,
  kRewrite,
  kFlush,
  kLossy,
  kTime,
  kDeadline,
  kOpCount,
};

constexpr const char* kConnectNames[] = {"plain", "crossing"};
constexpr Operand kSide{Operand::Kind::kByte, "side"};
constexpr Operand kLane{Operand::Kind::kByte, "lane"};
constexpr Operand kWhich{Operand::Kind::kByte, "which"};
constexpr Operand kBytesCount{Operand::Kind::kWord, "bytes"};
constexpr std::array<Operation, kOpCount> kOperations = {{
    {"connect", {{kSide, kLane, {Operand::Kind::kByte, "how", kConnectNames}}}},
    {"write", {{kSide, kLane, kBytesCount}}},
    {"write_static", {{kSide, kLane, kBytesCount}}},
    {"read", {{kSide, kLane, kBytesCount}}},
    {"shutdown", {{kSide, kLane}}},
    {"close", {{kSide, kLane}}},
    {"abort", {{kSide, kLane}}},
    {"options",
     {{kSide,
       kLane,
       {Operand::Kind::kByte, "flags"},
       {Operand::Kind::kByte, "keepalive_s"},
       {Operand::Kind::kByte, "user_timeout_s"}}}},
    {"listen", {{kSide, {Operand::Kind::kByte, "backlog"}}}},
    {"unlisten", {{kSide}}},
    {"deliver", {{kSide, kWhich}}},  // a frame of that side, not always the first
    {"drop", {{kSide, kWhich}}},
    {"double", {{kSide, kWhich}}},
    {"damage", {{kSide, kWhich, {Operand::Kind::kWord, "bit"}}}},
    {"cut", {{kSide, kWhich, kBytesCount}}},
    {"rewrite",
     {{kSide, {Operand::Kind::kLong, "sequence_by"}, {Operand::Kind::kLong, "acknowledgment_by"}}}},
    {"flush", {}},
    {"lossy", {{{Operand::Kind::kByte, "of_0"}, {Operand::Kind::kByte, "of_1"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
}};

enum Flags : uint8_t {
  kByHand = 1,      // frames wait for records; otherwise all are delivered after each
  kLazyReader = 2,  // bytes wait for records; otherwise they are read at once
  kSmallMtu = 4,
  kFewChunks = 8,
  kSmallBuffers = 16,
  kNearWrap = 32,
  kGraceful = 64,
  kAgain = 128,
};
constexpr const char* kFlagNames[] = {"by_hand",       "lazy_reader", "small_mtu", "few_chunks",
                                      "small_buffers", "near_wrap",   "graceful",  "again"};
constexpr const char* kProfileNames[] = {"full",  "no_sack", "no_timestamps", "no_scaling",
                                         "mixed", "newreno", "cookies",       "classic"};
constexpr const char* kStageNames[] = {"nothing",   "connected", "two_lanes",   "crossing",
                                       "in_flight", "half_shut", "shut_window", "closing"};
constexpr std::array<Operand, 3> kHead = {{{Operand::Kind::kFlags, "flags", kFlagNames},
                                           {Operand::Kind::kByte, "profile", kProfileNames},
                                           {Operand::Kind::kByte, "stage", kStageNames}}};
constexpr std::array<uint8_t, 4> kInteresting = {0, 1, 0x80, 0xff};
constexpr Grammar kGrammar{.target = "two_stacks",
                           .head = kHead,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

constexpr std::array<Ipv4Address, 2> kIps = {kStackIp, kPeerIp};
constexpr std::array<MacAddress, 2> kMacs = {kStackMac, kPeerMac};

struct Choices {
  uint8_t flags = 0;
  uint8_t profile = 0;
  uint8_t stage = 0;
  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
};

// When and with which secrets the two begin.
struct Origin {
  Seed seed{0x0123456789abcdefu, 0xfedcba9876543210u};
  Duration shift{};
};

Config HostConfig(const Choices& choices, int host, const Origin& origin) {
  Config config = SmallConfig();
  config.mac = kMacs[static_cast<size_t>(host)];
  config.seed = origin.seed;
  config.seed[0] ^= static_cast<uint64_t>(host) << 32;
  config.announce = false;
  if (choices.Has(kSmallMtu)) config.mtu = 300;
  if (choices.Has(kFewChunks)) config.buffers = {5, 12, 12, 6};
  if (choices.Has(kSmallBuffers)) {
    config.tcp.receive_buffer_bytes = config.tcp.receive_buffer_max_bytes = 2000;
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 3000;
    config.tcp.receive_scale = 0;
  }
  switch (choices.profile % 8) {
    case 1:
      config.profile.sack = false;
      break;
    case 2:
      config.profile.timestamps = false;
      break;
    case 3:
      config.profile.window_scaling = false;
      break;
    case 4:
      config.profile.sack = host == 0;
      config.profile.timestamps = host == 1;
      config.profile.nagle = host == 0;
      break;
    case 5:
      config.profile.congestion = tcp::CongestionAlgorithm::kNewReno;
      config.profile.rack_tlp = false;
      break;
    case 6:
      config.profile.syn_cookies = tcp::SynCookies::kAlways;
      break;
    case 7:
      if (host == 1) config.profile = tcp::kClassic;
      break;
    default:
      break;
  }
  return config;
}

// One end of a lane, as its application sees it.
struct End {
  ConnectionId id;
  bool exists = false;   // it was opened or accepted
  bool shut = false;     // nothing more will be written
  bool let_go = false;   // closed or aborted
  bool aborted = false;  // with a reset, or with bytes unread
  bool ended = false;    // reset or timed out, says an event
  uint64_t written = 0;
  uint64_t read = 0;
};

// Two ends that talk to each other. Both ports tell which lane it is, and for the how-manieth time.
struct Lane {
  std::array<End, 2> ends;
  int opener = -1;
  bool crossing = false;
  uint16_t attempt = 0;
  bool is_used() const { return opener >= 0; }
};

class Hosts;

class Host final : public World {
 public:
  Host(Hosts& hosts, const Config& config, int host, Instant start)
      : World(config, host, start), hosts_(hosts), host_(host) {}

 private:
  void OnEvent(const Event& event) override;
  void OnSent(const testing::NaiveFrame& frame, Bytes raw) override;

  Hosts& hosts_;
  const int host_;
};

Link& TheLink() {
  static Link link;
  return link;
}

class Hosts {
 public:
  Hosts(const Choices& choices, const Origin& origin)
      : choices_(choices),
        start_(kWorldStart + origin.shift),
        now_(start_),
        link_(TheLink()),
        hosts_{Host(*this, HostConfig(choices, 0, origin), 0, start_),
               Host(*this, HostConfig(choices, 1, origin), 1, start_)} {
    link_.Clear();
    for (size_t side = 0; side < 2; ++side) {
      hosts_[side].set_answers_arp(false);
      hosts_[side].stack().SetAddress({kIps[side], 24}, std::nullopt);
      Listen(side, 4);
    }
  }

  void Stage();
  void Carry(const Record& record);
  void Finish();

  void OnEvent(size_t side, const Event& event);
  void OnFrame(size_t side, const testing::NaiveFrame& frame, Bytes raw) {
    if (frame.tcp && !first_iss_) first_iss_ = frame.tcp->sequence;
    if (frame.arp) {
      link_.Push(side, raw, /*is_first=*/true);
      arp_waits_ = true;
    } else {
      link_.Push(side, raw, false);
    }
  }

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

void Host::OnEvent(const Event& event) { hosts_.OnEvent(static_cast<size_t>(host_), event); }
void Host::OnSent(const testing::NaiveFrame& frame, Bytes raw) {
  hosts_.OnFrame(static_cast<size_t>(host_), frame, raw);
}

// The other host's clock comes along when it is needed.
void Hosts::Catch(size_t side) {
  if (hosts_[side].now() < now_) hosts_[side].Advance(now_ - hosts_[side].now());
}

uint16_t Hosts::PortOf(size_t lane_index, size_t side, const Lane& lane) const {
  if (!lane.crossing && side != static_cast<size_t>(lane.opener)) return kListenPort;
  return static_cast<uint16_t>(2000 + 1000 * side + 100 * lane_index + lane.attempt % 100);
}

void Hosts::Listen(size_t side, uint32_t backlog) {
  if (listeners_[side]) return;
  const auto listener = StackOf(side).TcpListen(kListenPort, {.backlog = backlog});
  FUZZ_CHECK(P4, listener.has_value());
  listeners_[side] = *listener;
}

void Hosts::Accept(size_t side) {
  while (listeners_[side]) {
    const std::optional<ConnectionId> id = StackOf(side).Accept(*listeners_[side]);
    if (!id) return;
    const auto seen = StackOf(side).Inspect(*id);
    FUZZ_CHECK(P4, seen.has_value());
    bool found = false;
    for (size_t i = 0; i < kLanes; ++i) {
      Lane& lane = lanes_[i];
      const size_t opener = 1 - side;
      if (lane.opener != static_cast<int>(opener) || lane.crossing ||
          seen->remote.port != PortOf(i, opener, lane) || lane.ends[side].exists) {
        continue;
      }
      lane.ends[side] = {.id = *id, .exists = true};
      found = true;
    }
    // Of a lane that is used again meanwhile, or of a SYN that came twice.
    if (!found) StackOf(side).Abort(*id);
  }
}

void Hosts::OnEvent(size_t side, const Event& event) {
  Note(side << 16 | static_cast<uint64_t>(event.kind) << 8 | event.mask);
  if (event.kind == Event::Kind::kAcceptable) {
    FUZZ_CHECK(P4, listeners_[side] && event.listener == *listeners_[side]);
    Accept(side);
    return;
  }
  if (event.kind != Event::Kind::kConnection) return;
  for (size_t i = 0; i < kLanes; ++i) {
    End& end = lanes_[i].ends[side];
    if (!end.exists || end.let_go || end.id != event.connection) continue;
    if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut)) != 0) end.ended = true;
    if (!choices_.Has(kLazyReader) || is_final_) Read(side, i, SIZE_MAX);
  }
}

void Hosts::Connect(size_t side, size_t lane_index, bool crossing) {
  Lane& lane = lanes_[lane_index];
  if (lane.is_used()) {
    // Again only when both let go of it.
    for (const End& end : lane.ends) {
      if (end.exists && !end.let_go) return;
    }
  }
  lane = {.ends = {},
          .opener = static_cast<int>(side),
          .crossing = crossing,
          .attempt = static_cast<uint16_t>(lane.attempt + 1)};
  const size_t openers = crossing ? 2 : 1;
  for (size_t i = 0; i < openers; ++i) {
    const size_t opener = i == 0 ? side : 1 - side;
    Catch(opener);
    const auto id =
        StackOf(opener).TcpConnect({kIps[1 - opener], PortOf(lane_index, 1 - opener, lane)},
                                   {.local_port = PortOf(lane_index, opener, lane)});
    Note(id.has_value());
    if (!id) {
      FUZZ_CHECK(P4, id.error() == Error::kTooMany || id.error() == Error::kPortInUse);
      lane.ends[opener].exists = false;
      continue;
    }
    lane.ends[opener] = {.id = *id, .exists = true};
    hosts_[opener].Settle();
  }
  ExchangeArp();
}

void Hosts::Write(size_t side, size_t lane_index, size_t bytes, bool is_static) {
  Lane& lane = lanes_[lane_index];
  End& end = lane.ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  const size_t space = StackOf(side).WriteSpace(end.id);
  const uint64_t at = Base(lane, lane_index, side) + end.written;
  bytes = std::min<size_t>(bytes, 6000);
  size_t written = 0;
  if (is_static) {
    if (bytes == 0) return;
    const StaticBytes data{Pattern::At(at, bytes), Pattern::Sum(at, bytes)};
    written = StackOf(side).WriteStatic(end.id, data) ? bytes : 0;
    FUZZ_CHECK(P4, written == 0 || space > 0);
  } else {
    written = StackOf(side).Write(end.id, Pattern::At(at, bytes));
    FUZZ_CHECK(P4, written <= std::min(space, bytes));
  }
  FUZZ_CHECK(P1, written == 0 || !end.shut);
  end.written += written;
  Note(written);
  hosts_[side].Settle();
}

void Hosts::Read(size_t side, size_t lane_index, size_t bytes) {
  Lane& lane = lanes_[lane_index];
  End& end = lane.ends[side];
  const End& other = lane.ends[1 - side];
  if (!end.exists || end.let_go) return;
  Stack& stack = StackOf(side);
  while (bytes > 0) {
    const Bytes piece = stack.Peek(end.id);
    if (piece.empty()) break;
    const size_t size = std::min(piece.size(), bytes);
    if (!tampered_) {
      // P1: what the other wrote, in its order, and nothing that it did not.
      FUZZ_CHECK(P1, end.read + size <= other.written);
      FUZZ_CHECK(P1,
                 Pattern::Matches(piece.first(size), Base(lane, lane_index, 1 - side) + end.read));
    }
    stack.Consume(end.id, size);
    end.read += size;
    bytes -= size;
    Note(end.read);
  }
  if (!tampered_ && stack.AtEnd(end.id)) {
    FUZZ_CHECK(P1, end.read == other.written && (other.shut || other.let_go));
  }
}

void Hosts::LetGo(size_t side, size_t lane_index, bool abort) {
  End& end = lanes_[lane_index].ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  end.aborted = abort || StackOf(side).Readable(end.id) > 0;
  abort ? StackOf(side).Abort(end.id) : StackOf(side).Close(end.id);
  end.shut = end.let_go = true;
  hosts_[side].Settle();
  // A handle that was let go finds nothing.
  FUZZ_CHECK(P4, !StackOf(side).Inspect(end.id) && StackOf(side).WriteSpace(end.id) == 0);
}

void Hosts::Options(size_t side, size_t lane_index, const Record& record) {
  End& end = lanes_[lane_index].ends[side];
  if (!end.exists || end.let_go) return;
  Catch(side);
  const SocketOptions options{.no_delay = (record.U8(2) & 1) != 0,
                              .quick_ack = (record.U8(2) & 2) != 0,
                              .keepalive_idle = seconds(record.U8(3)),
                              .keepalive_interval = seconds(1 + record.U8(3) % 75),
                              .keepalive_probes = static_cast<uint8_t>(1 + (record.U8(2) >> 5)),
                              .user_timeout = seconds(record.U8(4)),
                              .dscp = static_cast<uint8_t>(record.U8(2) >> 2)};
  Note(StackOf(side).SetOptions(end.id, options));
  hosts_[side].Settle();
}

// ARP is not what this link is about: it always gets through.
void Hosts::ExchangeArp() {
  for (int round = 0; arp_waits_; ++round) {
    FUZZ_CHECK(P7, round < 32);
    arp_waits_ = false;
    for (size_t side = 0; side < 2; ++side) {
      while (link_.count(side) > 0 && link_.IsArp(side)) DeliverAt(side, 0);
    }
  }
}

// Frame `which` of that side reaches the other.
void Hosts::DeliverAt(size_t side, size_t which) {
  if (link_.count(side) == 0) return;
  which %= link_.count(side);
  ++steps_;
  Catch(1 - side);
  const Bytes frame = link_.At(side, which);
  const bool has_text = Link::TextBytes(frame) > 0;
  // P7: frames that carry nothing, while nothing that carries something arrives.
  if (has_text || now_ >= idle_since_ + seconds(1)) {
    idle_frames_ = 0;
    idle_since_ = now_;
  } else {
    FUZZ_CHECK(P7, ++idle_frames_ <= kIdleFramesMax);
  }
  hosts_[1 - side].Deliver(link_.Take(side, which));
  Note(frame.size());
}

void Hosts::Flush(uint8_t lost_of_0, uint8_t lost_of_1) {
  const std::array<uint8_t, 2> lost = {lost_of_0, lost_of_1};
  std::array<unsigned, 2> place{};
  ExchangeArp();
  for (size_t round = 0; link_.count(0) + link_.count(1) > 0; ++round) {
    FUZZ_CHECK(P7, round < kFinalStepsMax);
    // Frames do not go to and fro in no time at all: what was sent again within the tick of a clock
    // counts as sent together with what it follows.
    if (round % kRoundsPerTick == kRoundsPerTick - 1) now_ += milliseconds(1);
    for (size_t side = 0; side < 2; ++side) {
      if (link_.count(side) == 0) continue;
      if ((lost[side] >> (place[side]++ % 8) & 1) != 0) {
        link_.Take(side, 0);
      } else {
        DeliverAt(side, 0);
        ExchangeArp();
      }
    }
  }
}

// To the next deadline of the two; false when there is none within `most`.
bool Hosts::PassDeadline(Duration most) {
  const Instant next = std::min(StackOf(0).NextDeadline(), StackOf(1).NextDeadline());
  if (next > now_ + most) return false;
  now_ = std::max(next, now_);
  ++steps_;
  for (size_t side = 0; side < 2; ++side) {
    if (StackOf(side).NextDeadline() > now_) continue;
    hosts_[side].now() < now_ ? Catch(side) : static_cast<void>(hosts_[side].AdvanceToDeadline({}));
  }
  ExchangeArp();
  return true;
}

void Hosts::PassTime(Duration by) {
  const Instant end = now_ + by;
  while ((is_final_ || !IsTired()) && PassDeadline(end - now_)) {
    if (is_final_ || !choices_.Has(kByHand)) Flush(0, 0);
  }
  now_ = std::max(now_, end);
  Catch(0);
  Catch(1);
  ExchangeArp();
}

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

// What happens to a frame on its way.
void Hosts::CarryLink(size_t side, const Record& record) {
  switch (record.operation) {
    case kDeliver:
      DeliverAt(side, record.U8(1));
      break;
    case kDrop:
      if (link_.count(side) > 0) link_.Take(side, record.U8(1) % link_.count(side));
      break;
    case kDouble:
      if (link_.count(side) > 0) link_.Double(side, record.U8(1) % link_.count(side));
      break;
    case kDamage:
      if (link_.count(side) == 0) break;
      Catch(1 - side);
      ++steps_;
      // P13: it is gone, and nothing else happens.
      hosts_[1 - side].DeliverDamaged(link_.Take(side, record.U8(1) % link_.count(side)), 14,
                                      record.U16(2));
      break;
    case kCut: {
      if (link_.count(side) == 0) break;
      Catch(1 - side);
      ++steps_;
      const Bytes frame = link_.Take(side, record.U8(1) % link_.count(side));
      hosts_[1 - side].Deliver(frame.first(record.U16(2) % (frame.size() + 1)));
      break;
    }
    case kRewrite:
      link_.Rewrite(side, record.U32(1), record.U32(2));
      tampered_ = true;
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

void Hosts::ReadAll() {
  for (size_t side = 0; side < 2; ++side) {
    Catch(side);
    Accept(side);
    for (size_t i = 0; i < kLanes; ++i) Read(side, i, SIZE_MAX);
    hosts_[side].Settle();
  }
}

// Whatever was written has arrived, or an end says why not.
void Hosts::CheckLanes() {
  const bool repeats = choices_.profile % 8 != 7;
  // Two hosts whose memory is full of what they want to send each other wait until one gives up.
  std::array<uint64_t, 2> written{};
  for (const Lane& lane : lanes_) {
    for (size_t side = 0; side < 2; ++side) written[side] += lane.ends[side].written;
  }
  const bool may_be_stuck = choices_.Has(kFewChunks) && written[0] > 0 && written[1] > 0;
  for (const Lane& lane : lanes_) {
    if (!lane.is_used() || tampered_ || !repeats || may_be_stuck) continue;
    for (size_t writer = 0; writer < 2; ++writer) {
      const End& from = lane.ends[writer];
      const End& to = lane.ends[1 - writer];
      Note(from.written);
      Note(to.read);
      if (!from.exists || from.ended || from.aborted || to.ended || to.let_go) continue;
      // Nobody tells who let go that the peer was given up.
      if (from.let_go) continue;
      // The other application never got it: the end that opened it must know.
      FUZZ_CHECK(P8, to.exists || from.written == 0);
      FUZZ_CHECK(P8, to.read == from.written);
    }
  }
}

void Hosts::Finish() {
  is_final_ = true;
  link_.Rewrite(0, 0, 0);
  link_.Rewrite(1, 0, 0);
  steps_ = 0;
  if (!tampered_) {
    ReadAll();
    Flush(0, 0);
    // What is lost is sent again, within the largest timeout and once more.
    const Instant end = now_ + seconds(250);
    const auto is_pending = [this] {
      for (const Lane& lane : lanes_) {
        for (size_t side = 0; side < 2; ++side) {
          const End& one = lane.ends[side];
          if (!one.exists || one.let_go || one.ended) continue;
          if (StackOf(side).Unacknowledged(one.id) > 0) return true;
          if (lane.ends[1 - side].read < one.written) return true;
        }
      }
      return false;
    };
    for (size_t i = 0; is_pending() && PassDeadline(end - now_); ++i) {
      FUZZ_CHECK(P8, i < kFinalStepsMax);
      Flush(0, 0);
      ReadAll();
      Flush(0, 0);
    }
    CheckLanes();
  }
  for (size_t side = 0; side < 2; ++side) {
    for (size_t i = 0; i < kLanes; ++i) LetGo(side, i, !choices_.Has(kGraceful));
    if (listeners_[side]) {
      Catch(side);
      StackOf(side).TcpUnlisten(*listeners_[side]);
      hosts_[side].Settle();
    }
  }
  if (choices_.Has(kGraceful)) {
    Flush(0, 0);
    PassTime(seconds(2));
  }
  for (Host& host : hosts_) {
    host.CheckNeutral();
    link_.Clear();
  }
}

Hosts& Run(std::optional<Hosts>& hosts, const Choices& choices, const Origin& origin, Bytes input) {
  hosts.emplace(choices, origin);
  RecordReader reader(kGrammar, input);
  hosts->Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !hosts->IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), hosts->now());
    hosts->Carry(record);
  }
  return *hosts;
}

// P11: an origin with which the first connection of host 0 begins just below the end of the
// sequence space. The clock is shifted by multiples of what all times are rounded to: ticks of 2^20
// ns, and whole seconds. Each step moves the numbers, one for 4 us, by 2^15 * 15625; so steps bring
// every number to within 2^15 of every other.
const Origin& NearWrap() {
  static const Origin origin = [] {
    constexpr Duration kStep = seconds(2048);
    constexpr uint64_t kRounded = 1 << 15;
    constexpr uint64_t kCycle = 1 << 17;
    constexpr uint64_t kInverse = [] {
      for (uint64_t i = 1;; i += 2) {
        if (i * 15625 % kCycle == 1) return i;
      }
    }();
    // The search is no part of any execution.
    const Trace trace = CurrentTrace();
    Origin best;
    uint64_t best_distance = UINT64_MAX;
    for (uint64_t i = 0; i < 200 && best_distance > 1500; ++i) {
      Origin tried{.seed = {i, ~i}};
      Hosts hosts(Choices{.stage = 1}, tried);
      hosts.Stage();
      const uint64_t distance = (uint64_t{1} << 32) - *hosts.first_iss();
      if (distance % kRounded >= best_distance) continue;
      best_distance = distance % kRounded;
      tried.shift = kStep * static_cast<int64_t>(distance / kRounded * kInverse % kCycle);
      best = tried;
    }
    CurrentTrace() = trace;
    return best;
  }();
  return origin;
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  const Choices choices{reader.head(0), reader.head(1), reader.head(2)};
  std::optional<Hosts> hosts;
  const Origin origin = choices.Has(kNearWrap) ? NearWrap() : Origin{};
  Run(hosts, choices, origin, input).Finish();
  // How many challenges there are depends on where a second of the clock begins.
  if (!choices.Has(kAgain) || hosts->was_tampered_with()) return;
  const uint64_t behaviour = hosts->behaviour();
  hosts.reset();
  Run(hosts, choices, choices.Has(kNearWrap) ? Origin{} : NearWrap(), input).Finish();
  FUZZ_CHECK(P11, hosts->behaviour() == behaviour);
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
