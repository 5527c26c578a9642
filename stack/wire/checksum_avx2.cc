// The Internet checksum with AVX2. Every 64-bit lane keeps two sums: of the words as they are,
// which may wrap, and of their high halves, which cannot. Together they give the sum of the low
// halves, for three instructions per vector where masking both halves would take four.
#include "stack/wire/checksum_units.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "stack/base/check.h"

#define AETHER_TARGET_AVX2 __attribute__((target("avx2")))

namespace aether::checksum_internal {
namespace {

struct Sums {
  __m256i all;
  __m256i high;
};

AETHER_TARGET_AVX2 inline __m256i Load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

AETHER_TARGET_AVX2 inline void Store(uint8_t* to, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}

AETHER_TARGET_AVX2 inline void Add(Sums& sums, __m256i value) {
  sums.all = _mm256_add_epi64(sums.all, value);
  sums.high = _mm256_add_epi64(sums.high, _mm256_srli_epi64(value, 32));
}

AETHER_TARGET_AVX2 inline uint16_t Finish(const Sums& a, const Sums& b) {
  const __m256i all = _mm256_add_epi64(a.all, b.all);
  const __m256i high = _mm256_add_epi64(a.high, b.high);
  const __m256i low = _mm256_sub_epi64(all, _mm256_slli_epi64(high, 32));
  const __m256i four = _mm256_add_epi64(low, high);
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  const __m128i one = _mm_add_epi64(two, _mm_unpackhi_epi64(two, two));
  return SumFold(static_cast<uint64_t>(_mm_cvtsi128_si64(one)));
}

}  // namespace

AETHER_TARGET_AVX2 uint16_t SumAvx2(const uint8_t* from, size_t size) {
  // Below, setting the vectors up and adding their lanes takes longer than words do.
  if (size < 128) return SumShort(from, size);
  AETHER_CHECK(size < kVectorSizeMaxBytes);
  const __m256i zero = _mm256_setzero_si256();
  Sums a{zero, zero};
  Sums b{zero, zero};
  for (; size >= 128; size -= 128, from += 128) {
    Add(a, Load(from));
    Add(b, Load(from + 32));
    Add(a, Load(from + 64));
    Add(b, Load(from + 96));
  }
  for (; size >= 32; size -= 32, from += 32) Add(a, Load(from));
  const uint16_t rest = SumShort(from, size);
  return SumAdd(Finish(a, b), rest);
}

AETHER_TARGET_AVX2 uint16_t CopyAndSumAvx2(uint8_t* to, const uint8_t* from, size_t size) {
  if (size < 64) return CopyAndSumPortable(to, from, size);
  AETHER_CHECK(size < kVectorSizeMaxBytes);
  const __m256i zero = _mm256_setzero_si256();
  Sums a{zero, zero};
  Sums b{zero, zero};
  for (; size >= 64; size -= 64, from += 64, to += 64) {
    const __m256i first = Load(from);
    const __m256i second = Load(from + 32);
    Store(to, first);
    Store(to + 32, second);
    Add(a, first);
    Add(b, second);
  }
  const uint16_t rest = CopyAndSumPortable(to, from, size);
  return SumAdd(Finish(a, b), rest);
}

}  // namespace aether::checksum_internal

#endif
