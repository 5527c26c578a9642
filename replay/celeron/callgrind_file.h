// Reads what callgrind wrote: events that functions cost by themselves, by source file. Calls'
// inclusive costs are passed over.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "replay/celeron/counts.h"

namespace aether::celeron {

struct CallgrindFile {
  Counts total = {};
  std::map<std::string, Counts> by_source = {};
};

// A sentence when it is no such file, when events that the model needs were not counted
// (--cache-sim=yes --branch-sim=yes), or when the parts are not the whole.
std::expected<CallgrindFile, std::string> ReadCallgrind(std::string_view text);

}  // namespace aether::celeron
