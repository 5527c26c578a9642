// TCP headers (RFC 9293 3.1). The first 8 bytes of the input are the addresses of the pseudo
// header, the rest is the segment; it is tried as it is, and with its checksum repaired.
#include <algorithm>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::fuzz {
namespace {

// What follows says nothing new; long checksums have a target of their own.
constexpr size_t kInputBytesMax = 400;

void CheckFields(const TcpView& view, Bytes segment, size_t header_bytes) {
  FUZZ_CHECK(P10, view.source_port() == NaiveWord(segment, 0));
  FUZZ_CHECK(P10, view.destination_port() == NaiveWord(segment, 2));
  FUZZ_CHECK(P10, view.sequence().value() == NaiveLong(segment, 4));
  FUZZ_CHECK(P10, view.acknowledgment().value() == NaiveLong(segment, 8));
  FUZZ_CHECK(P10, view.header_size() == header_bytes);
  FUZZ_CHECK(P10, view.flags() == segment[13]);
  FUZZ_CHECK(P10, view.window() == NaiveWord(segment, 14));
  FUZZ_CHECK(P10, view.urgent_pointer() == NaiveWord(segment, 18));
  const Bytes header = segment.first(header_bytes);
  FUZZ_CHECK(P10, std::ranges::equal(view.options(), header.subspan(20)));
  FUZZ_CHECK(P10, std::ranges::equal(view.payload(), segment.subspan(header_bytes)));
}

// `segment` has its right checksum.
void CheckRoundTrip(const TcpView& view, Bytes segment, const Ipv4Address& source,
                    const Ipv4Address& destination, uint64_t pseudo_sum) {
  ExactCopy out(segment);
  std::ranges::fill(out.writable().first(view.header_size()), uint8_t{0xa5});
  const TcpHeader header{.source_port = view.source_port(),
                         .destination_port = view.destination_port(),
                         .sequence = view.sequence(),
                         .acknowledgment = view.acknowledgment(),
                         .flags = view.flags(),
                         .window = view.window(),
                         .urgent_pointer = view.urgent_pointer(),
                         .options = view.options()};
  const Bytes payload = view.payload();
  const size_t size =
      header.Emit(out.writable(), source, destination, payload.size(), SumBytes(payload));
  FUZZ_CHECK(P9, size == segment.size());
  FUZZ_CHECK(P9, NaiveSum(out.bytes(), pseudo_sum) == 0xffff);
  const auto again = TcpView::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->ChecksumIsValid(source, destination));
  CheckFields(*again, out.bytes(), view.header_size());
  // [RFC 9293 3.1] the reserved bits are sent as zero.
  FUZZ_CHECK(P9, out.bytes()[12] == (segment[12] & 0xf0));
  if (segment[12] % 16 == 0) FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), segment));
}

void RunOne(Bytes addresses, Bytes segment) {
  ExactCopy copy(segment);
  const Ipv4Address source{NaiveLong(addresses, 0)};
  const Ipv4Address destination{NaiveLong(addresses, 4)};
  const auto view = TcpView::Parse(copy.bytes());
  const size_t header_bytes = segment.size() < 20 ? 0 : segment[12] / 16 * 4u;
  FUZZ_CHECK(P10, view.has_value() == (header_bytes >= 20 && header_bytes <= segment.size()));
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  CheckFields(*view, copy.bytes(), header_bytes);
  CurrentTrace().Add(view->payload());

  const uint64_t pseudo_sum = uint64_t{NaiveSum(addresses)} + 6 + segment.size();
  FUZZ_CHECK(P13, view->ChecksumIsValid(source, destination) ==
                      (NaiveSum(copy.bytes(), pseudo_sum) == 0xffff));
  NaiveRepair(copy.writable(), 16, pseudo_sum);
  FUZZ_CHECK(P13, view->ChecksumIsValid(source, destination));
  CheckRoundTrip(*view, copy.bytes(), source, destination, pseudo_sum);
  FlipOneBit(copy.writable());
  FUZZ_CHECK(P13, !view->ChecksumIsValid(source, destination));
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return -1;
  size = std::min(size, aether::fuzz::kInputBytesMax);
  aether::fuzz::RunOne({data, 8}, {data + 8, size - 8});
  return 0;
}
