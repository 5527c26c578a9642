// Reassembly against a slow model of it, written from RFC 791, 1122, 3168, 5722 and 8200: bytes, a
// bit for every byte, and a list of all fragments seen. Random datagrams in random fragments come
// in random order, with copies, losses, overlaps and damage, while time goes by.
#include <gtest/gtest.h>

#include <algorithm>
#include <compare>
#include <map>
#include <optional>

#include "stack/base/random.h"
#include "stack/net/fragments.h"
#include "stack/net/fragments_test_util.h"

namespace aether::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Fate { kStored, kCopy, kDropped, kWhole };

class BitmapReassembler {
 public:
  explicit BitmapReassembler(const NetLimits& limits) : limits_(limits) {}

  Fate Add(const FragmentSpec& spec, Instant now) {
    const size_t size = spec.payload.size();
    const size_t end = spec.offset + size;
    if (size == 0 || (spec.more && size % 8 != 0)) return Fate::kDropped;
    if (20 + spec.option_bytes + end > limits_.reassembly_datagram_bytes_max) return Fate::kDropped;
    const Key key{spec.source.value, spec.destination.value, spec.protocol, spec.identification};
    const auto [at, is_new] = datagrams_.try_emplace(key);
    Datagram& datagram = at->second;
    if (is_new) datagram.born = now;
    if (datagram.dead) return Fate::kDropped;
    for (const FragmentSpec& seen : datagram.seen) {
      if (seen.offset == spec.offset && seen.more == spec.more && seen.payload == spec.payload) {
        return Fate::kCopy;
      }
    }
    datagram.dead = true;
    for (size_t i = spec.offset; i < end; ++i) {
      if (datagram.have[i]) return Fate::kDropped;
    }
    datagram.seen.push_back(spec);
    if (datagram.seen.size() > limits_.reassembly_fragments_per_datagram_max) {
      return Fate::kDropped;
    }
    for (size_t i = spec.offset; i < end; ++i) {
      datagram.have[i] = true;
      datagram.bytes[i] = spec.payload[i - spec.offset];
    }
    // Ends and the header of fragment zero, looked up the slow way.
    std::optional<size_t> last_end;
    size_t header = 0;
    size_t highest = 0;
    for (const FragmentSpec& seen : datagram.seen) {
      const size_t seen_end = seen.offset + seen.payload.size();
      if (!seen.more && last_end && *last_end != seen_end) return Fate::kDropped;
      if (!seen.more) last_end = seen_end;
      if (seen.offset == 0) header = 20 + seen.option_bytes;
      highest = std::max(highest, seen_end);
    }
    for (const FragmentSpec& seen : datagram.seen) {
      if (seen.more && last_end && seen.offset + seen.payload.size() >= *last_end) {
        return Fate::kDropped;
      }
    }
    if (header + highest > limits_.reassembly_datagram_bytes_max) return Fate::kDropped;
    datagram.dead = false;
    if (!last_end || !std::all_of(datagram.have.begin(),
                                  datagram.have.begin() + static_cast<ptrdiff_t>(*last_end),
                                  [](bool bit) { return bit; })) {
      return Fate::kStored;
    }
    return Finish(key, datagram, *last_end);
  }

  const ByteVector& whole() const { return whole_; }

  // How many datagrams end at `now`, and how many of them have a fragment zero to quote.
  std::pair<size_t, size_t> Expire(Instant now) {
    std::pair<size_t, size_t> ended{};
    std::erase_if(datagrams_, [&](const auto& entry) {
      if (now < entry.second.born + limits_.reassembly_timeout) return false;
      ++ended.first;
      if (!entry.second.dead && entry.second.have[0]) ++ended.second;
      return true;
    });
    return ended;
  }
  size_t size() const { return datagrams_.size(); }

 private:
  struct Key {
    uint32_t source, destination;
    uint8_t protocol;
    uint16_t identification;
    auto operator<=>(const Key&) const = default;
  };
  struct Datagram {
    Instant born{};
    bool dead = false;
    std::vector<FragmentSpec> seen;
    ByteVector bytes = ByteVector(65536);
    std::vector<bool> have = std::vector<bool>(65536);
  };

  Fate Finish(const Key& key, Datagram& datagram, size_t end) {
    bool congestion = false;
    bool no_ecn = false;
    FragmentSpec header;
    for (const FragmentSpec& seen : datagram.seen) {
      congestion |= seen.type_of_service % 4 == 3;
      no_ecn |= seen.type_of_service % 4 == 0;
      if (seen.offset == 0) header = seen;
    }
    if (congestion && no_ecn) {
      datagram.dead = true;
      return Fate::kDropped;
    }
    if (congestion) header.type_of_service |= 3;
    header.more = false;
    header.payload.assign(datagram.bytes.begin(),
                          datagram.bytes.begin() + static_cast<ptrdiff_t>(end));
    whole_ = BuildFragment(header);
    datagrams_.erase(key);
    return Fate::kWhole;
  }

  NetLimits limits_;
  std::map<Key, Datagram> datagrams_;
  ByteVector whole_;
};

// Datagrams of one run, cut, shuffled, copied, lost and damaged.
class Traffic {
 public:
  explicit Traffic(uint64_t seed) : random_({seed, 77}) {
    const uint32_t datagrams = 1 + random_.Below(4);
    is_hostile_ = random_.Below(3) == 0;
    for (uint32_t i = 0; i < datagrams; ++i) Cut(i);
    for (size_t i = fragments_.size(); i > 1; --i) {
      if (random_.Below(4) == 0) continue;  // near the order in which they were sent
      std::swap(fragments_[i - 1], fragments_[random_.Below(static_cast<uint32_t>(i))]);
    }
  }

  Random& random() { return random_; }
  const std::vector<FragmentSpec>& fragments() const { return fragments_; }

 private:
  void Cut(uint32_t index) {
    // Few keys, so that datagrams meet in one.
    FragmentSpec spec;
    spec.identification = static_cast<uint16_t>(random_.Below(2));
    spec.protocol = random_.Below(4) == 0 ? 1 : 17;
    if (random_.Below(4) == 0) spec.source.value += 1;
    if (random_.Below(6) == 0) spec.option_bytes = 4 * random_.Below(11);
    const uint8_t ecn = static_cast<uint8_t>(random_.Below(3));
    const size_t size_max = random_.Below(8) == 0 ? 65515 : 1 + random_.Below(3000);
    const size_t size = 1 + random_.Below(static_cast<uint32_t>(size_max));
    const uint32_t units_max = static_cast<uint32_t>(1 + size / 8 / (1 + random_.Below(24)));
    const uint32_t seed = random_.Below(2) == 0 ? index : 0;
    const bool loses = random_.Below(3) == 0;
    for (uint32_t offset = 0; offset < size;) {
      const size_t piece =
          std::min<size_t>(size - offset, 8 * size_t{1 + random_.Below(units_max)});
      spec.offset = offset;
      spec.more = offset + piece < size;
      spec.payload = CodedBytes(offset, piece, seed);
      const bool marked = ecn != 0 && random_.Below(16) == 0;
      spec.type_of_service = static_cast<uint8_t>(0x40 + (marked ? 3 : ecn));
      if (!loses || random_.Below(12) != 0) Push(spec);
      offset += static_cast<uint32_t>(piece);
    }
  }

  void Push(const FragmentSpec& spec) {
    fragments_.push_back(spec);
    if (random_.Below(16) == 0) fragments_.push_back(spec);
    if (!is_hostile_ || random_.Below(12) != 0) return;
    FragmentSpec bad = spec;
    switch (random_.Below(7)) {
      case 0:
        bad.offset += 8;
        break;
      case 1:
        bad.offset -= std::min(bad.offset, 8 * random_.Below(8));
        break;
      case 2:
        bad.payload.resize(random_.Below(static_cast<uint32_t>(bad.payload.size() + 40)));
        break;
      case 3:
        bad.more = !bad.more;
        break;
      case 4:
        bad.payload[random_.Below(static_cast<uint32_t>(bad.payload.size()))] ^= 1;
        break;
      case 5:
        bad.offset = 8 * random_.Below(8192);
        break;
      default:
        bad.type_of_service = static_cast<uint8_t>(random_.Below(4));
        break;
    }
    const size_t room = 65535 - 20 - bad.option_bytes;
    if (bad.payload.size() > room) bad.payload.resize(room);
    fragments_.push_back(bad);
  }

  Random random_;
  bool is_hostile_ = false;
  std::vector<FragmentSpec> fragments_;
};

struct Tally {
  uint64_t stored = 0, copies = 0, dropped = 0, wholes = 0, expired = 0;
};

Fate FateOf(const Fragments::Verdict& verdict) {
  if (verdict.whole != kNoIndex) return Fate::kWhole;
  if (verdict.drop == Drop::kNone) return Fate::kStored;
  return verdict.drop == Drop::kIpv4FragmentDuplicate ? Fate::kCopy : Fate::kDropped;
}

void ExpireBoth(Fragments& fragments, BitmapReassembler& model, Instant now, Tally& tally) {
  std::pair<size_t, size_t> ended{};
  for (uint32_t index = fragments.TakeExpired(now); index != kNoIndex;
       index = fragments.TakeExpired(now)) {
    ++ended.first;
    const Bytes first = fragments.Packet(index);
    if (!first.empty()) {
      ++ended.second;
      const std::expected<Ipv4View, Drop> view = Ipv4View::Parse(first);
      ASSERT_TRUE(view.has_value());
      ASSERT_TRUE(view->more_fragments());
      ASSERT_EQ(view->fragment_offset_bytes(), 0u);
    }
    fragments.Release(index);
  }
  ASSERT_EQ(ended, model.Expire(now));
  tally.expired += ended.first;
}

void RunSeed(uint64_t seed, Fragments& fragments, const NetLimits& limits, Tally& tally) {
  BitmapReassembler model(limits);
  Traffic traffic(seed);
  Counters counters;
  Instant now{seconds(seed * 1000)};
  for (const FragmentSpec& spec : traffic.fragments()) {
    if (traffic.random().Below(16) == 0) now += milliseconds(traffic.random().Below(20000));
    ASSERT_NO_FATAL_FAILURE(ExpireBoth(fragments, model, now, tally));
    const ExactPacket packet(spec);
    const Fragments::Verdict verdict = fragments.Add(packet.view(), false, now, counters);
    const Fate fate = FateOf(verdict);
    ASSERT_EQ(fate, model.Add(spec, now))
        << "offset " << spec.offset << " size " << spec.payload.size() << " more " << spec.more
        << ": " << DropName(verdict.drop);
    switch (fate) {
      case Fate::kStored:
        ++tally.stored;
        break;
      case Fate::kCopy:
        ++tally.copies;
        break;
      case Fate::kDropped:
        ++tally.dropped;
        break;
      case Fate::kWhole:
        ++tally.wholes;
        ASSERT_TRUE(std::ranges::equal(fragments.Packet(verdict.whole), model.whole()));
        fragments.Release(verdict.whole);
        break;
    }
    ASSERT_EQ(fragments.datagrams(), model.size());
  }
  fragments.CheckInvariants();
  ASSERT_NO_FATAL_FAILURE(ExpireBoth(fragments, model, now + limits.reassembly_timeout, tally));
  ASSERT_EQ(fragments.datagrams(), 0u);
  ASSERT_EQ(fragments.bytes(), 0u);
}

TEST(FragmentsModel, AgreesWithTheBitmap) {
  const NetLimits limits;
  Fragments fragments(limits, SipKey{5, 6});
  Tally tally;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_NO_FATAL_FAILURE(RunSeed(seed, fragments, limits, tally));
  }
  // The traffic is worth something.
  EXPECT_GT(tally.wholes, 2000u);
  EXPECT_GT(tally.copies, 1000u);
  EXPECT_GT(tally.dropped, 1000u);
  EXPECT_GT(tally.expired, 500u);
  EXPECT_GT(tally.stored, 20000u);
}

TEST(FragmentsModel, AgreesWithTheBitmapWhenPiecesAreFew) {
  NetLimits limits;
  limits.reassembly_fragments_per_datagram_max = 7;
  limits.reassembly_datagram_bytes_max = 3000;
  Fragments fragments(limits, SipKey{5, 6});
  Tally tally;
  for (uint64_t seed = 10000; seed < 12000; ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_NO_FATAL_FAILURE(RunSeed(seed, fragments, limits, tally));
  }
  EXPECT_GT(tally.wholes, 500u);
  EXPECT_GT(tally.dropped, 5000u);
}

// With too little room for all, what is delivered is still exactly what was sent.
TEST(FragmentsModel, DeliversOnlyWhatWasSentUnderPressure) {
  NetLimits limits;
  limits.reassembly_datagrams_max = 5;
  limits.reassembly_bytes_max = 65535;
  Fragments fragments(limits, SipKey{7, 8});
  Counters counters;
  Random random({9, 10});
  Instant now{};
  uint64_t wholes = 0;
  for (int i = 0; i < 100000; ++i) {
    now += milliseconds(random.Below(50));
    const uint16_t identification = static_cast<uint16_t>(random.Below(12));
    // Datagram k has k+2 pieces of 8 * 37 * (k+1) bytes.
    const uint32_t piece_bytes = 8 * 37 * (identification + 1u);
    const uint32_t piece = random.Below(identification + 2u);
    const bool more = piece < identification + 1u;
    const ExactPacket packet(
        {.identification = identification,
         .offset = piece * piece_bytes,
         .more = more,
         .payload = CodedBytes(piece * piece_bytes, piece_bytes - (more ? 0 : 3), identification)});
    const Fragments::Verdict verdict = fragments.Add(packet.view(), false, now, counters);
    if (verdict.whole != kNoIndex) {
      ++wholes;
      const Bytes whole = fragments.Packet(verdict.whole);
      ASSERT_TRUE(std::ranges::equal(
          whole.subspan(20),
          CodedBytes(0, (identification + 2u) * piece_bytes - 3, identification)));
      fragments.Release(verdict.whole);
    }
    for (uint32_t index = fragments.TakeExpired(now); index != kNoIndex;
         index = fragments.TakeExpired(now)) {
      fragments.Release(index);
    }
    if (i % 64 == 0) fragments.CheckInvariants();
  }
  EXPECT_GT(wholes, 1000u);
  EXPECT_GT(counters.ipv4_reassembly_evicted, 1000u);
  EXPECT_EQ(counters.ipv4_reassembly_abandoned, 0u);
}

}  // namespace
}  // namespace aether::net
