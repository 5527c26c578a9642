// The connection table against a plain list, with hashes that collide: what is in it is found, and
// nothing else; erasing leaves no trace (no tombstones), so that a lookup stays as short as what is
// in the table allows.
#include <array>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/tcp/demux.h"

namespace aether::fuzz {
namespace {

using tcp::Demux;

constexpr uint32_t kEntriesMax = 24;
constexpr uint32_t kSlots = 64;  // twice as many, as a power of two

class Run {
 public:
  explicit Run(SipKey key) : demux_(kEntriesMax, key) {}

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    switch (op % 5) {
      case 0:
      case 1:
        Insert(HashOf(records));
        break;
      case 2:
        if (count_ > 0) Erase(records.Below(count_));
        break;
      case 3:
        if (count_ > 0) Replace(entries_[records.Below(count_)]);
        break;
      default:
        CheckGuess(HashOf(records));
        break;
    }
    FUZZ_CHECK(P4, demux_.size() == count_);
    CurrentTrace().Add(count_);
  }

  void Finish() {
    // When every other one has gone, the rest is found and has closed up.
    CheckAll();
    for (uint32_t left = count_ / 2; count_ > left;) Erase(count_ % 2 == 0 ? 0 : count_ - 1);
    CheckAll();
    while (count_ > 0) Erase(count_ - 1);
    for (uint32_t hash = 0; hash < kSlots; ++hash) FUZZ_CHECK(P5, demux_.Guess(hash) == kNoIndex);
  }

 private:
  struct Entry {
    uint32_t hash = 0;
    uint32_t value = 0;
  };

  // Few places, also around the end of the table, and few hashes for each; or that of a flow.
  uint32_t HashOf(Records& records) {
    const uint32_t what = records.Byte();
    if (what % 8 == 7) {
      return demux_.Hash({.remote = {0x0a000002u + what / 8},
                          .local = {0x0a000001u},
                          .remote_port = records.U16(),
                          .local_port = 80});
    }
    return (kSlots - 4 + what / 32) % kSlots + kSlots * (what % 8 % 3);
  }

  void Insert(uint32_t hash) {
    if (count_ == kEntriesMax) return;
    // Values are indices of connections or of TIME-WAIT records.
    ++last_value_;
    const uint32_t value = last_value_ | (last_value_ % 3 == 0 ? Demux::kTimeWaitBit : 0);
    demux_.Insert(hash, value);
    entries_[count_++] = {hash, value};
    CheckHash(hash);
  }

  void Erase(uint32_t at) {
    const Entry entry = entries_[at];
    demux_.Erase(entry.hash, entry.value);
    entries_[at] = entries_[--count_];
    CheckHash(entry.hash);
  }

  void Replace(Entry& entry) {
    const uint32_t value = ++last_value_ ^ Demux::kTimeWaitBit;
    demux_.Replace(entry.hash, entry.value, value);
    entry.value = value;
    CheckHash(entry.hash);
  }

  // Every entry with this hash is found; a lookup that matches none of them asks about each once,
  // and about no other.
  AETHER_UNCOUNTED void CheckHash(uint32_t hash) const {
    uint32_t equal = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      if (entries_[i].hash != hash) continue;
      ++equal;
      const uint32_t value = entries_[i].value;
      FUZZ_CHECK(P2, demux_.Find(hash, [value](uint32_t v) { return v == value; }) == value);
    }
    uint32_t asked = 0;
    FUZZ_CHECK(P2, demux_.Find(hash, [&](uint32_t value) {
      ++asked;
      bool is_known = false;
      for (uint32_t i = 0; i < count_; ++i)
        is_known |= entries_[i].hash == hash && entries_[i].value == value;
      FUZZ_CHECK(P2, is_known);
      return false;
    }) == kNoIndex);
    FUZZ_CHECK(P7, asked == equal);
  }

  void CheckAll() const {
    for (uint32_t i = 0; i < count_; ++i) {
      CheckHash(entries_[i].hash);
      CheckGuess(entries_[i].hash);
    }
  }

  // Which slots of a table with linear probing are in use does not depend on the order in which
  // entries came and went. So a place is empty exactly when it would be in a table that is made
  // anew, and where it is, nothing is displaced beyond it.
  AETHER_UNCOUNTED void CheckGuess(uint32_t hash) const {
    const uint32_t home = hash % kSlots;
    uint64_t used = 0;
    for (uint32_t i = 0; i < count_; ++i) {
      uint32_t at = entries_[i].hash % kSlots;
      while ((used >> at & 1) != 0) at = (at + 1) % kSlots;
      used |= uint64_t{1} << at;
    }
    uint32_t at_home = 0;
    uint32_t value_at_home = kNoIndex;
    for (uint32_t i = 0; i < count_; ++i) {
      if (entries_[i].hash % kSlots != home) continue;
      ++at_home;
      value_at_home = entries_[i].value;
    }
    const uint32_t guess = demux_.Guess(hash);
    if ((used >> home & 1) == 0) FUZZ_CHECK(P7, guess == kNoIndex);
    // The only entry of its home, which nothing reaches from before: it is at home.
    const bool is_start = (used >> ((home + kSlots - 1) % kSlots) & 1) == 0;
    if (is_start && at_home == 1) {
      uint32_t its_hash = 0;
      for (uint32_t i = 0; i < count_; ++i) {
        if (entries_[i].value == value_at_home) its_hash = entries_[i].hash;
      }
      FUZZ_CHECK(P7, demux_.Guess(its_hash) == value_at_home);
    }
    if (guess == kNoIndex) return;
    bool is_known = false;
    for (uint32_t i = 0; i < count_; ++i)
      is_known |= entries_[i].hash == hash && entries_[i].value == guess;
    FUZZ_CHECK(P2, is_known);
  }

  Demux demux_;
  std::array<Entry, kEntriesMax> entries_;
  uint32_t count_ = 0;
  uint32_t last_value_ = 0;
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return -1;
  aether::fuzz::Records records({data, size});
  aether::fuzz::Run run({records.Byte(), 7});
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
