// From head bytes to the options of the server and the configuration of its stack.
#pragma once

#include <cstdint>

#include "fuzz/stateful/http_content.h"
#include "fuzz/stateful/http_script.h"
#include "stack/app/http_server.h"
#include "stack/stack.h"

namespace aether::fuzz::http_server {

inline constexpr uint16_t kPort = 80;

app::HttpOptions ServerOptions(const Choices& choices, HttpContent& content);
Config StackConfig(const Choices& choices);

}  // namespace aether::fuzz::http_server
