// IPv4 headers and the walk over their options (RFC 791, RFC 1122 3.2.1). The input is a packet; it
// is tried as it is, and with its checksum repaired.
#include <algorithm>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/wire/ipv4.h"

namespace aether::fuzz {
namespace {

// What follows says nothing new; long checksums have a target of their own.
constexpr size_t kInputBytesMax = 400;

// RFC 791 section 3.1, one field after the other.
struct NaiveIpv4 {
  bool lengths_are_valid = false;
  bool checksum_is_valid = false;
  bool options_are_valid = true;
  size_t header_bytes = 0;
  size_t total_bytes = 0;
  unsigned options = 0;
};

NaiveIpv4 NaiveParse(Bytes packet) {
  NaiveIpv4 naive;
  if (packet.size() < 20 || packet[0] / 16 != 4) return naive;
  naive.header_bytes = packet[0] % 16 * 4u;
  naive.total_bytes = NaiveWord(packet, 2);
  if (naive.header_bytes < 20 || naive.header_bytes > naive.total_bytes ||
      naive.total_bytes > packet.size()) {
    return naive;
  }
  naive.lengths_are_valid = true;
  naive.checksum_is_valid = NaiveSum(packet.first(naive.header_bytes)) == 0xffff;
  for (size_t i = 20; i < naive.header_bytes && packet[i] != 0;) {
    if (packet[i] == 1) {
      ++i;
      continue;
    }
    const size_t length = i + 1 < naive.header_bytes ? packet[i + 1] : 0;
    if (length < 2 || i + length > naive.header_bytes) {
      naive.options_are_valid = false;
      break;
    }
    ++naive.options;
    i += length;
  }
  return naive;
}

void CheckFields(const Ipv4View& view, Bytes packet, const NaiveIpv4& naive) {
  FUZZ_CHECK(P10, view.header_size() == naive.header_bytes);
  FUZZ_CHECK(P10, view.type_of_service() == packet[1]);
  FUZZ_CHECK(P10, view.total_length() == naive.total_bytes);
  FUZZ_CHECK(P10, view.identification() == NaiveWord(packet, 4));
  FUZZ_CHECK(P10, view.dont_fragment() == (packet[6] / 64 % 2 == 1));
  FUZZ_CHECK(P10, view.more_fragments() == (packet[6] / 32 % 2 == 1));
  const unsigned offset = NaiveWord(packet, 6) % 8192;
  FUZZ_CHECK(P10, view.fragment_offset_bytes() == offset * 8);
  FUZZ_CHECK(P10, view.IsFragment() == (packet[6] / 32 % 2 == 1 || offset != 0));
  FUZZ_CHECK(P10, view.time_to_live() == packet[8]);
  FUZZ_CHECK(P10, view.protocol() == packet[9]);
  FUZZ_CHECK(P10, view.source().value == NaiveLong(packet, 12));
  FUZZ_CHECK(P10, view.destination().value == NaiveLong(packet, 16));
  const Bytes whole = packet.first(naive.total_bytes);
  FUZZ_CHECK(P10, std::ranges::equal(view.packet(), whole));
  FUZZ_CHECK(P10, std::ranges::equal(view.payload(), whole.subspan(naive.header_bytes)));
  FUZZ_CHECK(P10, view.options().size() == naive.header_bytes - 20);
  Ipv4OptionIterator walk(view.options());
  uint8_t kind = 0;
  Bytes data;
  unsigned options = 0;
  while (walk.Next(kind, data)) FUZZ_CHECK(P8, ++options <= 20);
  FUZZ_CHECK(P10, !walk.malformed() && options == naive.options);
}

// What is emitted from what was parsed is the canonical header: no options, the reserved bit zero.
void CheckRoundTrip(const Ipv4View& view, Bytes packet) {
  const Ipv4Header header{
      .type_of_service = view.type_of_service(),
      .payload_length = static_cast<uint16_t>(view.payload().size()),
      .identification = view.identification(),
      .dont_fragment = view.dont_fragment(),
      .more_fragments = view.more_fragments(),
      .fragment_offset_bytes = static_cast<uint16_t>(view.fragment_offset_bytes()),
      .time_to_live = view.time_to_live(),
      .protocol = view.protocol(),
      .source = view.source(),
      .destination = view.destination()};
  ExactCopy out(view.packet().subspan(view.header_size() - 20));
  std::ranges::fill(out.writable().first(20), uint8_t{0xa5});
  FUZZ_CHECK(P9, header.Emit(out.writable()) == 20);
  std::vector<uint8_t> canonical(packet.begin(), packet.begin() + 20);
  canonical[0] = 0x45;
  canonical[2] = static_cast<uint8_t>(out.bytes().size() / 256);
  canonical[3] = static_cast<uint8_t>(out.bytes().size() % 256);
  canonical[6] &= 0x7f;
  NaiveRepair(canonical, 10);
  FUZZ_CHECK(P9, std::ranges::equal(canonical, out.bytes().first(20)));
  const auto again = Ipv4View::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  CheckFields(*again, out.bytes(), NaiveParse(out.bytes()));
  FUZZ_CHECK(P9, std::ranges::equal(again->payload(), view.payload()));
}

void RunOne(Bytes packet) {
  ExactCopy copy(packet);
  const NaiveIpv4 naive = NaiveParse(copy.bytes());
  const auto raw = Ipv4View::Parse(copy.bytes());
  FUZZ_CHECK(P10, raw.has_value() == (naive.lengths_are_valid && naive.checksum_is_valid &&
                                      naive.options_are_valid));
  CurrentTrace().Add(raw.has_value() ? 0 : static_cast<uint64_t>(raw.error()));
  // Wrong lengths are noticed with a right checksum, too, however long the header claims to be.
  const size_t claimed_bytes = packet.empty() ? 0 : packet[0] % 16 * 4u;
  if (claimed_bytes < 12 || claimed_bytes > packet.size()) return;
  const MutableBytes header = copy.writable().first(claimed_bytes);
  NaiveRepair(header, 10);
  const auto view = Ipv4View::Parse(copy.bytes());
  FUZZ_CHECK(P10, view.has_value() == (naive.lengths_are_valid && naive.options_are_valid));
  if (!view) CurrentTrace().Add(static_cast<uint64_t>(view.error()));
  if (view) {
    CheckFields(*view, copy.bytes(), naive);
    CheckRoundTrip(*view, copy.bytes());
    CurrentTrace().Add(view->packet());
  }
  FlipOneBit(header);
  // With another length in it a header ends elsewhere, and what it covers then may add up.
  if (header[0] % 16 * 4u != claimed_bytes) return;
  FUZZ_CHECK(P13, !Ipv4View::Parse(copy.bytes()).has_value());
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aether::fuzz::RunOne({data, std::min(size, aether::fuzz::kInputBytesMax)});
  return 0;
}
