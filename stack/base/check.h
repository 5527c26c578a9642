// AETHER_CHECK: an assertion that stays in every build. For our own mistakes only; what a peer
// sends wrong is a Drop.
#pragma once

namespace aether {

// Prints one line and aborts.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace aether

#if defined(AETHER_COVERAGE)
// Coverage is measured of what can be reached: the branch to a failure is no part of it.
namespace aether {
inline __attribute__((no_profile_instrument_function)) void CheckThat(bool holds,
                                                                      const char* condition,
                                                                      const char* file, int line) {
  if (!holds) CheckFailed(condition, file, line);
}
}  // namespace aether
#define AETHER_CHECK(condition) \
  ::aether::CheckThat(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
#else
#define AETHER_CHECK(condition)                              \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::aether::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
#endif

// Before a function that only asserts: a fuzzer is not to explore its branches, nor to spend its
// time on counting them, and its loops say nothing of what was reached.
#if defined(__clang__)
#define AETHER_INVARIANTS __attribute__((no_sanitize("coverage"), no_profile_instrument_function))
#else
#define AETHER_INVARIANTS
#endif
