// A stack with a resolver, and what is known of it: the questions that are out, the lookups, and
// what each name was last said to be. Only what answers a question that is out may change anything
// (DNS008).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fuzz/stateful/dns_answer.h"
#include "fuzz/stateful/dns_reading.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/world.h"
#include "stack/app/dns_resolver.h"

namespace aether::fuzz::dns_resolver {

inline constexpr size_t kSlots = 6;
inline constexpr size_t kQueriesKept = 24;
// Messages and stops of the clock; then the records are over.
inline constexpr size_t kStepsMax = 80;

// A lookup, and what it had come to when last looked at.
struct Slot {
  std::optional<app::DnsLookupId> id;
  NaiveName name;
  app::DnsResult seen;
};

// What a name was last said to be, and until when it may be believed.
struct Known {
  NaiveName name;
  app::DnsStatus status = app::DnsStatus::kPending;
  app::DnsAddresses addresses;
  Instant until;
};

class DnsWorld final : public World {
 public:
  explicit DnsWorld(uint8_t seed);
  void Stage(unsigned stage);
  void Carry(const Record& record);
  void Finish();
  bool IsTired() const { return steps_ > kStepsMax; }

 private:
  void Start(std::string_view text);
  void Answer(const DnsAnswer::Plan& plan);
  void Say(Bytes message, Ipv4Endpoint from, uint16_t port);
  void PassTime(Duration by);
  void Serve();
  // What changed since the last time; `reading` says what was to be believed.
  void Look(const NaiveDnsReading* reading);
  void Learn(const Slot& slot, const app::DnsResult& result, const NaiveDnsReading& reading);
  const Asked& AskedBefore(uint8_t ago) const {
    return asked_[(asked_count_ - 1 - ago % std::min(asked_count_, kQueriesKept)) % kQueriesKept];
  }

  void OnEvent(const Event& event) override { resolver_->OnEvent(event, now()); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override;

  std::optional<app::DnsResolver> resolver_;
  std::array<Slot, kSlots> slots_;
  std::array<Asked, kQueriesKept> asked_;
  size_t asked_count_ = 0;
  std::array<Known, 16> known_;
  size_t known_count_ = 0;
  FrameMaker maker_;
  DnsAnswer answer_;
  size_t steps_ = 0;
  uint64_t lookups_ = 0;
  bool is_late_ = false;  // a blocked device kept questions back
};

}  // namespace aether::fuzz::dns_resolver
