#include "fuzz/stateful/tcp_script.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/tcp_setup.h"

namespace aether::fuzz {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 48;
constexpr size_t kBatchMax = 16;
// Deadlines of one operation: time stops there.
constexpr int kDeadlinesMax = 8;
constexpr Duration kTimeMax = hours(24 * 60);

void PutWord(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void PutLong(uint8_t* at, uint32_t value) {
  PutWord(at, value >> 16);
  PutWord(at + 2, value);
}

class TcpScript {
 public:
  TcpScript(const Grammar& grammar, TcpWorld& world) : grammar_(grammar), world_(world) {}

  void Run(RecordReader& reader) {
    Record record;
    for (size_t i = 0; i < kRecordsMax && !world_.IsTired() && reader.Next(record); ++i) {
      if (CurrentObserver() != nullptr)
        CurrentObserver()->OnRecord(PrintRecord(grammar_, record), world_.now());
      Do(static_cast<TcpOperation>(record.operation), record);
    }
    EndBatch();
  }

 private:
  void Do(TcpOperation operation, const Record& record) {
    const bool is_segment =
        operation == TcpOperation::kSegment || operation == TcpOperation::kOther;
    if (!is_segment) EndBatch();
    switch (operation) {
      case TcpOperation::kSegment:
        return Arrive(world_.Ready(0).Build(record));
      case TcpOperation::kOther:
        return Arrive(world_.Ready(1).Build(record));
      case TcpOperation::kPeer:
        return Arrive(world_.Ready(record.U8(3))
                          .BuildNext(record.U8(0) | tcp_flags::kAck,
                                     record.U16(1) % (kPayloadBytesMax + 1),
                                     static_cast<uint16_t>(65535 - record.U16(2))));
      case TcpOperation::kTime:
        return Advance(record.TimeAt(0, kTimeMax));
      case TcpOperation::kDeadline:
        for (int i = record.U8(0) % kDeadlinesMax; i >= 0 && world_.AdvanceToDeadline(hours(3));
             --i) {
        }
        return;
      case TcpOperation::kRead:
        return world_.Read(record.U8(1), size_t{65535} - record.U16(0));
      case TcpOperation::kWrite:
        return world_.Write(record.U8(1), record.U16(0));
      case TcpOperation::kEnd:
        if (record.U8(0) % 4 == 3) return world_.Unlisten();
        return world_.EndOwned(record.U8(1), static_cast<TcpWorld::End>(record.U8(0) % 4));
      case TcpOperation::kAccept:
        world_.AcceptAll();
        return world_.Settle();
      case TcpOperation::kOptions:
        return SetOptions(record);
      case TcpOperation::kListen:
        return world_.Listen(1 + record.U8(0) % 4u);
      case TcpOperation::kIcmp:
        return Icmp(record);
      case TcpOperation::kDamaged:
        return Damaged(record);
      case TcpOperation::kCut:
        return Cut(record);
      case TcpOperation::kBatch:
        batch_room_ = 2 + record.U8(0) % 7u;
        return;
      case TcpOperation::kBurst:
        return Burst(record);
      case TcpOperation::kFlood:
        return Flood(record);
      case TcpOperation::kReflect:
        return Reflect(record);
      case TcpOperation::kAgain:
        for (int i = record.U8(0) % 8; i >= 0 && !last_.empty(); --i) {
          CountAgain();
          world_.Arrive(last_);
        }
        return;
      case TcpOperation::kConnect:
        return world_.Connect(record.U8(0), {});
    }
  }

  void Advance(Duration by) {
    const Instant end = world_.now() + by;
    for (int i = 0; i < kDeadlinesMax; ++i) {
      if (!world_.AdvanceToDeadline(end - world_.now())) return world_.Advance(end - world_.now());
    }
  }

  // At once, or with the others of a batch.
  void Arrive(Bytes frame) {
    last_.assign(frame.begin(), frame.end());
    if (batch_room_ == 0) {
      world_.Arrive(frame);
      return;
    }
    if (batch_count_ == batch_.size()) batch_.emplace_back();
    batch_[batch_count_++].assign(frame.begin(), frame.end());
    if (--batch_room_ == 0) EndBatch();
  }

  void EndBatch() {
    batch_room_ = 0;
    if (batch_count_ == 0) return;
    std::array<Bytes, kBatchMax> frames;
    for (size_t i = 0; i < batch_count_; ++i) frames[i] = batch_[i];
    world_.Arrive(std::span<const Bytes>(frames).first(batch_count_));
    batch_count_ = 0;
  }

  void SetOptions(const Record& record) {
    SocketOptions options;
    const uint8_t set = record.U8(0);
    const Duration time = std::chrono::duration_cast<seconds>(record.TimeAt(1, hours(18)));
    options.no_delay = (set & 1) != 0;
    options.quick_ack = (set & 2) != 0;
    if ((set & 4) != 0) {
      options.keepalive_idle = options.keepalive_interval = std::max<Duration>(time, seconds(1));
      options.keepalive_probes = static_cast<uint8_t>(1 + record.U8(2) % 10);
    }
    if ((set & 8) != 0) options.user_timeout = std::max<Duration>(time, seconds(1));
    options.dscp = record.U8(3) & 0x3f;
    world_.SetOptions(record.U8(4), options);
  }

  void Icmp(const Record& record) {
    const TcpFlow& flow = world_.Ready(record.U8(4));
    // The quote: what the stack sent, down to the sequence number.
    std::array<uint8_t, 14 + 20 + 8 + 20 + 20> frame{};
    std::ranges::copy(kStackMac.octets, frame.begin());
    std::ranges::copy(kPeerMac.octets, frame.begin() + 6);
    PutWord(frame.data() + 12, 0x0800);
    const size_t quoted = record.U8(5) == 0 ? 28 : record.U8(5) % 41u;
    uint8_t* const ip = frame.data() + 14;
    const size_t total = 28 + quoted;
    ip[0] = 0x45;
    PutWord(ip + 2, static_cast<uint32_t>(total));
    ip[8] = 64;
    ip[9] = 1;
    PutLong(ip + 12, Ipv4Address::Of(10, 0, 0, 254).value);
    PutLong(ip + 16, kStackIp.value);
    NaiveRepair({ip, 20}, 10);
    uint8_t* const icmp = ip + 20;
    // Mostly errors, and of those what is about the path.
    static constexpr std::array<uint8_t, 8> kTypes = {3, 3, 3, 3, 11, 12, 4, 5};
    static constexpr std::array<uint8_t, 8> kCodes = {4, 4, 4, 0, 1, 2, 3, 13};
    icmp[0] = record.U8(0) < 16 ? record.U8(0) : kTypes[record.U8(0) % 8];
    icmp[1] = record.U8(1) < 16 ? record.U8(1) : kCodes[record.U8(1) % 8];
    // Paths of all sizes below the link's, and now and then anything else. The smallest numbers,
    // which mutations like best, are in units of 24.
    const uint16_t mtu = record.U16(2);
    PutWord(icmp + 6, mtu < 64 ? mtu * 24u : mtu < 0x8000 ? mtu % 1600u : mtu);
    uint8_t* const quote = icmp + 8;
    quote[0] = 0x45;
    PutWord(quote + 2, 576);
    quote[8] = 61;
    quote[9] = 6;
    PutLong(quote + 12, flow.stack().address.value);
    PutLong(quote + 16, flow.peer().address.value);
    NaiveRepair({quote, 20}, 10);
    PutWord(quote + 20, flow.stack().port);
    PutWord(quote + 22, flow.peer().port);
    const uint32_t quoted_seq = flow.AckValue(record.LiveAt(3));
    PutLong(quote + 24, quoted_seq);
    NaiveRepair({icmp, 8 + quoted}, 2);
    world_.ArriveIcmp(Bytes(frame).first(14 + total), flow, quoted_seq);
  }

  // A segment that the stack would take.
  Bytes Good(uint8_t flags, uint32_t payload, uint32_t seq) {
    TcpFlow& flow = world_.Ready(0);
    return flow.Build(TcpFlow::Plain{.flags = flags,
                                     .seq = seq,
                                     .ack = (flags & tcp_flags::kAck) != 0 ? flow.rcv_nxt() : 0,
                                     .payload_bytes = payload % 1461});
  }

  void Damaged(const Record& record) {
    const TcpFlow before = world_.flow(0);
    const Bytes frame = Good(record.U8(0), record.U16(2), before.SeqValue(record.LiveAt(3)));
    world_.DeliverDamaged(frame, 14, record.U16(1));
    // It was never taken in.
    world_.flow(0) = before;
  }

  void Cut(const Record& record) {
    const TcpFlow before = world_.flow(0);
    const Bytes frame = Good(record.U8(0), record.U16(2), before.snd_nxt());
    world_.Deliver(frame.first(record.U16(1) % frame.size()));
    world_.flow(0) = before;
  }

  void Burst(const Record& record) {
    TcpFlow& flow = world_.Ready(0);
    const uint8_t order = record.U8(2);
    const uint32_t payload = record.U16(1) % 1461;
    const uint32_t count = 2 + record.U8(0) % 7;
    const uint32_t first = flow.SeqValue(record.LiveAt(3));
    batch_room_ = kBatchMax;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t place = (order & 1) != 0 ? count - 1 - i : i;
      if ((order & 4) != 0 && place + 1 == count) continue;
      if ((order & 8) != 0 && place % 2 == 0) continue;
      const Bytes frame = flow.Build(TcpFlow::Plain{
          .seq = first + place * payload, .ack = flow.rcv_nxt(), .payload_bytes = payload});
      Arrive(frame);
      if ((order & 2) != 0) Arrive(frame);
    }
    EndBatch();
  }

  void Flood(const Record& record) {
    const uint8_t flags = record.U8(1) == 0 ? tcp_flags::kSyn : record.U8(1);
    batch_room_ = kBatchMax;
    for (uint16_t i = 0; i <= record.U8(0) % 8; ++i) {
      const uint32_t seq = 1000u * i;
      TcpFlow stranger({kPeerIp, static_cast<uint16_t>(50000 + i)}, world_.flow(0).stack(), seq);
      Arrive(stranger.Build(TcpFlow::Plain{.flags = tcp_flags::kSyn, .seq = seq}));
      if (flags == tcp_flags::kSyn) continue;
      Arrive(stranger.Build(TcpFlow::Plain{.flags = flags, .seq = seq + 1}));
    }
    EndBatch();
  }

  // What the stack sent comes back to it.
  void Reflect(const Record& record) {
    std::vector<uint8_t> frame(world_.last_frame().begin(), world_.last_frame().end());
    if (frame.size() < 54) return;
    const auto swap = [&frame](size_t a, size_t b, size_t size) {
      std::swap_ranges(frame.begin() + static_cast<ptrdiff_t>(a),
                       frame.begin() + static_cast<ptrdiff_t>(a + size),
                       frame.begin() + static_cast<ptrdiff_t>(b));
    };
    switch (record.U8(0) % 4) {
      case 1:
        swap(0, 6, 6);
        swap(26, 30, 4);
        swap(34, 36, 2);
        Mirror(frame);
        break;
      case 2:
        // LAND: from our own address and port to the same.
        std::ranges::copy(kStackMac.octets, frame.begin());
        std::ranges::copy(kPeerMac.octets, frame.begin() + 6);
        std::copy_n(frame.begin() + 26, 4, frame.begin() + 30);
        std::copy_n(frame.begin() + 34, 2, frame.begin() + 36);
        frame[47] = tcp_flags::kSyn;
        Repair(frame);
        break;
      case 3:
        // To everybody.
        std::fill_n(frame.begin(), 6, uint8_t{0xff});
        swap(26, 30, 4);
        swap(34, 36, 2);
        std::ranges::copy(kPeerMac.octets, frame.begin() + 6);
        std::ranges::copy(std::array<uint8_t, 4>{10, 0, 0, 255}, frame.begin() + 30);
        frame[47] = tcp_flags::kSyn;
        Repair(frame);
        break;
      default:
        break;
    }
    world_.Arrive(frame);
  }

  // As if the peer had sent it: it counts, and the text, which is not the peer's, is cut off.
  void Mirror(std::vector<uint8_t>& frame) {
    const size_t headers = 34u + frame[46] / 16u * 4;
    frame.resize(headers);
    PutWord(frame.data() + 16, static_cast<uint32_t>(headers - 14));
    Repair(frame);
    const auto parsed = testing::NaiveParse(frame);
    if (!parsed || !parsed->tcp) return;
    for (size_t i = 0; i < kFlows; ++i) {
      TcpFlow& flow = world_.flow(i);
      // On whatever port of the stack: it may have opened another connection since.
      const bool matches = parsed->ip->source == flow.peer().address.value &&
                           parsed->tcp->source_port == flow.peer().port;
      if (matches) flow.CountForeign(*parsed->tcp, Bytes(frame).subspan(54));
    }
  }

  // Read field by field: what the strict parser does not take (options of IP, reserved bits,
  // padding), the stack may.
  void CountAgain() {
    const Bytes frame = last_;
    if (frame.size() < 54 || NaiveWord(frame, 12) != 0x0800 || frame[23] != 6) return;
    const size_t header = (frame[14] & 15u) * size_t{4};
    const size_t total = NaiveWord(frame, 16);
    if (header < 20 || total < header + 20 || frame.size() < 14 + total) return;
    const Bytes tcp = frame.subspan(14 + header, total - header);
    const uint64_t pseudo = NaiveSum(frame.subspan(26, 8)) + 6 + tcp.size();
    const bool sums_hold =
        NaiveSum(frame.subspan(14, header)) == 0xffff && NaiveSum(tcp, pseudo) == 0xffff;
    if (!sums_hold || tcp[12] / 16 < 5) return;
    for (size_t i = 0; i < kFlows; ++i) {
      TcpFlow& flow = world_.flow(i);
      if (NaiveLong(frame, 26) == flow.peer().address.value &&
          NaiveWord(tcp, 0) == flow.peer().port)
        flow.CountAgain(tcp[13], NaiveLong(tcp, 8), static_cast<uint16_t>(NaiveWord(tcp, 14)));
    }
  }

  static void Repair(std::vector<uint8_t>& frame) {
    NaiveRepair({frame.data() + 14, 20}, 10);
    const size_t size = frame.size() - 34;
    const uint64_t pseudo = NaiveSum({frame.data() + 26, 8}) + 6 + size;
    NaiveRepair({frame.data() + 34, size}, 16, pseudo);
  }

  const Grammar& grammar_;
  TcpWorld& world_;
  std::vector<uint8_t> last_;
  std::vector<std::vector<uint8_t>> batch_;
  size_t batch_count_ = 0;
  size_t batch_room_ = 0;
};

uint64_t RunOnce(const Grammar& grammar, Bytes input, bool active, uint32_t shift) {
  RecordReader reader(grammar, input);
  TcpSetup setup = SetupOf(reader);
  for (uint32_t& sequence : setup.initial_sequence) sequence += shift;
  setup.clock_ms += shift;
  // P11: by a number of whole periods of all that counts time: ticks, cookies, keys, hours.
  if (shift != 0) setup.start += hours(64 * 64);
  TcpWorld world(setup);
  Stager(world, active)
      .Run(static_cast<TcpStage>(reader.head(static_cast<size_t>(TcpHead::kStage)) %
                                 kStageNames.size()));
  TcpScript(grammar, world).Run(reader);
  world.Finish();
  return world.behaviour().hash();
}

// False when a record has numbers that are not relative to anything.
bool IsRelative(const Grammar& grammar, Bytes input) {
  RecordReader reader(grammar, input);
  for (Record record; reader.Next(record);) {
    // The stack's numbers in the place of a peer's stand in no relation to that peer's others.
    if (record.operation == static_cast<uint8_t>(TcpOperation::kReflect)) return false;
    if (!record.bytes.empty()) return false;
    const auto& operands = grammar.operations[record.operation].operands;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (operands[i].kind != Operand::Kind::kLive) continue;
      const auto& names = operands[i].names;
      if (std::string_view(names[record.LiveAt(i).base % names.size()]) == "zero") return false;
    }
  }
  return true;
}

}  // namespace

void RunTcpInput(const Grammar& grammar, Bytes input, bool active) {
  const uint64_t behaviour = RunOnce(grammar, input, active, 0);
  const RecordReader reader(grammar, input);
  if ((reader.head(static_cast<size_t>(TcpHead::kApp)) & kAppCompare) == 0 || !IsRunAgain()) return;
  if (!IsRelative(grammar, input)) return;
  if (CurrentObserver() != nullptr) CurrentObserver()->OnNote("once more, shifted (P11)", {});
  FUZZ_CHECK(P11, RunOnce(grammar, input, active, 0x9e370001) == behaviour);
}

}  // namespace aether::fuzz
