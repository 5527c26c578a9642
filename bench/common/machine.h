// What a figure was measured on and with: goes into the JSON beside the rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace aether::bench {

// Processor model, kernel, compiler, flags, commit; names and values.
std::vector<std::pair<std::string, std::string>> DescribeMachine();

}  // namespace aether::bench
