// The switchboard of planted bugs and mutants. ci/planted and ci/mutants compile a patched copy of
// the tree with this file included before everything; nothing of it is in any other build.
//
// A plant evaluates what the code says and what the bug would say, notes that it was reached and
// whether the two differ (it is triggered), and yields the first unless its id is the active one:
// the environment variable AETHER_PLANTED, read once. All of that without a branch or a compare, so
// that an inactive plant is no coverage and no hint to a fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace aether::planted {

inline constexpr uint32_t kSlots = 65536;

// FNV-1a, folded; ci/planted --check sees to it that no two ids share a slot.
constexpr uint32_t SlotOf(const char* id) {
  uint32_t hash = 0x811c9dc5u;
  for (; *id != '\0'; ++id) hash = (hash ^ static_cast<uint8_t>(*id)) * 0x01000193u;
  return (hash ^ hash >> 16) % kSlots;
}

struct Slot {
  uint64_t active;   // all ones for the chosen id, else zero
  uint64_t differs;  // not zero: triggered
  uint64_t reached;
};
inline Slot slots[kSlots];
inline uint32_t active_slot = kSlots;  // kSlots: none

// Where AETHER_PLANTED_REACHED names a file, the slots that the process reached are written there.
inline void WriteReached() {
  std::FILE* const file = std::fopen(std::getenv("AETHER_PLANTED_REACHED"), "w");
  if (file == nullptr) return;
  for (uint32_t i = 0; i < kSlots; ++i) {
    if (slots[i].reached != 0) std::fprintf(file, "%u\n", i);
  }
  std::fclose(file);
}

inline bool Initialise() {
  if (std::getenv("AETHER_PLANTED_REACHED") != nullptr) std::atexit(WriteReached);
  const char* const id = std::getenv("AETHER_PLANTED");
  if (id == nullptr || *id == '\0') return false;
  active_slot = SlotOf(id);
  slots[active_slot].active = ~uint64_t{0};
  return true;
}
inline const bool initialised = Initialise();

template <uint32_t kSlot, typename T>
constexpr T Choose(T original, std::type_identity_t<T> mutated) {
  if (std::is_constant_evaluated()) return original;
  Slot& slot = slots[kSlot];
  slot.reached = 1;
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    const uint64_t one = static_cast<uint64_t>(original);
    const uint64_t difference = one ^ static_cast<uint64_t>(mutated);
    slot.differs |= difference;
    return static_cast<T>(one ^ (difference & slot.active));
  } else {
    if (!(original == mutated)) slot.differs = 1;
    return slot.active != 0 ? mutated : original;
  }
}

// True when the bug is active and `condition`, under which it does something else, holds.
template <uint32_t kSlot>
constexpr bool When(bool condition) {
  if (std::is_constant_evaluated()) return false;
  Slot& slot = slots[kSlot];
  slot.reached = 1;
  slot.differs |= static_cast<uint64_t>(condition);
  return (static_cast<uint64_t>(condition) & slot.active) != 0;
}

}  // namespace aether::planted

// In the place of an expression. Both are evaluated, so neither may do anything.
#define PLANT(ID, original, mutated) \
  (::aether::planted::Choose<::aether::planted::SlotOf(#ID)>((original), (mutated)))
// Guards a statement: if (PLANT_WHEN(ID, it_matters)) mutated; else original;
#define PLANT_WHEN(ID, condition) \
  (::aether::planted::When<::aether::planted::SlotOf(#ID)>(static_cast<bool>(condition)))
// ci/mutants: a guard's return, if (MUTANT_KEPT(ID)) return ...; is left out when ID is the active
// one.
#define MUTANT_KEPT(ID) (!PLANT_WHEN(ID, true))
