// Chooses the checksum unit. The choice is made by the first call and kept in a pointer that is
// initialised at compile time, so a call from a static initialiser is as good as any; threads that
// race for the first call store the same value.
#include "stack/wire/checksum.h"

#include <atomic>

#include "stack/base/check.h"
#include "stack/wire/checksum_units.h"

namespace aether {
namespace {

struct UnitCode {
  uint16_t (*sum)(const uint8_t* from, size_t size);
  uint16_t (*copy_and_sum)(uint8_t* to, const uint8_t* from, size_t size);
};

constexpr UnitCode kReferenceCode{checksum_internal::SumReference,
                                  checksum_internal::CopyAndSumReference};
constexpr UnitCode kPortableCode{checksum_internal::SumPortable,
                                 checksum_internal::CopyAndSumPortable};
#if defined(__x86_64__)
constexpr UnitCode kAvx2Code{checksum_internal::SumAvx2, checksum_internal::CopyAndSumAvx2};
constexpr UnitCode kAvx512Code{checksum_internal::SumAvx512, checksum_internal::CopyAndSumAvx512};
#endif

// Null when the processor lacks it.
const UnitCode* FindUnit(ChecksumUnit unit) {
  switch (unit) {
    case ChecksumUnit::kReference:
      return &kReferenceCode;
    case ChecksumUnit::kPortable:
      return &kPortableCode;
#if defined(__x86_64__)
    case ChecksumUnit::kAvx2:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx2") ? &kAvx2Code : nullptr;
    case ChecksumUnit::kAvx512:
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? &kAvx512Code
                                                                                     : nullptr;
#endif
    default:
      return nullptr;
  }
}

uint16_t ChooseAndSum(const uint8_t* from, size_t size);
uint16_t ChooseCopyAndSum(uint8_t* to, const uint8_t* from, size_t size);

constinit std::atomic<decltype(UnitCode::sum)> chosen_sum{ChooseAndSum};
constinit std::atomic<decltype(UnitCode::copy_and_sum)> chosen_copy_and_sum{ChooseCopyAndSum};

const UnitCode& Choose() {
  const UnitCode* code = nullptr;
  // What is built for a core2 is counted as one would run it, wherever that happens.
#if !defined(__core2__)
  code = FindUnit(ChecksumUnit::kAvx512);
  if (code == nullptr) code = FindUnit(ChecksumUnit::kAvx2);
#endif
  if (code == nullptr) code = &kPortableCode;
  chosen_sum.store(code->sum, std::memory_order_relaxed);
  chosen_copy_and_sum.store(code->copy_and_sum, std::memory_order_relaxed);
  return *code;
}

uint16_t ChooseAndSum(const uint8_t* from, size_t size) { return Choose().sum(from, size); }
uint16_t ChooseCopyAndSum(uint8_t* to, const uint8_t* from, size_t size) {
  return Choose().copy_and_sum(to, from, size);
}

const UnitCode& RequireUnit(ChecksumUnit unit) {
  const UnitCode* code = FindUnit(unit);
  AETHER_CHECK(code != nullptr);
  return *code;
}

}  // namespace

uint16_t SumBytes(Bytes data) {
  return chosen_sum.load(std::memory_order_relaxed)(data.data(), data.size());
}

uint16_t CopyAndSum(uint8_t* to, Bytes from) {
  return chosen_copy_and_sum.load(std::memory_order_relaxed)(to, from.data(), from.size());
}

bool IsAvailable(ChecksumUnit unit) { return FindUnit(unit) != nullptr; }

uint16_t SumBytesWith(ChecksumUnit unit, Bytes data) {
  return RequireUnit(unit).sum(data.data(), data.size());
}

uint16_t CopyAndSumWith(ChecksumUnit unit, uint8_t* to, Bytes from) {
  return RequireUnit(unit).copy_and_sum(to, from.data(), from.size());
}

}  // namespace aether
