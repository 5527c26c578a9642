// A result as text for people, and as JSON.
#pragma once

#include <string>

#include "replay/replay_result.h"

namespace aether::replay {

std::string TextReport(const ReplayResult& result);
std::string JsonReport(const ReplayResult& result);
// What does not depend on the machine: what a capture of the corpus is compared with. Lines "name
// value".
std::string Summary(const ReplayResult& result);

}  // namespace aether::replay
