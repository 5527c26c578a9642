// Reassembly of IPv4 datagrams against the bitmap of testing/bitmap_reassembler.h: what is
// delivered is equal byte for byte, what is refused is refused by the same rule, memory and steps
// stay within their limits, and everything ends with its time.
#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/pattern.h"
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "stack/net/fragments.h"
#include "stack/testing/bitmap_reassembler.h"

namespace aether::fuzz {
namespace {

using net::Fragments;
using testing::BitmapReassembler;

NetLimits LimitsOf(Records& records) {
  constexpr std::array<uint16_t, 4> kDatagramBytes = {576, 800, 1500, 2400};
  NetLimits limits;
  limits.reassembly_datagrams_max = records.Below(11);
  limits.reassembly_fragments_per_datagram_max = 2 + records.Below(31);
  limits.reassembly_datagram_bytes_max = kDatagramBytes[records.Below(4)];
  // Memory is reserved for all: that of large ones takes longer than all the rest.
  if (records.Byte() == 255) {
    limits.reassembly_datagram_bytes_max = 65535;
    limits.reassembly_datagrams_max = std::min(limits.reassembly_datagrams_max, 2u);
  }
  limits.reassembly_bytes_max =
      limits.reassembly_datagram_bytes_max + records.Below(16) * uint32_t{512};
  return limits;
}

// The second opinion keeps its memory; Reset() forgets what is in it.
BitmapReassembler& Model() {
  static BitmapReassembler model;
  return model;
}

std::array<uint8_t, 65536>& PacketMemory() {
  static std::array<uint8_t, 65536> memory;
  return memory;
}

class Run {
 public:
  explicit Run(const NetLimits& limits)
      : limits_(limits), model_(Model()), fragments_(limits, SipKey{1, 2}) {
    model_.Reset(limits);
  }

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    switch (op % 8) {
      case 6:
        now_ += records.Time(std::chrono::seconds(100));
        Expire();
        break;
      case 7:
        if (fragments_.NextDeadline() != kNever) now_ = fragments_.NextDeadline();
        if (records.Flag()) now_ -= Duration(1);
        Expire();
        break;
      default:
        Add(op, records);
        break;
    }
    fragments_.CheckInvariants();
    FUZZ_CHECK(P4, fragments_.datagrams() == model_.datagrams());
    FUZZ_CHECK(P4, fragments_.bytes() == model_.bytes());
    FUZZ_CHECK(P4, fragments_.NextDeadline() == model_.NextDeadline());
    FUZZ_CHECK(P7, fragments_.bytes() <= limits_.reassembly_bytes_max);
  }

  void Finish() {
    now_ += limits_.reassembly_timeout;
    Expire();
    FUZZ_CHECK(P5, fragments_.datagrams() == 0 && fragments_.bytes() == 0);
    FUZZ_CHECK(P5, fragments_.NextDeadline() == kNever);
    // What was begun has come to an end, one way or the other.
    const uint64_t ended = counters_.ipv4_reassembled + counters_.ipv4_reassembly_evicted +
                           counters_.ipv4_reassembly_abandoned + timeouts_;
    FUZZ_CHECK(P5, ended == begun_);
  }

 private:
  // Writes a fragment with what the record says of it; returns its size. The payload is that of the
  // datagram's place, so that copies are equal, unless the record wants another.
  size_t Write(uint8_t op, Records& records) {
    const uint8_t key = records.Byte();
    const uint8_t shape = records.Byte();
    const uint32_t offset_units = (op & 0x08) == 0 ? records.Byte() : records.U16() % 8192u;
    uint32_t size = (op & 0x10) == 0 ? records.Byte() * uint32_t{8} : records.Size(4096);
    const size_t options = (shape & 0x07) < 5 ? 0 : (shape & 0x07) - 4u;  // words
    const bool is_last = (shape & 0x08) != 0;
    const size_t header = 20 + options * 4;
    size = std::min<uint32_t>(size, static_cast<uint32_t>(65535 - header));
    uint8_t* const at = packet_.data();
    at[0] = static_cast<uint8_t>(0x45 + options);
    at[1] = (shape & 0x30) == 0 ? static_cast<uint8_t>(shape >> 6) : 2;
    StoreBe(at + 2, static_cast<uint16_t>(header + size));
    StoreBe(at + 4, static_cast<uint16_t>(key & 0x1f));
    StoreBe(at + 6, static_cast<uint16_t>((is_last ? 0 : 0x2000) | offset_units));
    at[8] = 64;
    at[9] = static_cast<uint8_t>(key & 0x20 ? 17 : 6);
    StoreBe<uint16_t>(at + 10, 0);
    StoreBe(at + 12, 0x0a000002u + (key >> 6));
    StoreBe(at + 16, 0x0a000001u);
    std::memset(at + 20, 1, options * 4);
    StoreBe(at + 10, ChecksumOf(SumBytes(Bytes(at, header))));
    const uint64_t place = uint64_t{key} * 4099 + offset_units * uint64_t{8};
    if (size > 0) std::memcpy(at + header, Pattern::At(place, size).data(), size);
    if ((op & 0xe0) == 0xe0 && size > 0) {
      uint8_t& byte = at[header + records.Below(size)];
      byte = static_cast<uint8_t>(byte ^ 1u);
    }
    return header + size;
  }

  void Add(uint8_t op, Records& records) {
    const size_t size = Write(op, records);
    const auto view = Ipv4View::Parse(Bytes(packet_).first(size));
    FUZZ_CHECK(P9, view.has_value());
    if (!view->IsFragment()) return;
    const uint64_t steps_before = fragments_.steps();
    const uint64_t evicted_before = counters_.ipv4_reassembly_evicted;
    const size_t datagrams_before = model_.datagrams();
    const Fragments::Verdict verdict = fragments_.Add(*view, (op & 1) != 0, now_, counters_);
    const BitmapReassembler::Answer answer =
        model_.Add({.source = view->source().value,
                    .destination = view->destination().value,
                    .identification = view->identification(),
                    .protocol = view->protocol(),
                    .more = view->more_fragments(),
                    .offset_bytes = view->fragment_offset_bytes(),
                    .header = Bytes(packet_).first(view->header_size()),
                    .payload = view->payload()},
                   now_);
    CurrentTrace().Add(static_cast<uint64_t>(verdict.drop));
    FUZZ_CHECK(P3, verdict.drop == answer.drop);
    FUZZ_CHECK(P3, (verdict.whole != kNoIndex) == answer.is_whole);
    FUZZ_CHECK(P7, counters_.ipv4_reassembly_evicted - evicted_before == answer.evicted);
    CountBegun(verdict, datagrams_before, answer.pushed_out);
    const uint64_t chain = limits_.reassembly_datagrams_max;
    const uint64_t steps_max = (Fragments::kEvictionsMax + 3) * (chain + 1) + 8 +
                               limits_.reassembly_fragments_per_datagram_max;
    FUZZ_CHECK(P7, fragments_.steps() - steps_before <= steps_max);
    if (verdict.whole == kNoIndex) return;
    const Bytes packet = fragments_.Packet(verdict.whole);
    FUZZ_CHECK(P3, std::ranges::equal(packet, model_.whole()));
    const auto whole = Ipv4View::Parse(packet);
    FUZZ_CHECK(P12, whole.has_value() && !whole->IsFragment());
    FUZZ_CHECK(P3, !fragments_.was_abandoned(verdict.whole));
    CurrentTrace().Add(packet);
    fragments_.Release(verdict.whole);
  }

  // How many datagrams were begun is the number now, less the number before, with those that went.
  void CountBegun(const Fragments::Verdict& verdict, size_t before, uint32_t pushed_out) {
    const size_t after = model_.datagrams() + (verdict.whole != kNoIndex ? 1 : 0);
    begun_ += after + pushed_out - before;
  }

  void Expire() {
    for (;;) {
      const BitmapReassembler::Expired expected = model_.TakeExpired(now_);
      const uint32_t index = fragments_.TakeExpired(now_);
      FUZZ_CHECK(P8, (index != kNoIndex) == expected.is_any);
      if (index == kNoIndex) break;
      FUZZ_CHECK(P3, fragments_.was_abandoned(index) == expected.was_abandoned);
      FUZZ_CHECK(P3, std::ranges::equal(fragments_.Packet(index), expected.first));
      if (!expected.was_abandoned) ++timeouts_;
      fragments_.Release(index);
    }
    FUZZ_CHECK(P8, fragments_.NextDeadline() > now_);
  }

  const NetLimits limits_;
  BitmapReassembler& model_;
  Fragments fragments_;
  Counters counters_;
  Instant now_{};
  uint64_t begun_ = 0;
  uint64_t timeouts_ = 0;
  std::array<uint8_t, 65536>& packet_ = PacketMemory();
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return -1;
  aether::fuzz::Records records({data, size});
  aether::fuzz::Run run(aether::fuzz::LimitsOf(records));
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
