// UDP headers (RFC 768). The first 8 bytes of the input are the addresses of the pseudo header, the
// rest is the datagram.
#include <algorithm>
#include <vector>

#include "fuzz/target.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/udp.h"

namespace aether::fuzz {
namespace {

// RFC 768, read byte by byte: what a receiver may take, and nothing of wire/.
struct NaiveUdp {
  bool is_valid = false;
  unsigned source_port = 0;
  unsigned destination_port = 0;
  size_t payload_bytes = 0;
  bool checksum_ok = false;
};

NaiveUdp NaiveParse(const uint8_t* addresses, Bytes data) {
  NaiveUdp udp;
  if (data.size() < 8) return udp;
  const auto word = [&](size_t at) { return data[at] * 256u + data[at + 1]; };
  const size_t length = word(4);
  if (length < 8 || length > data.size()) return udp;
  udp.is_valid = true;
  udp.source_port = word(0);
  udp.destination_port = word(2);
  udp.payload_bytes = length - 8;
  // The sum of the pseudo header, the header and the text, one byte at a time.
  uint64_t sum = 17 + length;
  for (size_t i = 0; i < 8; ++i) sum += i % 2 == 0 ? addresses[i] * 256u : addresses[i];
  for (size_t i = 0; i < length; ++i) sum += i % 2 == 0 ? data[i] * 256u : data[i];
  while (sum > 0xffff) sum = sum % 0x10000 + sum / 0x10000;
  udp.checksum_ok = word(6) == 0 || sum == 0xffff;
  return udp;
}

void RunOne(const uint8_t* addresses, Bytes datagram) {
  const ExactCopy copy(datagram);
  const Ipv4Address source{LoadBe<uint32_t>(addresses)};
  const Ipv4Address destination{LoadBe<uint32_t>(addresses + 4)};
  const auto view = UdpView::Parse(copy.bytes());
  const NaiveUdp naive = NaiveParse(addresses, copy.bytes());
  FUZZ_CHECK(P10, view.has_value() == naive.is_valid);
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  FUZZ_CHECK(P10, view->source_port() == naive.source_port);
  FUZZ_CHECK(P10, view->destination_port() == naive.destination_port);
  FUZZ_CHECK(P10, view->payload().size() == naive.payload_bytes);
  FUZZ_CHECK(P13, view->ChecksumIsValid(source, destination) == naive.checksum_ok);
  CurrentTrace().Add(view->payload());

  // What is emitted from what was parsed is the same again, byte for byte but for the checksum,
  // which may have been left out or wrong.
  const size_t size = UdpHeader::kSize + view->payload().size();
  std::vector<uint8_t> out(size);
  std::ranges::copy(view->payload(), out.begin() + UdpHeader::kSize);
  UdpHeader{.source_port = view->source_port(), .destination_port = view->destination_port()}.Emit(
      out, source, destination);
  const auto again = UdpView::Parse(out);
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->ChecksumIsValid(source, destination));
  FUZZ_CHECK(P9, std::equal(out.begin(), out.begin() + 6, copy.bytes().begin()));
  FUZZ_CHECK(P9, std::ranges::equal(again->payload(), view->payload()));
  if (naive.checksum_ok && LoadBe<uint16_t>(copy.bytes().data() + 6) != 0)
    FUZZ_CHECK(P9, std::ranges::equal(Bytes(out), copy.bytes().first(size)));
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return -1;
  aether::fuzz::RunOne(data, {data + 8, size - 8});
  return 0;
}
