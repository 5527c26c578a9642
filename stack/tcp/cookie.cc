#include "stack/tcp/cookie.h"

#include "stack/tcp/isn.h"

namespace aether::tcp {

CookieJar::CookieJar(Seed seed, Instant now)
    : random_(seed), mask_key_(random_.Next64() | 1), epoch_(PeriodAt(now) / kPeriodsPerKey) {
  keys_ = {random_.NextKey(), random_.NextKey()};
}

uint64_t CookieJar::PeriodAt(Instant now) {
  return static_cast<uint64_t>(now.time_since_epoch().count()) /
         static_cast<uint64_t>(kPeriod.count());
}

void CookieJar::Rotate(uint64_t period) {
  const uint64_t epoch = period / kPeriodsPerKey;
  if (epoch <= epoch_) [[likely]]
    return;
  // After a pause of several epochs no key of before may be left.
  if (epoch > epoch_ + 1) keys_[(epoch + 1) & 1] = random_.NextKey();
  keys_[epoch & 1] = random_.NextKey();
  epoch_ = epoch;
}

uint32_t CookieJar::Tag(const FlowKey& flow, Seq client_isn, uint64_t period,
                        uint32_t mss_index) const {
  const SipKey key = keys_[(period / kPeriodsPerKey) & 1];
  const uint64_t hash =
      SipHash24(key, FlowAddresses(flow), uint64_t{FlowPorts(flow)} << 32 | client_isn.value(),
                period << 3 | mss_index);
  return static_cast<uint32_t>(hash) & ~uint32_t{63};
}

uint32_t CookieJar::Mask(uint32_t tag) const {
  return static_cast<uint32_t>(((tag >> 6) * mask_key_) >> 58);
}

Seq CookieJar::Make(const FlowKey& flow, Seq client_isn, uint16_t mss_bytes, Instant now) {
  const uint64_t period = PeriodAt(now);
  Rotate(period);
  uint32_t index = kMssTable.size() - 1;
  while (index > 0 && kMssTable[index] > mss_bytes) --index;
  const uint32_t low = static_cast<uint32_t>(period & 7) << 3 | index;
  const uint32_t tag = Tag(flow, client_isn, period, index);
  return Seq(tag | (low ^ Mask(tag)));
}

std::optional<uint16_t> CookieJar::Check(const FlowKey& flow, Seq client_isn, Seq cookie,
                                         Instant now) {
  const uint64_t period_now = PeriodAt(now);
  Rotate(period_now);
  const uint32_t tag = cookie.value() & ~uint32_t{63};
  const uint32_t low = (cookie.value() & 63) ^ Mask(tag);
  const uint64_t age = (period_now - (low >> 3)) & 7;
  if (age > 1 || age > period_now) return std::nullopt;
  const uint32_t index = low & 7;
  if (Tag(flow, client_isn, period_now - age, index) != tag) return std::nullopt;
  return kMssTable[index];
}

}  // namespace aether::tcp
