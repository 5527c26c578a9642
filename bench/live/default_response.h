// The response that aether-run gives to `GET /`, so that the bound sends the same bytes.
#pragma once

#include <string>

#include "stack/app/http_responses.h"

namespace aether::bench {

inline std::string DefaultResponse(bool close) {
  const auto persistence = close ? app::HttpPersistence::kClose : app::HttpPersistence::kDefault;
  const Bytes bytes =
      app::HttpResponses::Instance().Get(app::HttpStatus::kOk, persistence, false).bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace aether::bench
