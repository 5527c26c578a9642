// A second reassembly of IPv4 datagrams, slow and plain, written from the RFCs (791 3.2, 1122
// 3.3.2, 3168 5.3, 5722): a mark for every byte that has come, no list of pieces. What
// net/fragments.h delivers and refuses is compared with it. Its limits are those of a NetLimits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/base/time.h"
#include "stack/config.h"

namespace aether::testing {

class BitmapReassembler {
 public:
  // One fragment as it stands on the wire, but with the fields read.
  struct Fragment {
    uint32_t source = 0;
    uint32_t destination = 0;
    uint16_t identification = 0;
    uint8_t protocol = 0;
    bool more = false;
    uint32_t offset_bytes = 0;
    Bytes header;
    Bytes payload;
  };
  struct Answer {
    Drop drop = Drop::kNone;
    bool is_whole = false;    // then the datagram is in whole() until the next Add
    uint32_t pushed_out = 0;  // datagrams that had to go for this one
    uint32_t evicted = 0;     // of those, the ones that had not been given up
  };
  struct Expired {
    bool is_any = false;
    bool was_abandoned = false;
    Bytes first;  // fragment zero as it arrived, empty if it never came; until the next call
  };

  // Forgets everything. Memory is kept from one use to the next.
  void Reset(const NetLimits& limits);

  Answer Add(const Fragment& fragment, Instant now);
  Bytes whole() const { return Bytes(whole_).first(whole_bytes_); }
  // Takes out the oldest whose time is over.
  Expired TakeExpired(Instant now);

  size_t datagrams() const { return count_; }
  uint64_t bytes() const;
  Instant NextDeadline() const { return count_ == 0 ? kNever : datagrams_[0]->deadline; }

 private:
  static constexpr size_t kBytesMax = 65536;
  static constexpr uint32_t kUnknown = 0xffffffffu;

  struct Datagram {
    Fragment key;  // the four fields by which fragments find each other
    Instant deadline{};
    bool is_abandoned = false;
    uint32_t fragments = 0;
    uint32_t held = 0;          // bytes
    uint32_t highest = 0;       // one past the highest byte
    uint32_t end = kUnknown;    // one past the last byte of the datagram
    uint32_t header_bytes = 0;  // of fragment zero
    uint32_t first_bytes = 0;   // payload of fragment zero
    uint8_t ecn = 0;            // a bit for each codepoint seen
    std::array<uint8_t, 60> header{};
    std::vector<uint8_t> bytes;  // and for each, what is known of it:
    std::vector<uint8_t> marks;
  };
  enum Mark : uint8_t { kHere = 1, kFirst = 2, kLast = 4 };  // of its fragment

  static bool IsSame(const Fragment& a, const Fragment& b);
  Drop Check(const Datagram& datagram, const Fragment& fragment) const;
  bool IsCopy(const Datagram& datagram, const Fragment& fragment) const;
  void Store(Datagram& datagram, const Fragment& fragment);
  bool Finish(const Datagram& datagram);
  void Abandon(Datagram& datagram);
  Datagram& Create(const Fragment& fragment, Instant now, Answer& answer);
  void Remove(size_t at);
  void Evict(size_t at, Answer& answer);

  NetLimits limits_;
  // In the order in which they were begun; those from count_ on are not in use.
  std::vector<std::unique_ptr<Datagram>> datagrams_;
  size_t count_ = 0;
  std::vector<uint8_t> whole_;
  size_t whole_bytes_ = 0;
};

}  // namespace aether::testing
