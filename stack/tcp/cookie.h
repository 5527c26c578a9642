// SYN cookies (RFC 4987 3.6): the whole state of a half-open connection in the sequence number of
// the SYN-ACK.
//
// Layout: 26 bits of SipHash-2-4 over the flow, the client's ISN, the time part and the MSS index;
// 3 bits of time part (a counter of 64 s, modulo 8); 3 bits of MSS index. The low six are masked by
// a keyed mix of the upper ones, so that they show no pattern from one flow to the next; their
// secrecy is not relied on. A cookie is good in
// its own period and the next. A blind guess succeeds with probability 2 periods x 8 indices / 2^32
// = 2^-28.
//
// What a cookie cannot do: notice that it was used. A copy of the segment that finished a
// handshake, delayed until the connection is gone and no TIME-WAIT is left of it, opens it once
// more while the cookie is good.
//
// The key changes every 16 periods (17 minutes); the one before stays valid for the cookies made
// under it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/tcp/segment.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

class CookieJar {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(64);
  static constexpr uint64_t kPeriodsPerKey = 16;
  // What an MSS is rounded down to; anything below the first becomes the first.
  static constexpr std::array<uint16_t, 8> kMssTable = {88, 256, 536, 1200, 1360, 1440, 1460, 8960};

  CookieJar(Seed seed, Instant now);

  Seq Make(const FlowKey& flow, Seq client_isn, uint16_t mss_bytes, Instant now);
  // The MSS that Make was given, rounded down, when `cookie` is one of ours and not too old.
  std::optional<uint16_t> Check(const FlowKey& flow, Seq client_isn, Seq cookie, Instant now);

 private:
  static uint64_t PeriodAt(Instant now);
  void Rotate(uint64_t period);
  uint32_t Tag(const FlowKey& flow, Seq client_isn, uint64_t period, uint32_t mss_index) const;
  uint32_t Mask(uint32_t tag) const;

  Random random_;
  uint64_t mask_key_;
  uint64_t epoch_;                // period / kPeriodsPerKey
  std::array<SipKey, 2> keys_{};  // by parity of the epoch
};

}  // namespace aether::tcp
