// What an oracle reports.
#pragma once

#include <string>

#include "stack/base/time.h"

namespace aether::testing::sim {

struct Violation {
  std::string oracle;  // "P1", ... of the list of properties, or "liveness"
  std::string text;
  Instant when{};
};

}  // namespace aether::testing::sim
