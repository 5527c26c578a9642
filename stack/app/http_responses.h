// The responses that are always the same: the built-in page and those for errors, each in one block
// of header and content, summed once. Built at the first use, never changed, never freed: what a
// stack sends without a copy must outlive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stack/tcp/handle.h"

namespace aether::app {

enum class HttpStatus : uint8_t {
  kOk,
  kBadRequest,
  kNotFound,
  kMethodNotAllowed,
  kRequestTimeout,
  kContentTooLarge,
  kUriTooLong,
  kExpectationFailed,
  kHeadersTooLarge,
  kNotImplemented,
  kUnavailable,
  kVersionNotSupported,
};
inline constexpr size_t kHttpStatusCount = 12;

// 404 for kNotFound.
uint16_t HttpStatusCode(HttpStatus status);

// What a response says about the connection: nothing where the version's default holds.
enum class HttpPersistence : uint8_t { kDefault, kClose, kKeepAlive };
// The field line for it, with its end; empty for kDefault.
std::string_view HttpConnectionField(HttpPersistence persistence);

class HttpResponses {
 public:
  static const HttpResponses& Instance();

  // kOk is the built-in page.
  const StaticBytes& Get(HttpStatus status, HttpPersistence persistence, bool head_only) const {
    return table_[Index(status, persistence, head_only)];
  }

 private:
  static constexpr size_t kCount = kHttpStatusCount * 3 * 2;
  static constexpr size_t Index(HttpStatus status, HttpPersistence persistence, bool head_only) {
    return (static_cast<size_t>(status) * 3 + static_cast<size_t>(persistence)) * 2 +
           (head_only ? 1 : 0);
  }
  HttpResponses();

  std::array<std::string, kCount> texts_;
  std::array<StaticBytes, kCount> table_;
};

}  // namespace aether::app
