// One direction of a connection's text, put in order: pieces come as segments did, again, ahead of
// others, and leave once and in turn. Bounded: what is too far ahead for it is lost, and then the
// stream stands still.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/wire/seq.h"

namespace aether::replay {

class StreamOrder {
 public:
  static constexpr size_t kAheadPiecesMax = 256;

  // The number of the first byte.
  void Begin(Seq first) {
    next_ = first;
    ahead_.clear();
    ahead_bytes_ = 0;
  }
  bool begun() const { return next_.has_value(); }
  // A piece had to be given up: what was behind it never comes.
  bool lost() const { return lost_; }
  size_t ahead_bytes() const { return ahead_bytes_; }

  // Calls take(Bytes) with what is new and in order, at once or when it is its turn.
  template <typename Take>
  void Add(Seq seq, Bytes text, Take&& take) {
    if (!next_ || text.empty()) return;
    if (seq.After(*next_)) {
      if (ahead_.size() < kAheadPiecesMax) {
        ahead_.emplace_back(seq, std::vector(text.begin(), text.end()));
        ahead_bytes_ += text.size();
      } else {
        lost_ = true;
      }
      return;
    }
    TakeNow(seq, text, take);
    for (size_t i = 0; i < ahead_.size();) {
      if (ahead_[i].first.After(*next_)) {
        ++i;
        continue;
      }
      const auto [at, piece] = std::move(ahead_[i]);
      ahead_bytes_ -= piece.size();
      ahead_.erase(ahead_.begin() + static_cast<std::ptrdiff_t>(i));
      TakeNow(at, piece, take);
      i = 0;
    }
  }

 private:
  template <typename Take>
  void TakeNow(Seq seq, Bytes text, Take&& take) {
    const uint32_t old = next_->DistanceFrom(seq);
    if (old >= text.size()) return;
    next_ = seq + static_cast<uint32_t>(text.size());
    take(text.subspan(old));
  }

  std::optional<Seq> next_;
  std::vector<std::pair<Seq, std::vector<uint8_t>>> ahead_;
  size_t ahead_bytes_ = 0;
  bool lost_ = false;
};

}  // namespace aether::replay
