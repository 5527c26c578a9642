// ICMP messages (RFC 792) and the datagrams that they quote (net/icmp_quote.h). The input is a
// message; it is tried as it is, and with its checksum repaired.
#include <algorithm>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/net/icmp_quote.h"
#include "stack/wire/icmp.h"

namespace aether::fuzz {
namespace {

// What follows says nothing new; long checksums have a target of their own.
constexpr size_t kInputBytesMax = 400;

// RFC 792: the Internet header plus the first 64 bits of the original datagram's data.
void CheckQuote(Bytes quote) {
  const auto parsed = net::IcmpQuote::Parse(quote);
  const size_t header_bytes = quote.empty() ? 0 : quote[0] % 16 * 4u;
  const bool is_valid = !quote.empty() && quote[0] / 16 == 4 && header_bytes >= 20 &&
                        quote.size() >= header_bytes + 8;
  FUZZ_CHECK(P10, parsed.has_value() == is_valid);
  CurrentTrace().Add(is_valid ? 1 : 0);
  if (!is_valid) return;
  FUZZ_CHECK(P10, parsed->source.value == NaiveLong(quote, 12));
  FUZZ_CHECK(P10, parsed->destination.value == NaiveLong(quote, 16));
  FUZZ_CHECK(P10, parsed->protocol == quote[9]);
  FUZZ_CHECK(P10, parsed->is_first_fragment == (quote[6] % 32 == 0 && quote[7] == 0));
  FUZZ_CHECK(P10, parsed->source_port == NaiveWord(quote, header_bytes));
  FUZZ_CHECK(P10, parsed->destination_port == NaiveWord(quote, header_bytes + 2));
  FUZZ_CHECK(P10, parsed->word == NaiveLong(quote, header_bytes + 4));
}

// `message` has its right checksum.
void CheckMessage(Bytes message) {
  const auto view = IcmpView::Parse(message);
  FUZZ_CHECK(P13, view.has_value());
  FUZZ_CHECK(P10, view->type() == message[0] && view->code() == message[1]);
  FUZZ_CHECK(P10, view->rest_of_header() == NaiveLong(message, 4));
  FUZZ_CHECK(P10, std::ranges::equal(view->payload(), message.subspan(8)));
  // [RFC 1122 3.2.2] the five kinds of error.
  const unsigned type = message[0];
  FUZZ_CHECK(P10, IcmpTypeIsError(view->type()) ==
                      (type == 3 || type == 4 || type == 5 || type == 11 || type == 12));

  ExactCopy out(message);
  std::ranges::fill(out.writable().first(8), uint8_t{0xa5});
  const IcmpHeader header{
      .type = view->type(), .code = view->code(), .rest_of_header = view->rest_of_header()};
  FUZZ_CHECK(P9, header.Emit(out.writable()) == message.size());
  FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), message));
  CurrentTrace().Add(view->payload());
}

void RunOne(Bytes message) {
  ExactCopy copy(message);
  const auto raw = IcmpView::Parse(copy.bytes());
  FUZZ_CHECK(P10, raw.has_value() == (message.size() >= 8 && NaiveSum(copy.bytes()) == 0xffff));
  CurrentTrace().Add(raw.has_value() ? 0 : static_cast<uint64_t>(raw.error()));
  if (message.size() < 8) {
    // Too short is too short with a right checksum, too.
    if (message.size() < 4) return;
    NaiveRepair(copy.writable(), 2);
    FUZZ_CHECK(P10, !IcmpView::Parse(copy.bytes()).has_value());
    return;
  }
  CheckQuote(copy.bytes().subspan(8));
  NaiveRepair(copy.writable(), 2);
  CheckMessage(copy.bytes());
  FlipOneBit(copy.writable());
  FUZZ_CHECK(P13, !IcmpView::Parse(copy.bytes()).has_value());
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aether::fuzz::RunOne({data, std::min(size, aether::fuzz::kInputBytesMax)});
  return 0;
}
