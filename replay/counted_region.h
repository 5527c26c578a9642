// The function that tools are told to count in, as those of the benches. It stands in a file of its
// own, so that no compiler inlines it or makes a copy of it under another name.
#pragma once

#include <functional>

extern "C" void aether_counted_region(const std::function<void()>& run);
