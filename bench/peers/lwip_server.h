// lwIP as a server of the scripts of bench/stack.
#pragma once

#include <memory>
#include <string>

#include "bench/stack/server.h"

namespace aether::bench {

// Empty when lwIP is on this machine, else what is missing.
std::string WhatLwipMisses();
// Null when something is missing.
std::unique_ptr<Server> MakeLwipServer(const ServerOptions& options);

}  // namespace aether::bench
