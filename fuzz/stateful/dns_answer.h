// What a server sends, made from the operands of a record: an answer to a question as it stood on
// the wire, right or wrong by a bit, with records of any kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/naive_http.h"
#include "fuzz/stateful/dns_reading.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether::fuzz::dns_resolver {

// A question as it stood on the wire.
struct Asked {
  uint16_t id = 0;
  uint16_t port = 0;
  Ipv4Endpoint server;
  NaiveName name;
};

class DnsAnswer {
 public:
  struct Plan {
    uint8_t to = 0;
    uint8_t id_bit = 0;
    uint8_t port_bit = 0;
    uint8_t server = 0;
    uint8_t question = 0;
    uint16_t flags = 0;
    uint8_t count = 0;
    Bytes records{};
  };

  // The message that `plan` makes of an answer to `asked`. Valid until the next one is made.
  Bytes Build(const Plan& plan, const Asked& asked);
  // `bytes` as they are, but with the number of `asked`. The same.
  Bytes Raw(Bytes bytes, const Asked& asked);

 private:
  void PutName(Bytes name);
  void PutRecords(Bytes records, bool authority, size_t& count);

  std::array<uint8_t, 1300> message_{};
  size_t size_ = 0;
};

}  // namespace aether::fuzz::dns_resolver
