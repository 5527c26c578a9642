#include "stack/testing/bitmap_reassembler.h"

#include <algorithm>
#include <cstring>

namespace aether::testing {
namespace {

// What one fragment may push out to make room for its bytes.
constexpr uint32_t kEvictionsMax = 8;

// [RFC 3168 5] the codepoint for "congestion met", and the one for "does not speak ECN".
constexpr uint8_t kMet = 3;
constexpr uint8_t kNone = 0;

}  // namespace

void BitmapReassembler::Reset(const NetLimits& limits) {
  limits_ = limits;
  while (datagrams_.size() < limits.reassembly_datagrams_max) {
    datagrams_.push_back(std::make_unique<Datagram>());
    datagrams_.back()->bytes.resize(kBytesMax);
    datagrams_.back()->marks.resize(kBytesMax);
  }
  whole_.resize(kBytesMax);
  while (count_ > 0) Remove(0);
}

uint64_t BitmapReassembler::bytes() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < count_; ++i) sum += datagrams_[i]->held;
  return sum;
}

// [RFC 791 3.2] the four fields that tell one datagram from another.
bool BitmapReassembler::IsSame(const Fragment& a, const Fragment& b) {
  return a.source == b.source && a.destination == b.destination && a.protocol == b.protocol &&
         a.identification == b.identification;
}

void BitmapReassembler::Remove(size_t at) {
  Datagram& datagram = *datagrams_[at];
  // Only what was marked is cleared: most datagrams are small.
  std::memset(datagram.marks.data(), 0, datagram.highest);
  --count_;
  std::rotate(datagrams_.begin() + static_cast<ptrdiff_t>(at),
              datagrams_.begin() + static_cast<ptrdiff_t>(at) + 1,
              datagrams_.begin() + static_cast<ptrdiff_t>(count_) + 1);
}

void BitmapReassembler::Evict(size_t at, Answer& answer) {
  ++answer.pushed_out;
  if (!datagrams_[at]->is_abandoned) ++answer.evicted;
  Remove(at);
}

BitmapReassembler::Datagram& BitmapReassembler::Create(const Fragment& fragment, Instant now,
                                                       Answer& answer) {
  if (count_ == limits_.reassembly_datagrams_max) Evict(0, answer);
  Datagram& datagram = *datagrams_[count_++];
  datagram.key = fragment;
  datagram.key.header = datagram.key.payload = {};
  datagram.deadline = now + limits_.reassembly_timeout;
  datagram.is_abandoned = false;
  datagram.fragments = datagram.held = datagram.highest = 0;
  datagram.header_bytes = datagram.first_bytes = 0;
  datagram.end = kUnknown;
  datagram.ecn = 0;
  return datagram;
}

// The same fragment as one that came before, byte for byte.
bool BitmapReassembler::IsCopy(const Datagram& datagram, const Fragment& fragment) const {
  const uint32_t first = fragment.offset_bytes;
  const uint32_t last = first + static_cast<uint32_t>(fragment.payload.size()) - 1;
  if ((datagram.marks[first] & kFirst) == 0 || (datagram.marks[last] & kLast) == 0) return false;
  // Of one fragment, not from the first of one to the last of another.
  for (uint32_t i = first; i < last; ++i) {
    if ((datagram.marks[i] & kHere) == 0 || (datagram.marks[i] & kLast) != 0) return false;
  }
  if ((datagram.end == last + 1) == fragment.more) return false;
  return std::equal(fragment.payload.begin(), fragment.payload.end(),
                    datagram.bytes.begin() + first);
}

Drop BitmapReassembler::Check(const Datagram& datagram, const Fragment& fragment) const {
  const uint32_t end = fragment.offset_bytes + static_cast<uint32_t>(fragment.payload.size());
  if (IsCopy(datagram, fragment)) return Drop::kIpv4FragmentDuplicate;
  // [RFC 5722 3] any byte that came before ends it.
  for (uint32_t i = fragment.offset_bytes; i < end; ++i) {
    if (datagram.marks[i] != 0) return Drop::kIpv4FragmentOverlap;
  }
  // A datagram has one end, and nothing behind it.
  if (datagram.end != kUnknown && (!fragment.more || end >= datagram.end))
    return Drop::kIpv4FragmentBadEnd;
  if (!fragment.more && end < datagram.highest) return Drop::kIpv4FragmentBadEnd;
  // [RFC 791 3.1] 65,535 bytes with the header, which is that of fragment zero.
  const size_t header = fragment.offset_bytes == 0 ? fragment.header.size() : datagram.header_bytes;
  if (header + std::max(end, datagram.highest) > limits_.reassembly_datagram_bytes_max)
    return Drop::kIpv4FragmentTooLong;
  if (datagram.fragments == limits_.reassembly_fragments_per_datagram_max)
    return Drop::kIpv4FragmentTooMany;
  return Drop::kNone;
}

void BitmapReassembler::Store(Datagram& datagram, const Fragment& fragment) {
  const uint32_t first = fragment.offset_bytes;
  const uint32_t size = static_cast<uint32_t>(fragment.payload.size());
  std::memcpy(datagram.bytes.data() + first, fragment.payload.data(), size);
  std::memset(datagram.marks.data() + first, kHere, size);
  datagram.marks[first] |= kFirst;
  datagram.marks[first + size - 1] |= kLast;
  ++datagram.fragments;
  datagram.held += size;
  datagram.highest = std::max(datagram.highest, first + size);
  if (!fragment.more) datagram.end = first + size;
  if (first == 0) {
    datagram.header_bytes = static_cast<uint32_t>(fragment.header.size());
    datagram.first_bytes = size;
    std::ranges::copy(fragment.header, datagram.header.begin());
  }
  datagram.ecn = static_cast<uint8_t>(datagram.ecn | 1u << (fragment.header[1] & 3));
}

// False when the fragments contradict each other about ECN.
bool BitmapReassembler::Finish(const Datagram& datagram) {
  const bool was_met = (datagram.ecn & 1u << kMet) != 0;
  // [RFC 3168 5.3] met once is met, but not with fragments that do not speak it.
  if (was_met && (datagram.ecn & 1u << kNone) != 0) return false;
  whole_bytes_ = datagram.header_bytes + datagram.end;
  uint8_t* const out = whole_.data();
  std::memcpy(out, datagram.header.data(), datagram.header_bytes);
  std::memcpy(out + datagram.header_bytes, datagram.bytes.data(), datagram.end);
  if (was_met) out[1] = static_cast<uint8_t>(out[1] | kMet);
  out[2] = static_cast<uint8_t>(whole_bytes_ >> 8);
  out[3] = static_cast<uint8_t>(whole_bytes_ & 0xff);
  out[6] = out[7] = out[10] = out[11] = 0;
  // [RFC 791 3.1] the header checksum, word by word.
  uint32_t sum = 0;
  for (size_t i = 0; i < datagram.header_bytes; i += 2) sum += out[i] * 256u + out[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  out[10] = static_cast<uint8_t>(~sum >> 8 & 0xff);
  out[11] = static_cast<uint8_t>(~sum & 0xff);
  return true;
}

void BitmapReassembler::Abandon(Datagram& datagram) {
  datagram.is_abandoned = true;
  datagram.held = 0;
  datagram.header_bytes = 0;
}

BitmapReassembler::Answer BitmapReassembler::Add(const Fragment& fragment, Instant now) {
  Answer answer;
  const size_t size = fragment.payload.size();
  const auto refuse = [&](Drop drop) {
    answer.drop = drop;
    return answer;
  };
  if (limits_.reassembly_datagrams_max == 0) return refuse(Drop::kIpv4Fragment);
  if (size == 0) return refuse(Drop::kIpv4FragmentEmpty);
  if (fragment.more && size % 8 != 0) return refuse(Drop::kIpv4FragmentBadLength);
  if (fragment.header.size() + fragment.offset_bytes + size > limits_.reassembly_datagram_bytes_max)
    return refuse(Drop::kIpv4FragmentTooLong);

  size_t at = 0;
  while (at < count_ && !IsSame(datagrams_[at]->key, fragment)) ++at;
  if (at < count_) {
    Datagram& datagram = *datagrams_[at];
    if (datagram.is_abandoned) return refuse(Drop::kIpv4FragmentAbandoned);
    const Drop drop = Check(datagram, fragment);
    if (drop != Drop::kNone) {
      if (drop != Drop::kIpv4FragmentDuplicate) Abandon(datagram);
      return refuse(drop);
    }
  }
  // The oldest make room, up to a number.
  while (bytes() + size > limits_.reassembly_bytes_max) {
    const size_t victim = at == 0 ? 1 : 0;
    if (answer.pushed_out == kEvictionsMax || victim >= count_)
      return refuse(Drop::kIpv4FragmentNoMemory);
    const bool is_before = victim < at && at < count_;
    const bool is_new = at == count_;
    Evict(victim, answer);
    if (is_before) --at;
    if (is_new) at = count_;
  }
  Datagram& datagram = at < count_ ? *datagrams_[at] : Create(fragment, now, answer);
  at = 0;
  while (datagrams_[at].get() != &datagram) ++at;
  Store(datagram, fragment);
  if (datagram.held != datagram.end) return answer;
  if (!Finish(datagram)) {
    Abandon(datagram);
    return refuse(Drop::kIpv4FragmentBadEcn);
  }
  answer.is_whole = true;
  Remove(at);
  return answer;
}

BitmapReassembler::Expired BitmapReassembler::TakeExpired(Instant now) {
  if (count_ == 0 || now < datagrams_[0]->deadline) return {};
  const Datagram& datagram = *datagrams_[0];
  Expired expired{.is_any = true, .was_abandoned = datagram.is_abandoned, .first = {}};
  if (datagram.header_bytes > 0) {
    std::memcpy(whole_.data(), datagram.header.data(), datagram.header_bytes);
    std::memcpy(whole_.data() + datagram.header_bytes, datagram.bytes.data(), datagram.first_bytes);
    expired.first = Bytes(whole_).first(datagram.header_bytes + datagram.first_bytes);
  }
  Remove(0);
  return expired;
}

}  // namespace aether::testing
