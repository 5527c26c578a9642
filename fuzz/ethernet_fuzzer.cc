// Ethernet II frames (IEEE 802.3 3.2). The input is a frame.
#include <algorithm>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/wire/ethernet.h"

namespace aether::fuzz {
namespace {

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const Bytes frame = copy.bytes();
  const auto view = EthernetView::Parse(frame);
  FUZZ_CHECK(P10, view.has_value() == (frame.size() >= 14));
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  const MacAddress destination = view->destination();
  const MacAddress source = view->source();
  bool is_broadcast = true;
  bool is_zero = true;
  for (size_t i = 0; i < 6; ++i) {
    FUZZ_CHECK(P10, destination.octets[i] == frame[i] && source.octets[i] == frame[6 + i]);
    if (frame[i] != 255) is_broadcast = false;
    if (frame[i] != 0) is_zero = false;
  }
  FUZZ_CHECK(P10, view->type() == NaiveWord(frame, 12));
  FUZZ_CHECK(P10, std::ranges::equal(view->payload(), frame.subspan(14)));
  FUZZ_CHECK(P10, destination.IsBroadcast() == is_broadcast);
  FUZZ_CHECK(P10, destination.IsZero() == is_zero);
  // The first bit on the wire is the lowest of the first octet.
  FUZZ_CHECK(P10, destination.IsGroup() == (frame[0] % 2 == 1));

  // Every header is canonical.
  ExactCopy out(frame.first(14));
  std::ranges::fill(out.writable(), uint8_t{0xa5});
  const EthernetHeader header{.destination = destination, .source = source, .type = view->type()};
  FUZZ_CHECK(P9, header.Emit(out.writable()) == 14);
  FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), frame.first(14)));
  const auto again = EthernetView::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, (EthernetHeader{.destination = again->destination(),
                                 .source = again->source(),
                                 .type = again->type()} == header));
  CurrentTrace().Add(view->payload());
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aether::fuzz::RunOne({data, size});
  return 0;
}
