#include "bench/hostile/flood.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/common/generators.h"
#include "bench/hostile/attackers.h"
#include "bench/stack/segment_writer.h"
#include "stack/testing/frame_builder.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::bench {
namespace {

// A forged address; whoever it belongs to is not there.
Ipv4Endpoint Forged(Generator& generator) {
  return {{Ipv4Address::Of(20, 0, 0, 0).value | (generator.Next32() & 0xffffffu)},
          generator.Port()};
}

class SynFlood : public Flood {
 public:
  void Add(FrameLog& log, Instant now) override {
    std::array<uint8_t, 20> options{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
    StoreBe(options.data() + 8,
            static_cast<uint32_t>(now.time_since_epoch() / std::chrono::milliseconds(1)));
    WriteSegment({.from = Forged(generator_),
                  .sequence = generator_.Next32(),
                  .flags = tcp_flags::kSyn,
                  .window = 64240,
                  .options = options},
                 log);
  }
  // Far more than may be half open.
  uint32_t frames_until_steady() const override { return 4096; }

 private:
  Generator generator_{0x51};
};

class AckFlood : public Flood {
 public:
  explicit AckFlood(const FloodOptions& options) : real_flow_(options.real_flow) {}
  void Add(FrameLog& log, Instant) override {
    std::array<uint8_t, 12> options{1, 1, 8, 10};
    generator_.Fill(MutableBytes(options).subspan(4));
    const bool in_a_real_name = ++sent_ % 2 == 0;
    WriteSegment({.from = in_a_real_name ? real_flow_().client : Forged(generator_),
                  .sequence = generator_.Next32(),
                  .acknowledgment = generator_.Next32(),
                  .flags = tcp_flags::kAck,
                  .window = 502,
                  .options = options},
                 log);
  }
  uint32_t frames_until_steady() const override { return 1024; }

 private:
  std::function<RealFlow()> real_flow_;
  uint64_t sent_ = 0;
  Generator generator_{0xac};
};

class RstFlood : public Flood {
 public:
  explicit RstFlood(const FloodOptions& options) : real_flow_(options.real_flow) {}
  void Add(FrameLog& log, Instant) override {
    const RealFlow flow = real_flow_();
    // Never the very number, which would be no attack but the end.
    const bool is_near = ++sent_ % 4 == 0;
    const uint32_t away = is_near ? 256 + generator_.Below(32'000) : generator_.Next32() | 0x10000u;
    WriteSegment(
        {.from = flow.client, .sequence = flow.next_sequence + away, .flags = tcp_flags::kRst},
        log);
  }
  uint32_t frames_until_steady() const override { return 1024; }

 private:
  std::function<RealFlow()> real_flow_;
  uint64_t sent_ = 0;
  Generator generator_{0x4357};
};

// Pieces of 64 datagrams at a time, all over them; after a while another one takes the place of
// each.
class FragmentFlood : public Flood {
 public:
  void Add(FrameLog& log, Instant) override {
    Datagram& datagram = datagrams_[generator_.Below(kDatagrams)];
    if (datagram.left == 0) {
      datagram = {Forged(generator_).address, static_cast<uint16_t>(generator_.Next32()),
                  1 + generator_.Below(300)};
    }
    --datagram.left;
    const uint32_t payload_bytes = 8 + generator_.Below(8) * 8;
    const MutableBytes frame = log.Add(testing::kIpv4PayloadAt + payload_bytes);
    uint8_t* const at = frame.data();
    testing::kOurMac.Store(at);
    testing::kPeerMac.Store(at + 6);
    StoreBe<uint16_t>(at + 12, 0x0800);
    uint8_t* const ip = at + testing::kIpv4At;
    StoreBe<uint16_t>(ip, 0x4500);
    StoreBe<uint16_t>(ip + 2, static_cast<uint16_t>(20 + payload_bytes));
    StoreBe(ip + 4, datagram.identification);
    // More follow, always: none becomes whole.
    StoreBe<uint16_t>(ip + 6, static_cast<uint16_t>(0x2000u | generator_.Below(8100)));
    StoreBe<uint32_t>(ip + 8, 0x3f060000);
    StoreBe(ip + 12, datagram.from.value);
    StoreBe(ip + 16, testing::kOurIp.value);
    StoreBe(ip + 10, ChecksumOf(SumHeader(ip, 20)));
    generator_.Fill(frame.subspan(testing::kIpv4PayloadAt));
  }
  // Every place for a datagram was taken several times.
  uint32_t frames_until_steady() const override { return 40'000; }

 private:
  static constexpr uint32_t kDatagrams = 64;
  struct Datagram {
    Ipv4Address from{};
    uint16_t identification = 0;
    uint32_t left = 0;
  };
  std::array<Datagram, kDatagrams> datagrams_;
  Generator generator_{0xf4a6};
};

uint64_t DropsOf(const Counters& counters, std::initializer_list<Drop> reasons) {
  uint64_t total = 0;
  for (const Drop reason : reasons) total += counters.drops[DropIndex(reason)];
  return total;
}

}  // namespace

std::optional<FloodKind> FloodOfName(std::string_view name) {
  const auto* const found = std::ranges::find(kFloods, name, &FloodName::name);
  if (found == kFloods.end()) return std::nullopt;
  return found->kind;
}

std::unique_ptr<Flood> MakeFlood(const FloodOptions& options) {
  switch (options.kind) {
    case FloodKind::kNone:
      return nullptr;
    case FloodKind::kSyn:
      return std::make_unique<SynFlood>();
    case FloodKind::kAck:
      return std::make_unique<AckFlood>(options);
    case FloodKind::kRst:
      return std::make_unique<RstFlood>(options);
    case FloodKind::kFragment:
      return std::make_unique<FragmentFlood>();
    default:
      return std::make_unique<Attackers>(options);
  }
}

std::string MissedAim(FloodKind kind, const Counters& counters, const MemoryUse& high_water) {
  switch (kind) {
    case FloodKind::kNone:
      return {};
    case FloodKind::kSyn:
      return counters.tcp_cookies_sent > 0 ? "" : "half-open connections were not too many";
    case FloodKind::kAck:
      if (DropsOf(counters, {Drop::kTcpBadCookie}) == 0) return "no stranger's ACK was refused";
      return DropsOf(counters, {Drop::kTcpPaws, Drop::kTcpOutOfWindow, Drop::kTcpBadAck}) > 0
                 ? ""
                 : "no forged ACK was refused";
    case FloodKind::kRst:
      if (counters.tcp_challenge_acks == 0) return "no reset was challenged";
      return DropsOf(counters, {Drop::kTcpBadRst, Drop::kTcpOutOfWindow}) > 0
                 ? ""
                 : "no reset was refused";
    case FloodKind::kFragment:
      if (counters.ipv4_reassembled != 0) return "a datagram became whole";
      return counters.ipv4_fragments_in > 0 && counters.ipv4_reassembly_evicted > 0
                 ? ""
                 : "fragments did not use up their room";
    case FloodKind::kReorderingHole:
      return counters.tcp_held_segments > 0 && counters.tcp_held_refused > 0
                 ? ""
                 : "text ahead of gaps did not use up its room";
    case FloodKind::kSackHole:
      return counters.tcp_fast_recoveries > 0 && counters.tcp_retransmissions > 0
                 ? ""
                 : "SACK blocks started no recovery";
    case FloodKind::kTinyWindow:
      return counters.tcp_data_bytes_out > 0 && high_water.send_items > 1000
                 ? ""
                 : "no responses waited for a window";
    case FloodKind::kSlowReader:
    case FloodKind::kSlowCrowd:
      return high_water.send_items > 30'000 ? "" : "responses did not pile up";
    case FloodKind::kHashCollision:
      return DropsOf(counters, {Drop::kTcpBadCookie}) > 0 ? "" : "no stranger's ACK was refused";
  }
  return "an unknown flood";
}

}  // namespace aether::bench
