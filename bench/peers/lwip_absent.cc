// In place of lwip_server.cc where its headers were not there when this was built.
#include "bench/peers/lwip_server.h"

namespace aether::bench {

std::string WhatLwipMisses() {
  return "the headers of lwIP were not there when this was built (package liblwip-dev)";
}

std::unique_ptr<Server> MakeLwipServer(const ServerOptions&) { return nullptr; }

}  // namespace aether::bench
