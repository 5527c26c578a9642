// The whole stack on raw frames with time, checksums enforced: ARP, IPv4 with options, fragments,
// ICMP, UDP and TCP, from templates whose bytes a record may change before or after the repair of
// lengths and checksums. Beside what every world watches: a datagram in fragments comes out as the
// bitmap reassembler has it (P3), an echo is answered with what it carried, and nothing at all
// answers what was sent to everybody or by nobody (RFC 1122 3.2.2).
#include <algorithm>
#include <optional>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/raw_frames.h"
#include "fuzz/stateful/raw_world.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/tcp_flow.h"
#include "stack/testing/bitmap_reassembler.h"

namespace aether::fuzz {
namespace {

using std::chrono::hours;

using Kind = Operand::Kind;

constexpr std::array<const char*, 6> kPortNames = {"echo", "sink", "tcp", "closed", "zero", "peer"};
constexpr std::array<uint16_t, 6> kPorts = {7, 9, 80, 1234, 0, 40000};
constexpr std::array<const char*, 5> kUdpShapeNames = {"no_sum", "bad_sum", "longer", "shorter",
                                                       "padded"};
constexpr std::array<const char*, 4> kRepairNames = {"keep_lengths", "keep_header_sum",
                                                     "keep_payload_sum", "exchange"};

constexpr std::array<Operand, 1> kHead = {{{Kind::kFlags, "config", kConfigNames}}};

enum class Op : uint8_t {
  kUdp,
  kEcho,
  kIcmp,
  kFragment,
  kSegment,
  kArp,
  kIp,
  kRaw,
  kPatch,
  kEthernet,
  kDamage,
  kCut,
  kTime,
  kDeadline,
  kCall,
  kAgain,
};
constexpr std::array<Operation, 16> kOperations = {{
    {"udp",
     {{{Kind::kByte, "source", kRawAddressNames},
       {Kind::kByte, "to", kRawAddressNames},
       {Kind::kByte, "port", kPortNames},
       {Kind::kWord, "size"},
       {Kind::kFlags, "shape", kUdpShapeNames},
       {Kind::kBytes, "options"}}}},
    {"echo",
     {{{Kind::kByte, "source", kRawAddressNames},
       {Kind::kByte, "to", kRawAddressNames},
       {Kind::kWord, "size"},
       {Kind::kByte, "code"},
       {Kind::kBytes, "options"}}}},
    // Any message; it quotes the last frame of the stack unless it has bytes of its own.
    {"icmp",
     {{{Kind::kByte, "type"},
       {Kind::kByte, "code"},
       {Kind::kLong, "rest"},
       {Kind::kByte, "source", kRawAddressNames},
       {Kind::kByte, "to", kRawAddressNames},
       {Kind::kByte, "quoted"},
       {Kind::kBytes, "data"}}}},
    // A piece of a datagram, whose bytes and length its number tells.
    {"fragment",
     {{{Kind::kByte, "number"},
       {Kind::kByte, "at8"},
       {Kind::kByte, "size8"},
       {Kind::kByte, "more"},
       {Kind::kByte, "other"}}}},
    {"segment", kSegmentOperands},
    {"arp",
     {{{Kind::kByte, "operation"},
       {Kind::kByte, "sender", kRawAddressNames},
       {Kind::kByte, "target", kRawAddressNames},
       {Kind::kByte, "mac", kRawMacNames},
       {Kind::kByte, "target_mac", kRawMacNames}}}},
    {"ip",
     {{{Kind::kByte, "protocol"},
       {Kind::kByte, "source", kRawAddressNames},
       {Kind::kByte, "to", kRawAddressNames},
       {Kind::kWord, "fragment"},
       {Kind::kWord, "size"},
       {Kind::kByte, "ttl_less"},
       {Kind::kBytes, "options"}}}},
    {"raw", {{{Kind::kBytes, "bytes"}}}},
    // Of the next frame: a word at an offset, then the repair of what is not to be kept.
    {"patch",
     {{{Kind::kWord, "at"}, {Kind::kWord, "value"}, {Kind::kFlags, "repair", kRepairNames}}}},
    {"ethernet",
     {{{Kind::kByte, "to", kRawMacNames},
       {Kind::kByte, "from", kRawMacNames},
       {Kind::kWord, "type_xor"}}}},
    {"damage", {{{Kind::kWord, "bit"}}}},
    {"cut", {{{Kind::kWord, "bytes"}}}},
    {"time", {{{Kind::kTime, "after"}}}},
    {"deadline", {{{Kind::kByte, "more"}}}},
    {"call", {{{Kind::kByte, "what", kCallNames}, {Kind::kWord, "size"}}}},
    {"again", {{{Kind::kByte, "more"}}}},
}};
constexpr std::array<uint8_t, 20> kBytesOfInterest = {
    0x10, 0x02, 0x18, 0x11, 0x04, 0x14, 3, 8, 11, 12, 13, 0, 1, 2, 4, 68, 0x83, 7, 255, 64};
constexpr Grammar kGrammar{
    .target = "stack_raw",
    .head = kHead,
    .operations = kOperations,
    .bytes_of_interest = kBytesOfInterest,
};

constexpr size_t kRecordsMax = 48;
constexpr int kDeadlinesMax = 16;

class RawScript {
 public:
  explicit RawScript(RawWorld& world) : world_(world) {}

  void Run(RecordReader& reader) {
    Record record;
    for (size_t i = 0; i < kRecordsMax && !world_.IsTired() && reader.Next(record); ++i) {
      if (CurrentObserver() != nullptr)
        CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world_.now());
      Do(static_cast<Op>(record.operation), record);
    }
  }

 private:
  struct Change {
    std::array<Record, 4> patches;
    size_t patch_count = 0;
    std::optional<Record> ethernet;
    std::optional<uint16_t> damage;
    std::optional<uint16_t> cut;
  };

  void Do(Op op, const Record& record) {
    switch (op) {
      case Op::kUdp:
        return Udp(record);
      case Op::kEcho:
        return Echo(record);
      case Op::kIcmp:
        return Icmp(record);
      case Op::kFragment:
        return Fragment(record);
      case Op::kSegment:
        frame_.Ethernet(kStackMac, kPeerMac, 0);
        frame_.Resize(0);
        frame_.Append(world_.flow().Build(record));
        return Send(true);
      case Op::kArp:
        return Arp(record);
      case Op::kIp:
        return Ip(record);
      case Op::kRaw:
        frame_.Ethernet(kStackMac, kPeerMac, 0x0800);
        if (record.bytes.size() > 14) frame_.Resize(0);
        frame_.Append(record.bytes);
        world_.ForgetEcho();
        world_.ForgetFragments();
        world_.flow().checks_numbers = false;
        return Send(true);
      case Op::kPatch:
        if (change_.patch_count < change_.patches.size())
          change_.patches[change_.patch_count++] = record;
        return;
      case Op::kEthernet:
        change_.ethernet = record;
        return;
      case Op::kDamage:
        change_.damage = record.U16(0);
        return;
      case Op::kCut:
        change_.cut = record.U16(0);
        return;
      case Op::kTime:
        return Advance(record.TimeAt(0, hours(24 * 60)));
      case Op::kDeadline:
        for (int i = record.U8(0) % kDeadlinesMax; i >= 0 && world_.AdvanceToDeadline(hours(3));
             --i) {
        }
        return;
      case Op::kCall:
        return world_.Call(record.U8(0), record.U16(1));
      case Op::kAgain:
        // The model does not hear of it.
        if (frame_.IsIp() && !frame_.IsWhole()) world_.ForgetFragments();
        for (int i = record.U8(0) % 4; i >= 0; --i) world_.Send(frame_.bytes());
        return;
    }
  }

  void Advance(Duration by) {
    const Instant end = world_.now() + by;
    for (int i = 0; i < kDeadlinesMax; ++i) {
      if (!world_.AdvanceToDeadline(end - world_.now())) return world_.Advance(end - world_.now());
    }
  }

  static Ipv4Address Address(uint8_t choice, size_t from) {
    return kRawAddresses[(choice + from) % kRawAddresses.size()];
  }

  // What is 0 is what a peer would send to the stack.
  void BeginIp(uint8_t source, uint8_t to, uint8_t protocol, Bytes options = {}) {
    frame_.Ethernet(kStackMac, kPeerMac, 0x0800);
    frame_.Ip({.source = Address(source, 0),
               .destination = Address(to, 1),
               .protocol = protocol,
               .options = options});
  }

  void Udp(const Record& record) {
    BeginIp(record.U8(0), record.U8(1), 17, record.bytes);
    const size_t size = record.U16(3) % 1473u;
    const uint8_t shape = record.U8(4);
    frame_.AppendWord(5000);
    frame_.AppendWord(kPorts[record.U8(2) % kPorts.size()]);
    frame_.AppendWord(static_cast<uint32_t>(8 + size));
    frame_.AppendWord(0);
    frame_.Append(Pattern::At(size, size));
    Repair(0);
    const size_t udp = frame_.PayloadAt();
    if ((shape & 1) != 0) frame_.Word(udp + 6, 0);
    if ((shape & 2) != 0) frame_.all()[udp + 6] ^= 0x55;
    if ((shape & 4) != 0) frame_.Word(udp + 4, static_cast<uint32_t>(9 + size));
    if ((shape & 8) != 0) frame_.Word(udp + 4, static_cast<uint32_t>(7 + size / 2));
    if ((shape & 0x10) != 0) frame_.Resize(frame_.bytes().size() + 7);
    Send(shape != 0);
  }

  void Echo(const Record& record) {
    BeginIp(record.U8(0), record.U8(1), 1, record.bytes);
    frame_.AppendWord(0x0800u | record.U8(3));
    frame_.AppendWord(0);
    const uint32_t rest = 0x00070000u + ++echoes_;
    frame_.AppendLong(rest);
    const Bytes payload = Pattern::At(echoes_, record.U16(2) % 1473u);
    frame_.Append(payload);
    world_.ExpectEcho(rest, payload);
    Send(false);
  }

  void Icmp(const Record& record) {
    BeginIp(record.U8(3), record.U8(4), 1);
    frame_.AppendWord(static_cast<uint32_t>(record.U8(0) << 8 | record.U8(1)));
    frame_.AppendWord(0);
    frame_.AppendLong(record.U32(2));
    Bytes data = record.bytes;
    if (data.empty() && world_.last_sent().size() > 14) {
      data = world_.last_sent().subspan(14);
      data = data.first(std::min<size_t>(data.size(), record.U8(5) == 0 ? 28 : record.U8(5)));
    }
    frame_.Append(data);
    world_.ForgetEcho();
    const uint64_t replies = world_.stack().counters().icmp_echo_replies_out;
    const bool is_patched = change_.patch_count > 0;
    Send(false);
    // ICM007: [RFC 792] an echo request has the code 0; with another one it is none.
    FUZZ_CHECK(P2, is_patched || record.U8(0) != 8 || record.U8(1) == 0 ||
                       world_.stack().counters().icmp_echo_replies_out == replies);
  }

  // A datagram for the sink of 16 to 1016 bytes of UDP, the last piece of which tells its length.
  void Fragment(const Record& record) {
    const uint8_t number = record.U8(0);
    const size_t total = 16 + number % 126u * 8;
    std::array<uint8_t, 1024> datagram{};
    frame_.Ethernet(kStackMac, kPeerMac, 0x0800);
    frame_.Ip({.identification = number});
    frame_.AppendWord(5000);
    frame_.AppendWord(9);
    frame_.AppendWord(static_cast<uint32_t>(total));
    frame_.AppendWord(0);
    frame_.Append(Pattern::At(number, total - 8));
    Repair(0);
    std::copy_n(frame_.bytes().begin() + 34, total, datagram.begin());
    const size_t at = std::min<size_t>(record.U8(1) * size_t{8}, total - 8);
    size_t size = std::min((record.U8(2) % 64u + 1) * size_t{8}, total - at);
    const bool is_last = at + size == total && record.U8(3) == 0;
    // One that is not made of whole units of 8.
    if (!is_last) size -= record.U8(3) / 2 % 8u;
    frame_.Ethernet(kStackMac, kPeerMac, 0x0800);
    const uint16_t place = static_cast<uint16_t>(at / 8 | (is_last ? 0 : 0x2000u));
    frame_.Ip({.identification = number, .fragment = place});
    // Other bytes than the datagram's, which an overlap would show.
    if (record.U8(4) != 0) datagram[at + record.U8(4) % size] ^= 0xff;
    frame_.Append(Bytes(datagram).subspan(at, size));
    Repair(0);
    if (frame_.IsWhole()) return Send(true);
    Send(false, testing::BitmapReassembler::Fragment{.source = kPeerIp.value,
                                                     .destination = kStackIp.value,
                                                     .identification = number,
                                                     .protocol = 17,
                                                     .more = !is_last,
                                                     .offset_bytes = static_cast<uint32_t>(at),
                                                     .header = {},
                                                     .payload = {}});
  }

  void Arp(const Record& record) {
    frame_.Ethernet(kStackMac, kPeerMac, 0x0806);
    frame_.AppendWord(1);
    frame_.AppendWord(0x0800);
    frame_.AppendWord(0x0604);
    frame_.AppendWord(1u + record.U8(0));
    std::array<uint8_t, 6> mac{};
    kRawMacs[(record.U8(3) + 1) % kRawMacs.size()].Store(mac.data());
    frame_.Append(mac);
    frame_.AppendLong(Address(record.U8(1), 0).value);
    kRawMacs[record.U8(4) % kRawMacs.size()].Store(mac.data());
    frame_.Append(mac);
    frame_.AppendLong(Address(record.U8(2), 1).value);
    Send(true);
  }

  void Ip(const Record& record) {
    frame_.Ethernet(kStackMac, kPeerMac, 0x0800);
    frame_.Ip({.source = Address(record.U8(1), 0),
               .destination = Address(record.U8(2), 1),
               .protocol = record.U8(0),
               .time_to_live = static_cast<uint8_t>(64 - record.U8(5)),
               .identification = record.U16(4),
               .fragment = record.U16(3),
               .options = record.bytes});
    frame_.Append(Pattern::At(record.U16(4), record.U16(4) % 1481u));
    world_.ForgetEcho();
    Send(true);
  }

  void Repair(uint8_t keep) {
    if ((keep & 1) == 0) frame_.RepairLengths();
    if ((keep & 2) == 0) frame_.RepairHeaderChecksum();
    if ((keep & 4) == 0) frame_.RepairPayloadChecksum();
  }

  // `odd`: not all of it is guarded by a checksum.
  void Send(bool odd, std::optional<testing::BitmapReassembler::Fragment> fragment = {}) {
    if (!odd && !fragment) Repair(0);
    for (size_t i = 0; i < change_.patch_count; ++i) Patch(change_.patches[i]);
    const bool is_changed = change_.patch_count > 0;
    if (change_.ethernet) {
      const Record& ethernet = *change_.ethernet;
      kRawMacs[ethernet.U8(0) % kRawMacs.size()].Store(frame_.all().data());
      kRawMacs[(ethernet.U8(1) + 1) % kRawMacs.size()].Store(frame_.all().data() + 6);
      frame_.Word(12, NaiveWord(frame_.bytes(), 12) ^ ethernet.U16(2));
    }
    if (is_changed || change_.ethernet || change_.cut) {
      world_.ForgetEcho();
      world_.flow().checks_numbers = false;
      fragment.reset();
    }
    if (change_.cut) frame_.Cut(*change_.cut % (frame_.bytes().size() + 1));
    if (frame_.IsIp() && !frame_.IsWhole() && !fragment) world_.ForgetFragments();
    const std::optional<uint16_t> damage = change_.damage;
    const bool is_whole = !change_.ethernet && !change_.cut && !is_changed;
    change_ = {};
    // Of a fragment only the header is guarded; of one that claims to have none, nothing.
    size_t guarded = 0;
    if (damage && is_whole && frame_.IsIp())
      guarded = odd || fragment ? frame_.PayloadAt() - 14 : frame_.bytes().size() - 14;
    if (guarded > 0) {
      world_.ForgetEcho();
      world_.DeliverDamaged(frame_.bytes(), 14, *damage % (guarded * 8));
      return;
    }
    if (fragment) {
      fragment->header = frame_.bytes().subspan(14, 20);
      fragment->payload = frame_.bytes().subspan(34);
    }
    world_.Send(frame_.bytes(), fragment);
  }

  void Patch(const Record& patch) {
    const size_t at = patch.U16(0) % std::max<size_t>(frame_.bytes().size(), 2);
    const uint8_t repair = patch.U8(2);
    if (at + 2 > frame_.bytes().size()) return;
    const uint32_t before = NaiveWord(frame_.bytes(), at);
    frame_.Word(at, (repair & 8) != 0 ? patch.U16(1) : before ^ patch.U16(1));
    Repair(repair);
  }

  RawWorld& world_;
  RawFrame frame_;
  Change change_;
  uint32_t echoes_ = 0;
};

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  using namespace aether::fuzz;
  RecordReader reader(kGrammar, {data, size});
  RawWorld world(reader.head(0));
  RawScript(world).Run(reader);
  world.Finish();
  return 0;
}
