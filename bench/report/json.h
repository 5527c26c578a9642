// JSON as nlohmann's library reads it, with its exceptions turned into statuses here and nowhere
// else. Include it in .cc files only: it takes long to compile.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace aether::perf {

// Keeps the order of members, so that what is written reads well.
using Json = nlohmann::ordered_json;

// Calls `read`, which may take members for granted; what is missing or of another type becomes a
// sentence that begins with `where`.
template <typename T, typename Read>
absl::StatusOr<T> ReadJson(const std::string& where, const std::string& text, Read&& read) {
  try {
    return read(Json::parse(text));
  } catch (const Json::exception& problem) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": not what is expected: ", problem.what()));
  }
}

}  // namespace aether::perf
