// UDP headers (RFC 768). The first 8 bytes of the input are the addresses of the pseudo header, the
// rest is the datagram; it is tried as it is, and with its checksum repaired.
#include <algorithm>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/udp.h"

namespace aether::fuzz {
namespace {

// What follows says nothing new; long checksums have a target of their own.
constexpr size_t kInputBytesMax = 400;

// RFC 768, read byte by byte: what a receiver may take, and nothing of wire/.
struct NaiveUdp {
  bool is_valid = false;
  unsigned source_port = 0;
  unsigned destination_port = 0;
  size_t payload_bytes = 0;
  bool checksum_ok = false;
};

NaiveUdp NaiveParse(Bytes addresses, Bytes data) {
  NaiveUdp udp;
  if (data.size() < 8) return udp;
  const size_t length = NaiveWord(data, 4);
  if (length < 8 || length > data.size()) return udp;
  udp.is_valid = true;
  udp.source_port = NaiveWord(data, 0);
  udp.destination_port = NaiveWord(data, 2);
  udp.payload_bytes = length - 8;
  // The sum of the pseudo header, the header and the text.
  const uint64_t pseudo_sum = uint64_t{NaiveSum(addresses)} + 17 + length;
  udp.checksum_ok = NaiveWord(data, 6) == 0 || NaiveSum(data.first(length), pseudo_sum) == 0xffff;
  return udp;
}

// What is emitted from what was parsed is the same again, byte for byte but for the checksum, which
// may have been left out or wrong.
void CheckRoundTrip(const UdpView& view, Bytes datagram, const NaiveUdp& naive,
                    const Ipv4Address& source, const Ipv4Address& destination) {
  const size_t size = UdpHeader::kSize + view.payload().size();
  ExactCopy out(datagram.first(size));
  std::ranges::fill(out.writable().first(UdpHeader::kSize), uint8_t{0xa5});
  UdpHeader{.source_port = view.source_port(), .destination_port = view.destination_port()}.Emit(
      out.writable(), source, destination);
  const auto again = UdpView::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->ChecksumIsValid(source, destination));
  FUZZ_CHECK(P9, std::equal(out.bytes().begin(), out.bytes().begin() + 6, datagram.begin()));
  FUZZ_CHECK(P9, std::ranges::equal(again->payload(), view.payload()));
  if (naive.checksum_ok && NaiveWord(datagram, 6) != 0)
    FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), datagram.first(size)));
}

void RunOne(Bytes addresses, Bytes datagram) {
  ExactCopy copy(datagram);
  const Ipv4Address source{NaiveLong(addresses, 0)};
  const Ipv4Address destination{NaiveLong(addresses, 4)};
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
  CheckRoundTrip(*view, copy.bytes(), naive, source, destination);

  // With its checksum repaired, every bit of header and payload counts.
  const MutableBytes message = copy.writable().first(8 + naive.payload_bytes);
  NaiveRepair(message, 6, uint64_t{NaiveSum(addresses)} + 17 + message.size());
  // [RFC 768] none is said as zero, so a sum of zero is sent as all ones.
  if (NaiveWord(message, 6) == 0) message[6] = message[7] = 0xff;
  FUZZ_CHECK(P13, view->ChecksumIsValid(source, destination));
  // Another length makes another datagram, of which nothing is known.
  size_t bit = static_cast<size_t>(CurrentTrace().hash() % ((message.size() - 2) * 8));
  if (bit >= 4 * 8) bit += 2 * 8;
  message[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  const bool is_left_out = NaiveWord(message, 6) == 0;
  FUZZ_CHECK(P13, view->ChecksumIsValid(source, destination) == is_left_out);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return -1;
  size = std::min(size, aether::fuzz::kInputBytesMax);
  aether::fuzz::RunOne({data, 8}, {data + 8, size - 8});
  return 0;
}
