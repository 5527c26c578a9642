// Which of a few objects has a port: listeners, sockets. A table with an entry for each of the
// 65,536 ports would be 64 KiB, of which every strange port touches another cache line; this one
// stays in the first-level cache. Ports that share a chain are those that the application chose
// alike; no peer can make a chain longer.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/check.h"

namespace aether {

class PortTable {
 public:
  static constexpr uint8_t kObjectsMax = 64;
  static constexpr uint8_t kNone = 0xff;

  PortTable() { heads_.fill(kNone); }

  // The object below kObjectsMax that has the port, or kNone.
  uint8_t Find(uint16_t port) const {
    uint8_t object = heads_[Chain(port)];
    while (object != kNone && ports_[object] != port) object = next_[object];
    return object;
  }

  // The port is nobody's, and the object has none.
  void Insert(uint16_t port, uint8_t object) {
    AETHER_CHECK(object < kObjectsMax && Find(port) == kNone);
    ports_[object] = port;
    next_[object] = heads_[Chain(port)];
    heads_[Chain(port)] = object;
  }

  void Erase(uint16_t port) {
    uint8_t* link = &heads_[Chain(port)];
    while (*link != kNone && ports_[*link] != port) link = &next_[*link];
    AETHER_CHECK(*link != kNone);
    *link = next_[*link];
  }

 private:
  static constexpr size_t kChains = 256;

  static size_t Chain(uint16_t port) { return static_cast<size_t>((port ^ port >> 8) & 0xff); }

  std::array<uint8_t, kChains> heads_;
  std::array<uint16_t, kObjectsMax> ports_{};
  std::array<uint8_t, kObjectsMax> next_{};
};

}  // namespace aether
