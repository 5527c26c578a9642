#include "stack/net/icmp_quote.h"

#include "stack/wire/ipv4.h"

namespace aether::net {

std::expected<IcmpQuote, Drop> IcmpQuote::Parse(Bytes quote) {
  if (quote.size() < Ipv4View::kHeaderSizeMin) return std::unexpected(Drop::kIcmpBadQuote);
  const uint8_t* at = quote.data();
  const size_t header_size = size_t{at[0] & 0x0fu} * 4;
  if ((at[0] >> 4) != 4 || header_size < Ipv4View::kHeaderSizeMin ||
      quote.size() < header_size + 8) {
    return std::unexpected(Drop::kIcmpBadQuote);
  }
  const uint8_t* transport = at + header_size;
  return IcmpQuote{.source = {LoadBe<uint32_t>(at + 12)},
                   .destination = {LoadBe<uint32_t>(at + 16)},
                   .protocol = at[9],
                   .is_first_fragment = (LoadBe<uint16_t>(at + 6) & 0x1fff) == 0,
                   .source_port = LoadBe<uint16_t>(transport),
                   .destination_port = LoadBe<uint16_t>(transport + 2),
                   .word = LoadBe<uint32_t>(transport + 4)};
}

}  // namespace aether::net
