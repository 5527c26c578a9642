// For the slow models, second parsers and comparisons of a target: their branches are not what the
// fuzzer is to explore, and counting them, and each of their comparisons, would take most of its
// time.
#pragma once

#if defined(__clang__)
// Before one function.
#define AETHER_UNCOUNTED __attribute__((no_sanitize("coverage"), noinline))
// Around functions: an uncounted one that is inlined into a counted one is counted there, so what
// RunOne calls of them should be long, or marked by itself.
#define AETHER_UNCOUNTED_BEGIN \
  _Pragma("clang attribute push(__attribute__((no_sanitize(\"coverage\"))), apply_to = function)")
#define AETHER_UNCOUNTED_END _Pragma("clang attribute pop")
#else
#define AETHER_UNCOUNTED
#define AETHER_UNCOUNTED_BEGIN
#define AETHER_UNCOUNTED_END
#endif
