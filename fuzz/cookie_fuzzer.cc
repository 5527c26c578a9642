// SYN cookies: one that was made is good in its period and the next, for its flow and its sequence
// number, and says its MSS; changed in any bit, on another flow or later it is not.
#include <algorithm>
#include <array>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "stack/tcp/cookie.h"

namespace aether::fuzz {
namespace {

using tcp::CookieJar;
using tcp::FlowKey;

uint64_t PeriodOf(Instant now) {
  return static_cast<uint64_t>(now.time_since_epoch() / CookieJar::kPeriod);
}

// [RFC 9293 3.7.1] never more than the peer can take, unless it can take less than anybody.
uint16_t RoundedDown(uint16_t mss_bytes) {
  uint16_t best = CookieJar::kMssTable[0];
  for (const uint16_t entry : CookieJar::kMssTable) {
    if (entry <= mss_bytes) best = entry;
  }
  return best;
}

// What comes back, beside the cookie.
struct Ask {
  FlowKey flow;
  Seq client_isn;
};

struct Made {
  Ask ask;
  uint16_t mss_bytes = 0;
  Instant made_at{};
  Seq cookie;
};

// Changes one bit of what the cookie is of, or of itself; `bit` is any number.
void Flip(Ask& ask, uint32_t& cookie, uint32_t bit) {
  bit %= 160;
  const uint32_t mask = 1u << (bit % 32);
  switch (bit / 32) {
    case 0:
      cookie ^= mask;
      break;
    case 1:
      ask.client_isn = Seq(ask.client_isn.value() ^ mask);
      break;
    case 2:
      ask.flow.remote.value ^= mask;
      break;
    case 3:
      ask.flow.local.value ^= mask;
      break;
    default:
      if (mask > 0xffff) {
        ask.flow.remote_port = static_cast<uint16_t>(ask.flow.remote_port ^ mask >> 16);
      } else {
        ask.flow.local_port = static_cast<uint16_t>(ask.flow.local_port ^ mask);
      }
      break;
  }
}

// A tag has 26 bits: once in a while a wrong one is right by chance, and the input that does this
// is soon found. So what should fail is tried with more keys, and has to fail with one of them.
template <typename Tamper>
bool IsRefusedWithSomeKey(const Made& made, Instant now, Tamper tamper) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    CookieJar jar({seed, 0x5eed}, made.made_at);
    Ask ask = made.ask;
    uint32_t cookie = jar.Make(ask.flow, ask.client_isn, made.mss_bytes, made.made_at).value();
    tamper(ask, cookie);
    if (!jar.Check(ask.flow, ask.client_isn, Seq(cookie), now)) return true;
  }
  return false;
}

class Run {
 public:
  Run(Seed seed, Instant start) : now_(start), jar_(seed, start) {}

  void Step(Records& records) {
    Made& made = made_[records.Below(kMade)];
    switch (records.Byte() % 6) {
      case 0:
        Make(made, records);
        break;
      case 1:
        Check(made);
        break;
      case 2:
        CheckFlipped(made, records.Byte());
        break;
      case 3:  // nothing that was made, of any form
        CurrentTrace().Add(
            jar_.Check(made.ask.flow, made.ask.client_isn, Seq(records.U32()), now_).value_or(0));
        break;
      case 4:
        Reach(now_ + records.Time(std::chrono::hours(24 * 365)));
        break;
      default:  // the edges of periods, where something changes
        Reach(Instant{} +
              CookieJar::kPeriod * static_cast<int64_t>(PeriodOf(now_) + 1 + records.Below(20)) -
              Duration(records.Below(2)));
        break;
    }
  }

 private:
  // Time is a number of 64 bits; what is left after this is enough for one more step.
  static constexpr Instant kLatest = Instant{} + std::chrono::hours(24 * 365 * 280);
  void Reach(Instant time) { now_ = std::min(time, kLatest); }

  static constexpr uint32_t kMade = 4;

  void Make(Made& made, Records& records) {
    made.ask.flow = {.remote = {records.U32()},
                     .local = {0x0a000001u + records.Below(4)},
                     .remote_port = records.U16(),
                     .local_port = records.Byte()};
    made.ask.client_isn = Seq(records.U32());
    made.mss_bytes = records.U16();
    made.made_at = now_;
    made.cookie = jar_.Make(made.ask.flow, made.ask.client_isn, made.mss_bytes, now_);
    CurrentTrace().Add(made.cookie.value());
    Check(made);
  }

  void Check(const Made& made) {
    if (made.made_at == Instant{}) return;
    const auto mss = jar_.Check(made.ask.flow, made.ask.client_isn, made.cookie, now_);
    CurrentTrace().Add(mss.value_or(0));
    if (PeriodOf(now_) - PeriodOf(made.made_at) <= 1) {
      FUZZ_CHECK(P2, mss.has_value());
      FUZZ_CHECK(P2, *mss == RoundedDown(made.mss_bytes));
    } else if (mss) {
      FUZZ_CHECK(P2, IsRefusedWithSomeKey(made, now_, [](Ask&, uint32_t&) {}));
    }
  }

  void CheckFlipped(const Made& made, uint32_t bit) {
    if (made.made_at == Instant{}) return;
    Ask ask = made.ask;
    uint32_t cookie = made.cookie.value();
    Flip(ask, cookie, bit);
    const auto mss = jar_.Check(ask.flow, ask.client_isn, Seq(cookie), now_);
    CurrentTrace().Add(mss.value_or(0));
    if (!mss) return;
    FUZZ_CHECK(P16, IsRefusedWithSomeKey(made, now_, [bit](Ask& asked, uint32_t& value) {
                 Flip(asked, value, bit);
               }));
  }

  Instant now_;
  CookieJar jar_;
  std::array<Made, kMade> made_;
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return -1;
  aether::fuzz::Records records({data, size});
  const aether::Seed seed{records.Byte(), 1};
  aether::fuzz::Run run(seed, aether::Instant{std::chrono::nanoseconds(1)} +
                                  records.Time(std::chrono::hours(24 * 365)));
  while (!records.empty()) run.Step(records);
  return 0;
}
