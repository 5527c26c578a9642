// AETHER_CHECK: an assertion that stays in every build. For our own mistakes only; what a peer
// sends wrong is a Drop.
#pragma once

namespace aether {

// Prints one line and aborts.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace aether

#define AETHER_CHECK(condition)                              \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::aether::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
