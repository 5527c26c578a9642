// The DNS resolver over a simulated link: lookups of a few names, answers that are right, wrong by
// a bit, or raw bytes, and time. Only what answers a question that is out may change anything
// (DNS008); what it says is read by stateful/dns_reading.h.
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/dns_reading.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/app/dns_resolver.h"

namespace aether::fuzz {
namespace {

using app::DnsLookupId;
using app::DnsResolver;
using app::DnsResult;
using app::DnsStatus;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 32;
constexpr size_t kStepsMax = 200;
constexpr int kRoundsMax = 3000;
constexpr size_t kSlots = 6;
constexpr size_t kQueriesKept = 24;
constexpr Duration kAdvanceMax = std::chrono::hours(30);

constexpr app::DnsLimits kLimits{.lookups_max = 5,
                                 .queries_max = 3,
                                 .entries_max = 3,
                                 .aliases_max = 3,
                                 .answer_bytes_max = 512,
                                 .mismatches_max = 4};

constexpr std::array<Ipv4Endpoint, 3> kServers = {
    {{kPeerIp, 53}, {Ipv4Address::Of(10, 0, 0, 9), 53}, {Ipv4Address::Of(10, 0, 0, 11), 5353}}};
constexpr std::array<std::string_view, 6> kNames = {
    "a.example",
    "B.example",
    "www.example.org",
    "x",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.example",
    "\\001.example"};

enum Op : uint8_t {
  kStart,
  kStartText,
  kRelease,
  kAnswer,
  kRaw,
  kServersAre,
  kTime,
  kDeadline,
  kBlock,
  kOpCount
};
constexpr const char* kQuestionNames[] = {"same",        "other_name", "other_case", "other_type",
                                          "other_class", "twice",      "none"};
constexpr std::array<Operation, kOpCount> kOperations = {{
    {"start", {{{Operand::Kind::kByte, "name"}}}},
    {"start_text", {{{Operand::Kind::kBytes, "text"}}}},
    {"release", {{{Operand::Kind::kByte, "slot"}}}},
    {"answer",
     {{{Operand::Kind::kByte, "to"},      // how many questions ago
       {Operand::Kind::kByte, "id"},      // 0: its number; else a bit of it is turned over
       {Operand::Kind::kByte, "port"},    // the same
       {Operand::Kind::kByte, "server"},  // 0: the right one
       {Operand::Kind::kByte, "question", kQuestionNames},
       {Operand::Kind::kWord, "flags"},  // differ from those of a good answer
       {Operand::Kind::kByte, "count"},  // records more than there are
       // Four bytes each: what, whose, for how long, and which name or address.
       {Operand::Kind::kBytes, "records"}}}},
    {"raw", {{{Operand::Kind::kByte, "to"}, {Operand::Kind::kBytes, "bytes"}}}},
    {"servers", {{{Operand::Kind::kByte, "which"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};
constexpr const char* kStageNames[] = {"nothing", "asked", "cached", "three_asked"};
constexpr std::array<Operand, 2> kHead = {
    {{Operand::Kind::kByte, "stage", kStageNames}, {Operand::Kind::kByte, "seed"}}};
constexpr std::array<uint8_t, 8> kInteresting = {0xc0, 0x0c, 0, 1, 5, 6, 63, 255};
constexpr Grammar kGrammar{.target = "dns_resolver",
                           .head = kHead,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

Config StackConfig() {
  Config config = SmallConfig();
  config.announce = false;
  config.udp.sockets_max = 4;
  return config;
}

// A question as it stood on the wire.
struct Asked {
  uint16_t id = 0;
  uint16_t port = 0;
  Ipv4Endpoint server;
  NaiveName name;
};

struct Slot {
  std::optional<DnsLookupId> id;
  NaiveName name;
  DnsResult seen;
};

// What a name was last said to be, and until when it may be believed.
struct Known {
  NaiveName name;
  DnsStatus status = DnsStatus::kPending;
  app::DnsAddresses addresses;
  Instant until;
};

class DnsWorld final : public World {
 public:
  explicit DnsWorld(uint8_t seed) : World(StackConfig()) {
    stack().SetAddress(kStackNetwork, kPeerIp);
    const ArenaScope scope;
    resolver_.emplace(stack(), app::DnsOptions{.seed = {seed, 3}, .limits = kLimits});
    resolver_->SetServers(std::span(kServers).first(2), now());
    Settle();
  }
  void Stage(unsigned stage);
  void Carry(const Record& record);
  void Finish();
  bool IsTired() const { return steps_ > kStepsMax; }

 private:
  struct Plan {
    uint8_t to = 0;
    uint8_t id_bit = 0;
    uint8_t port_bit = 0;
    uint8_t server = 0;
    uint8_t question = 0;
    uint16_t flags = 0;
    uint8_t count = 0;
    Bytes records{};
  };
  void Start(std::string_view text);
  Bytes Build(const Plan& plan, const Asked& asked);
  void PutName(Bytes name);
  void PutRecords(Bytes records, bool authority, size_t& count);
  void Answer(const Plan& plan);
  void Say(Bytes message, Ipv4Endpoint from, uint16_t port);
  void PassTime(Duration by);
  void Serve();
  // What changed since the last time; `reading` says what was to be believed.
  void Look(const NaiveDnsReading* reading);
  void Learn(const Slot& slot, const DnsResult& result, const NaiveDnsReading& reading);
  const Asked& AskedBefore(uint8_t ago) const {
    return asked_[(asked_count_ - 1 - ago % std::min(asked_count_, kQueriesKept)) % kQueriesKept];
  }

  void OnEvent(const Event& event) override { resolver_->OnEvent(event, now()); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override;

  std::optional<DnsResolver> resolver_;
  std::array<Slot, kSlots> slots_;
  std::array<Asked, kQueriesKept> asked_;
  size_t asked_count_ = 0;
  std::array<Known, 16> known_;
  size_t known_count_ = 0;
  FrameMaker maker_;
  std::array<uint8_t, 1300> message_{};
  size_t size_ = 0;
  size_t steps_ = 0;
  uint64_t lookups_ = 0;
  bool is_late_ = false;  // a blocked device kept questions back
};

void DnsWorld::OnSent(const testing::NaiveFrame& frame, Bytes) {
  if (!frame.udp) return;
  const Bytes message = frame.udp->payload;
  Asked& asked = asked_[asked_count_++ % kQueriesKept];
  static std::vector<uint8_t> canonical;
  const NaiveDns walk(message, canonical);
  FUZZ_CHECK(P12, walk.is_canonical() && NaiveWord(message, 2) == 0x0100);
  FUZZ_CHECK(P12, NaiveWord(message, 4) == 1 && NaiveWord(message, 6) == 0 &&
                      NaiveWord(message, 8) == 0 && NaiveWord(message, 10) == 0);
  asked.id = static_cast<uint16_t>(NaiveWord(message, 0));
  asked.port = frame.udp->source_port;
  asked.server = {Ipv4Address{frame.ip->destination}, frame.udp->destination_port};
  size_t at = 12;
  NaiveRecord question;
  FUZZ_CHECK(P12, NaiveDns::ReadQuestion(message, at, question));
  FUZZ_CHECK(P12, question.type == 1 && question.record_class == 1);
  asked.name = question.name;
}

void DnsWorld::Start(std::string_view text) {
  Slot* free = nullptr;
  for (Slot& slot : slots_) {
    if (!slot.id) free = &slot;
  }
  if (free == nullptr) return;
  const NaiveName name = NaiveNameOfText(BytesOf(text));
  ++lookups_;
  const uint64_t hits = resolver_->counters().cache_hits;
  const auto id = resolver_->Start(text, now());
  CurrentTrace().Add(id.has_value());
  if (!id) {
    FUZZ_CHECK(P4, id.error() == Error::kBadArgument
                       ? !name.is_valid || name.size == 1
                       : id.error() == Error::kTooMany || id.error() == Error::kNoRoute);
    return;
  }
  FUZZ_CHECK(P4, name.is_valid && name.size > 1);
  *free = {.id = *id, .name = name, .seen = *resolver_->Find(*id)};
  if (resolver_->counters().cache_hits != hits) {
    // DNS008: what is remembered is what an answer has said, and still holds.
    const auto known =
        std::find_if(known_.begin(), known_.begin() + static_cast<ptrdiff_t>(known_count_),
                     [&name](const Known& other) { return SameDnsName(other.name, name); });
    FUZZ_CHECK(P2, known != known_.begin() + static_cast<ptrdiff_t>(known_count_));
    FUZZ_CHECK(P2, known->until > now() && known->status == free->seen.status);
    FUZZ_CHECK(P2, known->addresses == free->seen.addresses);
  } else {
    FUZZ_CHECK(P2, free->seen.status == DnsStatus::kPending ||
                       free->seen.status == DnsStatus::kUnreachable);
  }
  Settle();
}

void DnsWorld::PutName(Bytes name) {
  if (size_ + name.size() > 900) return;
  std::ranges::copy(name, message_.begin() + static_cast<ptrdiff_t>(size_));
  size_ += name.size();
}

void DnsWorld::PutRecords(Bytes records, bool authority, size_t& count) {
  const auto byte = [this](size_t value) { message_[size_++] = static_cast<uint8_t>(value); };
  const auto word = [&byte](size_t value) {
    byte(value >> 8);
    byte(value);
  };
  for (; records.size() >= 4; records = records.subspan(4)) {
    if (((records[0] & 0x40) != 0) != authority || size_ > 800) continue;
    ++count;
    // Whose it is: of the question, or one of the names, or somewhere.
    const unsigned owner = records[1] % 16;
    if (owner < 6) {
      word(0xc00c);
    } else if (owner < 12) {
      PutName(NaiveNameOfText(BytesOf(kNames[owner - 6])).bytes());
    } else if (owner < 14) {
      word(0xc000 + size_);
    } else {
      word(0xc000 + records[1] / 16u * 20u);
    }
    static constexpr uint16_t kTypes[] = {1, 5, 6, 28, 1, 16, 5, 1};
    const unsigned kind = records[0] % 8;
    word(kTypes[kind]);
    word(kind == 4 ? 3 : 1);
    static constexpr uint32_t kTtls[] = {60, 0, 1, 3600, 86400 * 30, 0x80000000u, 0xffffffffu, 300};
    const uint32_t ttl = kTtls[records[2] % 8];
    word(ttl >> 16);
    word(ttl & 0xffff);
    const size_t length_at = size_;
    word(0);
    const NaiveName target = NaiveNameOfText(BytesOf(kNames[records[3] % kNames.size()]));
    switch (kind) {
      case 1:
        PutName(target.bytes());
        break;
      case 6:
        word(0xc00c);
        break;
      case 2:
        word(0xc00c);
        word(0xc00c);
        for (int i = 0; i < 4; ++i) word(0);
        word(0);
        word(0);
        word(0);
        word(records[3]);
        break;
      case 3:
        for (int i = 0; i < 8; ++i) word(records[3]);
        break;
      case 5:
        byte(1);
        byte(records[3]);
        break;
      case 7:
        byte(records[3]);
        break;
      default:
        word(0x0a01);
        word(records[3]);
        break;
    }
    const size_t length = size_ - length_at - 2;
    message_[length_at] = static_cast<uint8_t>(length >> 8);
    message_[length_at + 1] = static_cast<uint8_t>(length);
  }
}

Bytes DnsWorld::Build(const Plan& plan, const Asked& asked) {
  message_.fill(0);
  size_ = 12;
  const uint16_t id =
      plan.id_bit == 0 ? asked.id : static_cast<uint16_t>(asked.id ^ 1u << (plan.id_bit % 16));
  StoreBe(message_.data(), id);
  StoreBe(message_.data() + 2, static_cast<uint16_t>(0x8180 ^ plan.flags));
  const unsigned choice = plan.question % 7;
  const size_t questions = choice == 5 ? 2 : choice == 6 ? 0 : 1;
  for (size_t i = 0; i < questions; ++i) {
    NaiveName name = asked.name;
    if (choice == 1) name = NaiveNameOfText(BytesOf(kNames[plan.question / 7 % kNames.size()]));
    if (choice == 2) {
      for (size_t k = 1; k < name.size; ++k) {
        const uint8_t lower = name.wire[k] | 0x20;
        if (lower >= 'a' && lower <= 'z') name.wire[k] ^= 0x20;
      }
    }
    PutName(name.bytes());
    message_[size_ + 1] = choice == 3 ? 28 : 1;
    message_[size_ + 3] = choice == 4 ? 255 : 1;
    size_ += 4;
  }
  StoreBe(message_.data() + 4, static_cast<uint16_t>(questions));
  size_t answers = 0;
  PutRecords(plan.records, false, answers);
  StoreBe(message_.data() + 6, static_cast<uint16_t>(answers + plan.count));
  size_t authorities = 0;
  PutRecords(plan.records, true, authorities);
  StoreBe(message_.data() + 8, static_cast<uint16_t>(authorities));
  return Bytes(message_).first(size_);
}

void DnsWorld::Answer(const Plan& plan) {
  if (asked_count_ == 0) return;
  const Asked asked = AskedBefore(plan.to);
  Ipv4Endpoint from = asked.server;
  if (plan.server % 4 == 1) from = kServers[plan.server / 4 % 3];
  if (plan.server % 4 == 2)
    from.port = static_cast<uint16_t>(from.port ^ 1u << plan.server / 4 % 16);
  if (plan.server % 4 == 3) from.address.value ^= 1u << plan.server / 4 % 8;
  uint16_t port = asked.port;
  if (plan.port_bit != 0) port = static_cast<uint16_t>(port ^ 1u << plan.port_bit % 16);
  Say(Build(plan, asked), from, port);
}

void DnsWorld::Say(Bytes message, Ipv4Endpoint from, uint16_t port) {
  ++steps_;
  // Is it an answer to anything that was ever asked?
  NaiveDnsReading reading;
  bool is_answer = false;
  bool is_latest = false;
  if (message.size() >= 12 && message.size() <= kLimits.answer_bytes_max) {
    reading = ReadDnsNaively(message, kLimits.aliases_max);
    const size_t kept = std::min(asked_count_, kQueriesKept);
    for (size_t ago = 0; ago < kept && reading.kind != NaiveDnsReading::Kind::kInvalid; ++ago) {
      const Asked& asked = AskedBefore(static_cast<uint8_t>(ago));
      if (asked.server != from || asked.port != port || asked.id != NaiveWord(message, 0) ||
          !SameDnsName(asked.name, reading.question)) {
        continue;
      }
      is_answer = true;
      is_latest = ago == 0;
    }
  }
  const uint64_t answers = resolver_->counters().answers;
  const uint32_t cached = resolver_->cached(now());
  Deliver(maker_.Udp(from, {kStackIp, port}, message));
  const uint64_t believed = resolver_->counters().answers - answers;
  if (asked_count_ <= kQueriesKept && !is_late_) {
    FUZZ_CHECK(P2, believed <= (is_answer ? 1u : 0u));
    if (believed == 0) FUZZ_CHECK(P2, resolver_->cached(now()) == cached);
  }
  (void)is_latest;
  Look(is_answer && believed == 1 ? &reading : nullptr);
  Serve();
}

void DnsWorld::Learn(const Slot& slot, const DnsResult& result, const NaiveDnsReading& reading) {
  auto known =
      std::find_if(known_.begin(), known_.begin() + static_cast<ptrdiff_t>(known_count_),
                   [&slot](const Known& other) { return SameDnsName(other.name, slot.name); });
  if (known == known_.begin() + static_cast<ptrdiff_t>(known_count_)) {
    if (known_count_ == known_.size()) return;
    ++known_count_;
  }
  Duration life = std::min<Duration>(seconds(reading.ttl_s), kLimits.ttl_max);
  if (result.status != DnsStatus::kFound)
    life = std::min<Duration>({life, seconds(reading.negative_ttl_s), kLimits.negative_ttl_max});
  // What is not to be kept leaves what was kept before.
  if (result.status != DnsStatus::kFound && !reading.has_negative_ttl) return;
  *known = {slot.name, result.status, result.addresses, now() + life};
}

void DnsWorld::Look(const NaiveDnsReading* reading) {
  using Kind = NaiveDnsReading::Kind;
  for (Slot& slot : slots_) {
    if (!slot.id) continue;
    const DnsResult* result = resolver_->Find(*slot.id);
    FUZZ_CHECK(P4, result != nullptr);
    if (result->status == slot.seen.status) {
      FUZZ_CHECK(P2, result->addresses == slot.seen.addresses);
      continue;
    }
    // One end for each lookup.
    FUZZ_CHECK(P8, slot.seen.status == DnsStatus::kPending);
    CurrentTrace().Add(static_cast<uint64_t>(result->status));
    slot.seen = *result;
    const Kind kind = reading == nullptr ? Kind::kInvalid : reading->kind;
    switch (result->status) {
      case DnsStatus::kFound: {
        FUZZ_CHECK(P2, kind == Kind::kAddresses);
        FUZZ_CHECK(P2, result->addresses.count == reading->address_count);
        for (size_t i = 0; i < reading->address_count; ++i)
          FUZZ_CHECK(P2, result->addresses.list[i].value == reading->addresses[i]);
        Learn(slot, *result, *reading);
        break;
      }
      case DnsStatus::kNoName:
        FUZZ_CHECK(P2, kind == Kind::kNoName);
        Learn(slot, *result, *reading);
        break;
      case DnsStatus::kNoAddress:
        FUZZ_CHECK(P2, kind == Kind::kNoData);
        Learn(slot, *result, *reading);
        break;
      case DnsStatus::kTruncated:
        FUZZ_CHECK(P2, kind == Kind::kCut);
        break;
      case DnsStatus::kTooManyAliases:
        FUZZ_CHECK(P2, reading != nullptr);
        break;
      case DnsStatus::kTimedOut:
      case DnsStatus::kServerFailure:
      case DnsStatus::kUnreachable:
        FUZZ_CHECK(P2, result->addresses.count == 0);
        break;
      case DnsStatus::kPending:
        FUZZ_CHECK(P8, false);
    }
  }
  FUZZ_CHECK(P4, resolver_->cached(now()) <= kLimits.entries_max);
}

void DnsWorld::Serve() {
  const bool is_due = resolver_->NextDeadline() <= now();
  resolver_->Advance(now());
  if (is_due) Settle(kLimits.queries_max);
  FUZZ_CHECK(P8, resolver_->NextDeadline() > now());
  Look(nullptr);
  // P7: rounds of all servers for a name and each of its aliases.
  const uint64_t floods = resolver_->counters().floods + resolver_->counters().answers;
  FUZZ_CHECK(P7, resolver_->counters().queries <= (lookups_ + steps_ + floods + 1) *
                                                      kLimits.rounds_max * kServers.size() *
                                                      (kLimits.aliases_max + 1));
}

void DnsWorld::PassTime(Duration by) {
  const Instant end = now() + by;
  for (int round = 0; round < kRoundsMax; ++round) {
    ++steps_;
    const Instant due = std::min(end, std::max(resolver_->NextDeadline(), now()));
    if (!AdvanceToDeadline(due - now()) && due > now()) Advance(due - now());
    Serve();
    if (now() >= end) return;
  }
}

void DnsWorld::Stage(unsigned stage) {
  if (stage % 4 == 0) return;
  Start(kNames[0]);
  static constexpr uint8_t kAddress[] = {0, 0, 3, 77};
  if (stage % 4 == 2) Answer({.records = kAddress});
  if (stage % 4 == 3) {
    Start(kNames[1]);
    Start(kNames[2]);
  }
}

void DnsWorld::Carry(const Record& record) {
  switch (record.operation) {
    case kStart:
      Start(kNames[record.U8(0) % kNames.size()]);
      return;
    case kStartText:
      Start(TextOf(record.bytes));
      return;
    case kRelease: {
      Slot& slot = slots_[record.U8(0) % kSlots];
      if (!slot.id) return;
      resolver_->Release(*slot.id);
      FUZZ_CHECK(P4, resolver_->Find(*slot.id) == nullptr);
      slot.id.reset();
      Settle();
      return;
    }
    case kAnswer:
      Answer({.to = record.U8(0),
              .id_bit = record.U8(1),
              .port_bit = record.U8(2),
              .server = record.U8(3),
              .question = record.U8(4),
              .flags = record.U16(5),
              .count = record.U8(6),
              .records = record.bytes});
      return;
    case kRaw: {
      if (asked_count_ == 0) return;
      const Asked asked = AskedBefore(record.U8(0));
      std::ranges::copy(record.bytes, message_.begin());
      if (record.bytes.size() >= 2) StoreBe(message_.data(), asked.id);
      Say(Bytes(message_).first(record.bytes.size()), asked.server, asked.port);
      return;
    }
    case kServersAre: {
      const size_t from = record.U8(0) % 3;
      const size_t count = record.U8(0) / 3 % (kServers.size() - from + 1);
      resolver_->SetServers(std::span(kServers).subspan(from, count), now());
      Settle(kLimits.queries_max);
      Look(nullptr);
      return;
    }
    case kTime:
      PassTime(record.TimeAt(0, kAdvanceMax));
      return;
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && !IsTired(); ++i) {
        const Instant next = std::min(stack().NextDeadline(), resolver_->NextDeadline());
        if (next == kNever) return;
        PassTime(std::min<Duration>(std::max(next, now()) - now(), kAdvanceMax));
      }
      return;
    case kBlock:
      is_late_ = true;
      BlockDevice(record.U8(0));
      return;
    default:
      return;
  }
}

void DnsWorld::Finish() {
  BlockDevice(0);
  Settle();
  PassTime(minutes(10));
  // P8: every lookup has come to an end.
  for (Slot& slot : slots_) {
    if (!slot.id) continue;
    FUZZ_CHECK(P8, resolver_->Find(*slot.id)->status != DnsStatus::kPending);
    resolver_->Release(*slot.id);
  }
  FUZZ_CHECK(P8, resolver_->NextDeadline() == kNever);
  resolver_.reset();
  CheckNeutral();
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  DnsWorld world(reader.head(1));
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
  if (size > 1024) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
