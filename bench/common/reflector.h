// The bound of a transaction: a server that keeps no state and does nothing but what every server
// must. It checks both checksums of what arrives, answers from the bytes of the segment alone, and
// computes both checksums of what it sends: the same frames as the stack, of the same size.
//
// A SYN is answered with a SYN-ACK, text with the response (and FIN, when it closes), a FIN with an
// ACK, anything else with nothing. Timestamps are echoed, and its own are constant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether::bench {

class Reflector {
 public:
  static constexpr uint32_t kFirstSequence = 0x10000000;
  static constexpr size_t kEthernetBytes = 14;
  static constexpr size_t kIpBytes = 20;
  static constexpr size_t kTcpBytes = 20;

  // The response fits into one segment. `close`: a FIN goes with it.
  Reflector(MacAddress mac, Bytes response, bool close);

  // Writes the answer to `frame` into `out`, which holds the largest; its size, 0 for none.
  size_t Answer(Bytes frame, MutableBytes out);

  uint64_t refused() const { return refused_; }

 private:
  size_t Emit(const uint8_t* in, MutableBytes out, uint32_t sequence, uint32_t acknowledgment,
              uint8_t flags, size_t option_bytes, Bytes text, uint16_t text_sum) const;

  MacAddress mac_;
  std::vector<uint8_t> response_;
  uint16_t response_sum_;
  bool close_;
  uint64_t refused_ = 0;
};

}  // namespace aether::bench
