// For tests: puts every flag back to its default when it goes. (absl::FlagSaver does so, too, but
// logs each of them.)
#pragma once

#include <string>

#include "absl/flags/reflection.h"
#include "stack/base/check.h"

namespace aether::runtime {

class FlagReset {
 public:
  FlagReset() = default;
  FlagReset(const FlagReset&) = delete;
  FlagReset& operator=(const FlagReset&) = delete;
  ~FlagReset() {
    for (const auto& [name, flag] : absl::GetAllFlags()) {
      std::string error;
      AETHER_CHECK(flag->ParseFrom(flag->DefaultValue(), &error));
    }
  }
};

}  // namespace aether::runtime
