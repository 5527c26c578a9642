#include "fuzz/stateful/dns_world.h"

#include <algorithm>
#include <span>
#include <vector>

#include "fuzz/naive_http.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/dns_script.h"
#include "fuzz/target.h"

namespace aether::fuzz::dns_resolver {
namespace {

using app::DnsResult;
using app::DnsStatus;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kRoundsMax = 3000;
constexpr Duration kAdvanceMax = std::chrono::hours(30);

constexpr app::DnsLimits kLimits{.lookups_max = 5,
                                 .queries_max = 3,
                                 .entries_max = 3,
                                 .aliases_max = 3,
                                 .answer_bytes_max = 512,
                                 .mismatches_max = 4};

Config StackConfig() {
  Config config = SmallConfig();
  config.announce = false;
  config.udp.sockets_max = 4;
  return config;
}

}  // namespace

DnsWorld::DnsWorld(uint8_t seed) : World(StackConfig()) {
  stack().SetAddress(kStackNetwork, kPeerIp);
  const ArenaScope scope;
  resolver_.emplace(stack(), app::DnsOptions{.seed = {seed, 3}, .limits = kLimits});
  resolver_->SetServers(std::span(kServers).first(2), now());
  Settle();
}

void DnsWorld::OnSent(const testing::NaiveFrame& frame, Bytes) {
  if (!frame.udp) return;
  const Bytes message = frame.udp->payload;
  Asked& asked = asked_[asked_count_++ % kQueriesKept];
  std::vector<uint8_t> canonical;
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

void DnsWorld::Answer(const DnsAnswer::Plan& plan) {
  if (asked_count_ == 0) return;
  const Asked asked = AskedBefore(plan.to);
  Ipv4Endpoint from = asked.server;
  if (plan.server % 4 == 1) from = kServers[plan.server / 4 % 3];
  if (plan.server % 4 == 2)
    from.port = static_cast<uint16_t>(from.port ^ 1u << plan.server / 4 % 16);
  if (plan.server % 4 == 3) from.address.value ^= 1u << plan.server / 4 % 8;
  uint16_t port = asked.port;
  if (plan.port_bit != 0) port = static_cast<uint16_t>(port ^ 1u << plan.port_bit % 16);
  Say(answer_.Build(plan, asked), from, port);
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
      Say(answer_.Raw(record.bytes, asked), asked.server, asked.port);
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

}  // namespace aether::fuzz::dns_resolver
