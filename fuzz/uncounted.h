// For the slow models and comparisons of a target: their branches are not what the fuzzer is to
// explore, and counting them would take most of its time.
#pragma once

#if defined(__clang__)
#define AETHER_UNCOUNTED __attribute__((no_sanitize("coverage"), noinline))
#else
#define AETHER_UNCOUNTED
#endif
