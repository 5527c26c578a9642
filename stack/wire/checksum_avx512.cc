// The Internet checksum with AVX-512. The idea is that of the AVX2 unit: a lane sums its words as
// they are and, apart, their high halves. Here the high halves come from a second load that
// duplicates them on its way (vmovshdup), so that two additions per vector are all that the vector
// ports have to do; the load ports have room for it as long as no load crosses a cache line, hence
// the aligned loop. Masked loads and stores touch no byte outside of their mask.
#include "stack/wire/checksum_units.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "stack/base/check.h"

#define AETHER_TARGET_AVX512 __attribute__((target("avx512f,avx512bw")))

namespace aether::checksum_internal {
namespace {

constexpr size_t kVector = 64;
// From here on an aligned loop pays for its masked first vector.
constexpr size_t kAlignLoadsMinBytes = 256;
constexpr size_t kAlignStoresMinBytes = 2048;

// For fewer bytes than a vector has.
AETHER_TARGET_AVX512 inline __mmask64 FirstBytes(size_t count) {
  return (uint64_t{1} << count) - 1;
}

// For at least one byte and at most a vector.
AETHER_TARGET_AVX512 inline __mmask64 OneVectorBytes(size_t count) {
  return ~uint64_t{0} >> (kVector - count);
}

// Sum of the 64-bit lanes, which the caller knows not to overflow.
AETHER_TARGET_AVX512 inline uint64_t AddLanes(__m512i eight) {
  const __m256i four =
      _mm256_add_epi64(_mm512_castsi512_si256(eight), _mm512_extracti64x4_epi64(eight, 1));
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))));
}

// The two sums that a lane keeps. `all` wraps, `high` does not.
struct Sums {
  __m512i all;
  __m512i high;
};

AETHER_TARGET_AVX512 inline Sums ZeroSums() {
  return {_mm512_setzero_si512(), _mm512_setzero_si512()};
}

AETHER_TARGET_AVX512 inline void Add(Sums& sums, __m512i value) {
  sums.all = _mm512_add_epi64(sums.all, value);
  sums.high = _mm512_add_epi64(sums.high, _mm512_srli_epi64(value, 32));
}

AETHER_TARGET_AVX512 inline uint16_t Finish(const Sums& a, const Sums& b) {
  const __m512i all = _mm512_add_epi64(a.all, b.all);
  const __m512i high = _mm512_add_epi64(a.high, b.high);
  const __m512i low = _mm512_sub_epi64(all, _mm512_slli_epi64(high, 32));
  return SumFold(AddLanes(_mm512_add_epi64(low, high)));
}

// The same with the high halves in both halves of a lane: with H their sum, `twice` is H + H * 2^32
// modulo 2^64. Its low half is that of H, so its low half shifted up is H * 2^32, and taking that
// away leaves H.
struct LoadedSums {
  __m512i all;
  __m512i twice;
};

AETHER_TARGET_AVX512 inline LoadedSums ZeroLoadedSums() {
  return {_mm512_setzero_si512(), _mm512_setzero_si512()};
}

AETHER_TARGET_AVX512 inline void AddFrom(LoadedSums& sums, const uint8_t* from) {
  const __m512i high_twice = _mm512_castps_si512(_mm512_movehdup_ps(_mm512_loadu_ps(from)));
  sums.all = _mm512_add_epi64(sums.all, _mm512_loadu_si512(from));
  sums.twice = _mm512_add_epi64(sums.twice, high_twice);
}

AETHER_TARGET_AVX512 inline Sums Combine(const LoadedSums& a, const LoadedSums& b) {
  const __m512i twice = _mm512_add_epi64(a.twice, b.twice);
  return {_mm512_add_epi64(a.all, b.all), _mm512_sub_epi64(twice, _mm512_slli_epi64(twice, 32))};
}

AETHER_TARGET_AVX512 inline uint16_t SumOneVector(__m512i value) {
  const __m512i low = _mm512_and_si512(value, _mm512_set1_epi64(0xffffffff));
  return SumFold(AddLanes(_mm512_add_epi64(low, _mm512_srli_epi64(value, 32))));
}

// Copies the bytes of the mask and returns them, zeros in the place of the others.
AETHER_TARGET_AVX512 inline __m512i CopyMasked(uint8_t* to, const uint8_t* from, __mmask64 mask) {
  const __m512i value = _mm512_maskz_loadu_epi8(mask, from);
  _mm512_mask_storeu_epi8(to, mask, value);
  return value;
}

AETHER_TARGET_AVX512 inline __m512i CopyVector(uint8_t* to, const uint8_t* from) {
  const __m512i value = _mm512_loadu_si512(from);
  _mm512_storeu_si512(to, value);
  return value;
}

}  // namespace

AETHER_TARGET_AVX512 uint16_t SumAvx512(const uint8_t* from, size_t size) {
  if (size <= 32) return SumShort(from, size);
  if (size <= kVector) return SumOneVector(_mm512_maskz_loadu_epi8(OneVectorBytes(size), from));
  AETHER_CHECK(size < kVectorSizeMaxBytes);
  Sums ends = ZeroSums();
  bool swap = false;
  const size_t misaligned = reinterpret_cast<uintptr_t>(from) % kVector;
  if (misaligned != 0 && size >= kAlignLoadsMinBytes) {
    Add(ends, _mm512_maskz_loadu_epi8(~FirstBytes(misaligned), from - misaligned));
    from += kVector - misaligned;
    size -= kVector - misaligned;
    // From here on the bytes are paired by their address, which is the other way round for data at
    // an odd one.
    swap = misaligned % 2 != 0;
  }
  LoadedSums a = ZeroLoadedSums();
  LoadedSums b = ZeroLoadedSums();
  for (; size >= 4 * kVector; size -= 4 * kVector, from += 4 * kVector) {
    AddFrom(a, from);
    AddFrom(b, from + kVector);
    AddFrom(a, from + 2 * kVector);
    AddFrom(b, from + 3 * kVector);
  }
  for (; size >= kVector; size -= kVector, from += kVector) AddFrom(a, from);
  Add(ends, _mm512_maskz_loadu_epi8(FirstBytes(size), from));
  const uint16_t sum = Finish(Combine(a, b), ends);
  return swap ? SumSwap(sum) : sum;
}

AETHER_TARGET_AVX512 uint16_t CopyAndSumAvx512(uint8_t* to, const uint8_t* from, size_t size) {
  if (size == 0) return 0;
  if (size <= kVector) return SumOneVector(CopyMasked(to, from, OneVectorBytes(size)));
  AETHER_CHECK(size < kVectorSizeMaxBytes);
  Sums a = ZeroSums();
  Sums b = ZeroSums();
  bool swap = false;
  const size_t misaligned = reinterpret_cast<uintptr_t>(to) % kVector;
  if (misaligned != 0 && size >= kAlignStoresMinBytes) {
    Add(a, CopyMasked(to - misaligned, from - misaligned, ~FirstBytes(misaligned)));
    from += kVector - misaligned;
    to += kVector - misaligned;
    size -= kVector - misaligned;
    swap = misaligned % 2 != 0;
  }
  for (; size >= 2 * kVector; size -= 2 * kVector, from += 2 * kVector, to += 2 * kVector) {
    Add(a, CopyVector(to, from));
    Add(b, CopyVector(to + kVector, from + kVector));
  }
  if (size >= kVector) {
    Add(a, CopyVector(to, from));
    size -= kVector;
    from += kVector;
    to += kVector;
  }
  Add(b, CopyMasked(to, from, FirstBytes(size)));
  const uint16_t sum = Finish(a, b);
  return swap ? SumSwap(sum) : sum;
}

}  // namespace aether::checksum_internal

#endif
