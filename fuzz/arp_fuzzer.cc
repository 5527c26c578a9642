// ARP packets (RFC 826), for IPv4 over Ethernet. The input is a packet with whatever padding.
#include <algorithm>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "stack/wire/arp.h"

namespace aether::fuzz {
namespace {

// RFC 826, "Packet format": ar$hrd, ar$pro, ar$hln, ar$pln, ar$op.
bool NaiveIsValid(Bytes packet) {
  static constexpr uint8_t kFixed[] = {0, 1, 8, 0, 6, 4, 0};
  if (packet.size() < 28) return false;
  for (size_t i = 0; i < std::size(kFixed); ++i) {
    if (packet[i] != kFixed[i]) return false;
  }
  return packet[7] == 1 || packet[7] == 2;
}

bool IsAt(const MacAddress& mac, Bytes packet, size_t at) {
  for (size_t i = 0; i < 6; ++i) {
    if (mac.octets[i] != packet[at + i]) return false;
  }
  return true;
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const Bytes packet = copy.bytes();
  const auto parsed = ArpPacket::Parse(packet);
  FUZZ_CHECK(P10, parsed.has_value() == NaiveIsValid(packet));
  CurrentTrace().Add(parsed.has_value() ? 0 : static_cast<uint64_t>(parsed.error()));
  if (!parsed) return;
  FUZZ_CHECK(P10, static_cast<unsigned>(parsed->operation) == packet[7]);
  FUZZ_CHECK(P10, IsAt(parsed->sender_mac, packet, 8));
  FUZZ_CHECK(P10, parsed->sender_ip.value == NaiveLong(packet, 14));
  FUZZ_CHECK(P10, IsAt(parsed->target_mac, packet, 18));
  FUZZ_CHECK(P10, parsed->target_ip.value == NaiveLong(packet, 24));

  // Every valid packet is canonical but for its padding.
  ExactCopy out(packet.first(28));
  std::ranges::fill(out.writable(), uint8_t{0xa5});
  FUZZ_CHECK(P9, parsed->Emit(out.writable()) == 28);
  FUZZ_CHECK(P9, std::ranges::equal(out.bytes(), packet.first(28)));
  const auto again = ArpPacket::Parse(out.bytes());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, *again == *parsed);
  CurrentTrace().Add(out.bytes());
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aether::fuzz::RunOne({data, size});
  return 0;
}
