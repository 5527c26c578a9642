// The DHCP client over a simulated link: messages of servers that are right, wrong by a bit, or
// made of raw bytes, and time. Whether a message may change anything says stateful/dhcp_model.h.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "fuzz/naive.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/dhcp_model.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/app/dhcp_client.h"

namespace aether::fuzz {
namespace {

using app::DhcpClient;
using app::DhcpState;
using std::chrono::hours;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 32;
constexpr size_t kStepsMax = 80;
constexpr int kRoundsMax = 3000;
constexpr Duration kAdvanceMax = hours(3);
// P7: messages in an hour that nobody asked for, and for each message that came.
constexpr uint64_t kMessagesPerHourMax = 160;
constexpr uint64_t kMessagesPerInputMax = 4;

constexpr Ipv4Address kServerA = Ipv4Address::Of(10, 0, 0, 1);
constexpr Ipv4Address kServerB = Ipv4Address::Of(10, 0, 0, 9);
constexpr Ipv4Address kOffered = Ipv4Address::Of(10, 0, 0, 50);

enum Op : uint8_t { kMessage, kRaw, kTime, kDeadline, kRelease, kBlock, kOpCount };

constexpr const char* kTypeNames[] = {"offer",   "ack",     "nak",    "discover",
                                      "request", "decline", "inform", "none"};
constexpr const char* kServerNames[] = {"a",         "b",        "its_own", "zero",
                                        "broadcast", "loopback", "none"};
constexpr const char* kAddressNames[] = {"offered",   "held",    "other", "zero",
                                         "broadcast", "network", "group", "server"};
constexpr const char* kShapeNames[] = {"other_port", "overload", "no_end",     "raw_options",
                                       "to_held",    "request",  "bad_cookie", "no_lease"};
constexpr std::array<Operation, kOpCount> kOperations = {{
    {"message",
     {{{Operand::Kind::kByte, "type", kTypeNames},
       {Operand::Kind::kByte, "xid"},     // 0: the live one; else a bit of it is turned over
       {Operand::Kind::kByte, "chaddr"},  // the same
       {Operand::Kind::kByte, "server", kServerNames},
       {Operand::Kind::kByte, "yiaddr", kAddressNames},
       {Operand::Kind::kLong, "lease_s"},
       {Operand::Kind::kWord, "options"},  // mask, router, DNS, T1, T2: four bits or fewer each
       {Operand::Kind::kFlags, "shape", kShapeNames},
       {Operand::Kind::kBytes, "raw"}}}},
    {"raw", {{{Operand::Kind::kByte, "port"}, {Operand::Kind::kBytes, "bytes"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"release", {}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};
enum Shape : uint8_t {
  kOtherPort = 1,
  kOverload = 2,
  kNoEnd = 4,
  kRawOptions = 8,
  kToHeld = 16,
  kIsRequest = 32,
  kBadCookie = 64,
  kNoLease = 128,
};

constexpr const char* kStageNames[] = {"selecting", "requesting", "bound",    "renewing",
                                       "rebinding", "fallback",   "for_ever", "refused"};
constexpr std::array<Operand, 2> kHead = {
    {{Operand::Kind::kByte, "stage", kStageNames}, {Operand::Kind::kByte, "seed"}}};
constexpr std::array<uint8_t, 12> kInteresting = {1, 3, 6, 50, 51, 52, 53, 54, 58, 59, 61, 255};
constexpr Grammar kGrammar{.target = "dhcp_client",
                           .head = kHead,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

Config StackConfig() {
  Config config = SmallConfig();
  config.announce = false;
  return config;
}

class DhcpWorld final : public World {
 public:
  explicit DhcpWorld(uint8_t seed) : World(StackConfig()), hour_since_(now()) {
    const ArenaScope scope;
    auto client = DhcpClient::Create(stack(), {.seed = {seed, 7}, .limits = {}}, now());
    FUZZ_CHECK(P4, client.has_value());
    client_ = std::move(*client);
    Settle();
    Check();
  }

  void Stage(unsigned stage);
  void Carry(const Record& record);
  void Finish();
  bool IsTired() const { return steps_ > kStepsMax; }

 private:
  struct Plan {
    uint8_t type = 0;
    uint8_t xid_bit = 0;
    uint8_t mac_bit = 0;
    uint8_t server = 0;
    uint8_t yiaddr = 0;
    uint32_t lease_s = 3600;
    uint16_t options = 1;
    uint8_t shape = 0;
    Bytes raw{};
  };
  Bytes Build(const Plan& plan);
  uint32_t ServerOf(uint8_t choice) const;
  uint32_t AddressOf(uint8_t choice) const;
  void Say(const Plan& plan) { Send(Build(plan), (plan.shape & kOtherPort) == 0, plan.shape); }
  void Send(Bytes payload, bool from_server_port, uint8_t shape);
  void PassTime(Duration by);
  void Serve();
  void Check();
  void CheckLease();

  void OnEvent(const Event& event) override { client_->OnEvent(event, now()); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override;

  std::unique_ptr<DhcpClient> client_;
  DhcpModel model_;
  FrameMaker maker_;
  std::array<uint8_t, 1400> payload_{};
  size_t steps_ = 0;
  bool is_predictable_ = true;
  uint64_t unsent_ = 0;
  // P7.
  Instant hour_since_;
  uint64_t hour_messages_ = 0;
  uint64_t hour_inputs_ = 0;
};

void DhcpWorld::OnSent(const testing::NaiveFrame& frame, Bytes) {
  if (!frame.udp || frame.udp->source_port != 68) return;
  FUZZ_CHECK(P12, frame.udp->destination_port == 67);
  ++hour_messages_;
  // What a blocked device kept back is of the past.
  if (!is_predictable_) return;
  const DhcpState state = client_ ? client_->state() : DhcpState::kSelecting;
  model_.OnSent(state, frame.udp->payload, frame.ip->destination == 0xffffffffu, now());
}

uint32_t DhcpWorld::ServerOf(uint8_t choice) const {
  switch (choice % 8) {
    case 1:
      return kServerB.value;
    case 2:
      return stack().address() ? stack().address()->address.value : kOffered.value;
    case 3:
      return 0;
    case 4:
      return 0xffffffffu;
    case 5:
      return 0x7f000001u;
    default:
      return kServerA.value;
  }
}

uint32_t DhcpWorld::AddressOf(uint8_t choice) const {
  switch (choice % 9) {
    case 1:
      return model_.lease() ? model_.lease()->address : model_.offered();
    case 2:
      return kOffered.value + 1 + choice / 9;
    case 3:
      return 0;
    case 4:
      return 0xffffffffu;
    case 5:
      return kOffered.value & 0xffffff00u;
    case 6:
      return 0xe0000001u + choice / 9;
    case 7:
      return kServerA.value;
    case 8:
      return kOffered.value | 0xff;
    default:
      return kOffered.value;
  }
}

Bytes DhcpWorld::Build(const Plan& plan) {
  payload_.fill(0);
  uint8_t* p = payload_.data();
  p[0] = (plan.shape & kIsRequest) != 0 ? 1 : 2;
  p[1] = 1;
  p[2] = 6;
  uint32_t xid = model_.last_xid();
  if (plan.xid_bit != 0) xid ^= 1u << (plan.xid_bit % 32);
  StoreBe(p + 4, xid);
  StoreBe(p + 16, AddressOf(plan.yiaddr));
  std::ranges::copy(kStackMac.octets, p + 28);
  if (plan.mac_bit != 0)
    p[28 + plan.mac_bit / 8 % 6] ^= static_cast<uint8_t>(1 << plan.mac_bit % 8);
  StoreBe(p + 236, uint32_t{0x63825363} ^ ((plan.shape & kBadCookie) != 0 ? 1u : 0u));
  size_t at = 240;
  // With option 52 the rest lies in the field of the file.
  const auto byte = [&](uint8_t value) { p[at++] = value; };
  const auto number = [&](uint8_t code, uint32_t value) {
    byte(code);
    byte(4);
    StoreBe(p + at, value);
    at += 4;
  };
  if ((plan.shape & kRawOptions) == 0) {
    static constexpr uint8_t kTypes[] = {2, 5, 6, 1, 3, 4, 8, 0};
    if (plan.type % 8 != 7) {
      byte(53);
      byte(1);
      byte(kTypes[plan.type % 8]);
    }
    size_t back = 0;
    if ((plan.shape & kOverload) != 0) {
      byte(52);
      byte(1);
      byte(static_cast<uint8_t>(1 + plan.options % 3));
      if (plan.options % 3 != 1) {
        byte(255);
        back = at;
        at = 108;
      }
    }
    if (plan.server % 8 != 6) number(54, ServerOf(plan.server));
    if ((plan.shape & kNoLease) == 0) number(51, plan.lease_s);
    static constexpr uint32_t kMasks[] = {0,          0xffffff00, 0xffff0000, 0xff000000,
                                          0xfffffffc, 0xfffffffe, 0xffffffff, 0xff00ff00,
                                          0x00ffffff, 0,          0x80000000, 0xfffffff0};
    const unsigned mask = plan.options & 15;
    if (mask != 0) number(1, kMasks[mask % std::size(kMasks)]);
    static constexpr uint32_t kRouters[] = {0, kServerA.value, 0, 0xffffffff};
    if ((plan.options >> 4 & 3) != 0) number(3, kRouters[plan.options >> 4 & 3]);
    static constexpr uint32_t kTimes[] = {0, 1, 60, 1800};
    if ((plan.options >> 6 & 4) != 0) number(58, kTimes[plan.options >> 6 & 3]);
    if ((plan.options >> 9 & 4) != 0) number(59, kTimes[plan.options >> 9 & 3]);
    if ((plan.options >> 12 & 1) != 0) number(6, kServerB.value);
    if (back != 0) {
      byte(255);
      at = back;
    }
  }
  for (const uint8_t value : plan.raw) byte(value);
  if ((plan.shape & kNoEnd) == 0) byte(255);
  return Bytes(payload_).first(at);
}

void DhcpWorld::Send(Bytes payload, bool from_server_port, uint8_t shape) {
  Ipv4Address to = Ipv4Address::Broadcast();
  if ((shape & kToHeld) != 0 && stack().address()) to = stack().address()->address;
  const uint16_t port = from_server_port ? 67 : 1067;
  const DhcpState before = client_->state();
  const auto lease_before = client_->lease();
  const auto address_before = stack().address();
  const Instant deadline_before = client_->NextDeadline();
  const uint64_t frames_before = frames_out();
  const auto verdict = model_.Judge(before, payload, kStackMac, from_server_port);
  ++hour_inputs_;
  ++steps_;
  if (is_predictable_ && verdict != DhcpModel::Verdict::kIgnored)
    model_.OnTaken(verdict, payload, now());
  // Nobody hears a server whose address is the one that was given away (RFC 1122 3.2.1.3).
  const bool is_ours = stack().address() && stack().address()->address == kServerA;
  Deliver(maker_.Udp({is_ours ? kServerB : kServerA, port}, {to, 68}, payload));
  const DhcpState after = client_->state();
  CurrentTrace().Add(static_cast<uint64_t>(after));
  if (is_predictable_) {
    switch (verdict) {
      case DhcpModel::Verdict::kIgnored:
        FUZZ_CHECK(P2, after == before);
        FUZZ_CHECK(P2, stack().address() == address_before);
        FUZZ_CHECK(P2, client_->lease().has_value() == lease_before.has_value());
        if (lease_before) {
          FUZZ_CHECK(P2, client_->lease()->network == lease_before->network &&
                             client_->lease()->server == lease_before->server &&
                             client_->lease()->expires_at == lease_before->expires_at);
        }
        FUZZ_CHECK(P2, client_->NextDeadline() == deadline_before);
        FUZZ_CHECK(P2, frames_out() == frames_before);
        break;
      case DhcpModel::Verdict::kOffer:
        FUZZ_CHECK(P2, after == DhcpState::kRequesting);
        break;
      case DhcpModel::Verdict::kAck:
        // Some of it, or all, may be over already.
        FUZZ_CHECK(P2, model_.expires_at() <= now() ? after == DhcpState::kSelecting
                                                    : after >= DhcpState::kBound);
        break;
      case DhcpModel::Verdict::kNak:
        FUZZ_CHECK(P2, after == DhcpState::kSelecting);
        FUZZ_CHECK(P2, !stack().address() || client_->on_fallback());
        break;
    }
  }
  Serve();
}

void DhcpWorld::Serve() {
  const bool is_due = client_->NextDeadline() <= now();
  client_->Advance(now());
  if (is_due) Settle();
  // P8: what was due was done.
  FUZZ_CHECK(P8, client_->NextDeadline() > now());
  Check();
}

void DhcpWorld::PassTime(Duration by) {
  const Instant end = now() + by;
  for (int round = 0; round < kRoundsMax; ++round) {
    ++steps_;
    const Instant due = std::min(end, std::max(client_->NextDeadline(), now()));
    if (!AdvanceToDeadline(due - now()) && due > now()) Advance(due - now());
    Serve();
    if (now() >= end) return;
  }
}

void DhcpWorld::Check() {
  CheckLease();
  if (client_->counters().unsent != unsent_) {
    unsent_ = client_->counters().unsent;
    model_.ForgetNumber();
  }
  if (now() >= hour_since_ + hours(1)) {
    hour_since_ = now();
    hour_messages_ = hour_inputs_ = 0;
  }
  FUZZ_CHECK(P7, hour_messages_ <= kMessagesPerHourMax + kMessagesPerInputMax * hour_inputs_);
}

// DHC008: what the stack has is an address that one host can have, and it has it as long as the
// lease lasts.
void DhcpWorld::CheckLease() {
  const auto address = stack().address();
  const DhcpState state = client_->state();
  if (const auto& lease = client_->lease()) {
    FUZZ_CHECK(P2, state >= DhcpState::kBound);
    FUZZ_CHECK(P2, address == lease->network);
    FUZZ_CHECK(P2, lease->expires_at > now());
    FUZZ_CHECK(P2, lease->renew_at <= lease->rebind_at && lease->rebind_at <= lease->expires_at);
    FUZZ_CHECK(P2, lease->gateway == stack().gateway());
    if (is_predictable_) {
      FUZZ_CHECK(P2, model_.lease() && model_.lease()->address == lease->network.address.value &&
                         model_.lease()->mask == lease->network.Mask());
      FUZZ_CHECK(P2, lease->server.value == model_.lease_server());
      FUZZ_CHECK(P2, lease->expires_at == model_.expires_at());
    }
  } else {
    FUZZ_CHECK(P2, state < DhcpState::kBound);
    if (state != DhcpState::kStopped) {
      model_.OnLost();
      FUZZ_CHECK(P2, !address || client_->on_fallback());
    }
  }
  if (!address) return;
  const uint32_t value = address->address.value;
  const uint32_t host = value & ~address->Mask();
  FUZZ_CHECK(P2, value >> 24 != 0 && value >> 24 != 127 && value >> 24 < 224);
  FUZZ_CHECK(P2, address->prefix_length > 0);
  FUZZ_CHECK(P2, address->prefix_length >= 31 || (host != 0 && host != ~address->Mask()));
}

void DhcpWorld::Stage(unsigned stage) {
  if (stage % 8 == 0) return;
  if (stage % 8 == 5) {
    PassTime(seconds(6));
    return;
  }
  Say({});
  if (stage % 8 == 1) return;
  if (stage % 8 == 7) {
    Say({.type = 2});
    return;
  }
  Say({.type = 1, .lease_s = stage % 8 == 6 ? 0xffffffffu : 3600});
  if (stage % 8 == 3) PassTime(seconds(1900));
  if (stage % 8 == 4) PassTime(seconds(3200));
}

void DhcpWorld::Carry(const Record& record) {
  switch (record.operation) {
    case kMessage:
      Say({.type = record.U8(0),
           .xid_bit = record.U8(1),
           .mac_bit = record.U8(2),
           .server = record.U8(3),
           .yiaddr = record.U8(4),
           .lease_s = record.U32(5),
           .options = record.U16(6),
           .shape = record.U8(7),
           .raw = record.bytes});
      return;
    case kRaw: {
      const Bytes bytes = record.bytes;
      std::ranges::copy(bytes, payload_.begin());
      Send(Bytes(payload_).first(bytes.size()), record.U8(0) % 2 == 0, 0);
      return;
    }
    case kTime:
      PassTime(record.TimeAt(0, kAdvanceMax));
      return;
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && !IsTired(); ++i) {
        const Instant next = std::min(stack().NextDeadline(), client_->NextDeadline());
        if (next == kNever) return;
        PassTime(std::min<Duration>(std::max(next, now()) - now(), kAdvanceMax));
      }
      return;
    case kRelease:
      client_->Release(now());
      Settle();
      Check();
      return;
    case kBlock:
      // From here on it is not seen in time what the client says.
      is_predictable_ = false;
      BlockDevice(record.U8(0));
      return;
    default:
      return;
  }
}

void DhcpWorld::Finish() {
  BlockDevice(0);
  Settle();
  // The search goes on without an end; who stops it has nothing left.
  PassTime(seconds(30));
  client_->Release(now());
  Settle();
  FUZZ_CHECK(P8, client_->NextDeadline() == kNever);
  CheckNeutral();
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  DhcpWorld world(reader.head(1));
  world.Stage(reader.head(0));
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  world.Finish();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  if (size > 2048) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
