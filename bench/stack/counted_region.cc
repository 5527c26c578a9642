#include "bench/stack/counted_region.h"

extern "C" void aether_counted_region(const std::function<void()>& run) { run(); }
