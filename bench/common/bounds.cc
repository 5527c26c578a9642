#include "bench/common/bounds.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace aether::bench {
namespace {

void LoadWords(const uint8_t* from, size_t size) {
  for (; size >= 8; size -= 8, from += 8) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    asm volatile("" ::"r"(word));
  }
  for (; size > 0; --size, ++from) asm volatile("" ::"r"(*from));
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) void LoadAvx2(const uint8_t* from, size_t size) {
  for (; size >= 128; size -= 128, from += 128) {
    for (size_t at = 0; at < 128; at += 32) {
      const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
      asm volatile("" ::"x"(value));
    }
  }
  for (; size >= 32; size -= 32, from += 32) {
    const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    asm volatile("" ::"x"(value));
  }
  LoadWords(from, size);
}

__attribute__((target("avx512f,avx512bw"))) void LoadAvx512(const uint8_t* from, size_t size) {
  for (; size >= 256; size -= 256, from += 256) {
    for (size_t at = 0; at < 256; at += 64) {
      const __m512i value = _mm512_loadu_si512(from + at);
      asm volatile("" ::"v"(value));
    }
  }
  for (; size >= 64; size -= 64, from += 64) {
    const __m512i value = _mm512_loadu_si512(from);
    asm volatile("" ::"v"(value));
  }
  if (size != 0) {
    const __m512i value = _mm512_maskz_loadu_epi8(~uint64_t{0} >> (64 - size), from);
    asm volatile("" ::"v"(value));
  }
}

#endif

struct Unit {
  void (*load)(const uint8_t* from, size_t size);
  const char* name;
};

Unit Choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
    return {LoadAvx512, "avx512"};
  if (__builtin_cpu_supports("avx2")) return {LoadAvx2, "avx2"};
#endif
  return {LoadWords, "words"};
}

const Unit kUnit = Choose();

}  // namespace

void LoadOnly(const uint8_t* from, size_t size) { kUnit.load(from, size); }
const char* LoadOnlyUnit() { return kUnit.name; }

}  // namespace aether::bench
