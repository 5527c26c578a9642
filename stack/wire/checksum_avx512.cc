// The Internet checksum with AVX-512. The idea is that of the AVX2 unit: a lane sums its words as they are and, apart,
// their high halves. Here the high halves come from a second load that duplicates them on its way (vmovshdup), so that
// two additions per vector are all that the vector ports have to do; the load ports have room for it as long as no load
// crosses a cache line, hence the aligned loop. Masked loads and stores touch no byte outside of their mask.
#include "stack/wire/checksum_units.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "stack/base/check.h"

#define AETHER_TARGET_AVX512 __attribute__((target("avx512f,avx512bw")))

namespace aether::checksum_internal {
namespace {

constexpr size_t kVector = 64;
// From here on the aligned loop pays for its masked first load.
constexpr size_t kAlignMinBytes = 256;

struct Sums {
  __m512i all;       // sum of the lanes, modulo 2^64
  __m512i high_twice;  // sum of the high halves times 2^32 + 1, modulo 2^64
};

AETHER_TARGET_AVX512 inline __mmask64 FirstBytes(size_t count) { return (uint64_t{1} << count) - 1; }

AETHER_TARGET_AVX512 inline __m512i DuplicateHigh(__m512i value) {
  return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(value)));
}

AETHER_TARGET_AVX512 inline void Add(Sums& sums, __m512i value) {
  sums.all = _mm512_add_epi64(sums.all, value);
  sums.high_twice = _mm512_add_epi64(sums.high_twice, DuplicateHigh(value));
}

AETHER_TARGET_AVX512 inline void AddFrom(Sums& sums, const uint8_t* from) {
  sums.all = _mm512_add_epi64(sums.all, _mm512_loadu_si512(from));
  sums.high_twice = _mm512_add_epi64(
      sums.high_twice, _mm512_castps_si512(_mm512_movehdup_ps(_mm512_loadu_ps(from))));
}

// Sum of the 64-bit lanes, which the caller knows not to overflow.
AETHER_TARGET_AVX512 inline uint64_t AddLanes(__m512i eight) {
  const __m256i four = _mm256_add_epi64(_mm512_castsi512_si256(eight), _mm512_extracti64x4_epi64(eight, 1));
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
}

// With H the sum of the high halves, high_twice is H + H * 2^32, and so is H * 2^32 its low half shifted up: taken from
// high_twice that leaves H, taken from `all` it leaves the sum of the low halves, both exactly.
AETHER_TARGET_AVX512 inline uint16_t Finish(const Sums& a, const Sums& b) {
  const __m512i all = _mm512_add_epi64(a.all, b.all);
  const __m512i twice = _mm512_add_epi64(a.high_twice, b.high_twice);
  const __m512i high_shifted = _mm512_slli_epi64(twice, 32);
  const __m512i low = _mm512_sub_epi64(all, high_shifted);
  const __m512i high = _mm512_sub_epi64(twice, high_shifted);
  return SumFold(AddLanes(_mm512_add_epi64(low, high)));
}

AETHER_TARGET_AVX512 inline uint16_t SumOneVector(__m512i value) {
  const __m512i low = _mm512_and_si512(value, _mm512_set1_epi64(0xffffffff));
  return SumFold(AddLanes(_mm512_add_epi64(low, _mm512_srli_epi64(value, 32))));
}

}  // namespace

AETHER_TARGET_AVX512 uint16_t SumAvx512(const uint8_t* from, size_t size) {
  if (size <= 32) return SumShort(from, size);
  if (size < kVector) return SumOneVector(_mm512_maskz_loadu_epi8(FirstBytes(size), from));
  const __m512i zero = _mm512_setzero_si512();
  Sums a{zero, zero};
  Sums b{zero, zero};
  bool swap = false;
  if (size >= kAlignMinBytes) {
    AETHER_CHECK(size < kVectorSizeMaxBytes);
    const size_t misaligned = reinterpret_cast<uintptr_t>(from) % kVector;
    if (misaligned != 0) {
      const size_t head = kVector - misaligned;
      Add(b, _mm512_maskz_loadu_epi8(~FirstBytes(misaligned), from - misaligned));
      from += head;
      size -= head;
      // The bytes were paired by their address.
      swap = misaligned % 2 != 0;
    }
  }
  for (; size >= 4 * kVector; size -= 4 * kVector, from += 4 * kVector) {
    AddFrom(a, from);
    AddFrom(b, from + kVector);
    AddFrom(a, from + 2 * kVector);
    AddFrom(b, from + 3 * kVector);
  }
  for (; size >= kVector; size -= kVector, from += kVector) AddFrom(a, from);
  Add(b, _mm512_maskz_loadu_epi8(FirstBytes(size), from));
  const uint16_t sum = Finish(a, b);
  return swap ? SumSwap(sum) : sum;
}

AETHER_TARGET_AVX512 uint16_t CopyAndSumAvx512(uint8_t* to, const uint8_t* from, size_t size) {
  if (size < kVector) {
    const __mmask64 mask = FirstBytes(size);
    const __m512i value = _mm512_maskz_loadu_epi8(mask, from);
    _mm512_mask_storeu_epi8(to, mask, value);
    return SumOneVector(value);
  }
  AETHER_CHECK(size < kVectorSizeMaxBytes);
  const __m512i zero = _mm512_setzero_si512();
  Sums a{zero, zero};
  Sums b{zero, zero};
  for (; size >= 2 * kVector; size -= 2 * kVector, from += 2 * kVector, to += 2 * kVector) {
    const __m512i first = _mm512_loadu_si512(from);
    const __m512i second = _mm512_loadu_si512(from + kVector);
    _mm512_storeu_si512(to, first);
    _mm512_storeu_si512(to + kVector, second);
    Add(a, first);
    Add(b, second);
  }
  if (size >= kVector) {
    const __m512i value = _mm512_loadu_si512(from);
    _mm512_storeu_si512(to, value);
    Add(a, value);
    size -= kVector;
    from += kVector;
    to += kVector;
  }
  const __mmask64 mask = FirstBytes(size);
  const __m512i value = _mm512_maskz_loadu_epi8(mask, from);
  _mm512_mask_storeu_epi8(to, mask, value);
  Add(b, value);
  return Finish(a, b);
}

}  // namespace aether::checksum_internal

#endif
