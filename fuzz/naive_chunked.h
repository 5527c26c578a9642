// A chunked body (RFC 9112 7.1) read by its grammar, from a body that is there as a whole: the
// second opinion of http_chunked_fuzzer.cc and http_response_fuzzer.cc.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/base/bytes.h"

namespace aether::fuzz {
AETHER_UNCOUNTED_BEGIN

// Of a stream of bytes, however it is cut.
class ByteHash {
 public:
  void Add(uint8_t byte) { hash_ = hash_ * 0x100000001b3u + byte + 1; }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0;
};

class NaiveChunked {
 public:
  enum class Verdict : uint8_t { kDone, kWrong, kMore };

  // `extra_per_chunk`: the allowance for extensions and trailers begins anew after the data of each
  // chunk.
  NaiveChunked(Bytes body, uint64_t extra_max, uint64_t data_max, bool extra_per_chunk)
      : body_(body), extra_left_(extra_max), data_left_(data_max) {
    while (verdict_ == Verdict::kMore && at_ < body_.size()) {
      if (!Chunk() || was_last_) break;
      if (extra_per_chunk) extra_left_ = extra_max;
    }
    if (was_last_ && verdict_ == Verdict::kMore) Trailers();
  }
  Verdict verdict() const { return verdict_; }
  // Of a body that is done.
  size_t size() const { return at_; }
  uint64_t data_bytes() const { return data_bytes_; }
  // A hash of the data.
  uint64_t data_hash() const { return data_.hash(); }
  // A size that is not allowed was seen, but not yet its end.
  bool is_too_large() const { return is_too_large_; }

 private:
  bool Wrong() {
    verdict_ = Verdict::kWrong;
    return false;
  }
  bool Extra() { return extra_left_-- > 0 || Wrong(); }
  bool Has() const { return at_ < body_.size(); }
  static int Hex(unsigned byte) {
    if (byte >= '0' && byte <= '9') return static_cast<int>(byte - '0');
    const unsigned letter = byte | 32;
    return letter >= 'a' && letter <= 'f' ? static_cast<int>(letter - 'a' + 10) : -1;
  }
  static bool IsToken(unsigned byte) {
    if (Hex(byte) >= 0 || ((byte | 32) >= 'a' && (byte | 32) <= 'z')) return true;
    static constexpr char kOthers[] = "!#$%&'*+-.^_`|~";
    return std::find(kOthers, kOthers + sizeof kOthers - 1, static_cast<char>(byte)) !=
           kOthers + sizeof kOthers - 1;
  }
  // Takes this byte; false when another one is there, or none.
  bool Take(unsigned byte) {
    if (!Has()) return false;
    if (body_[at_] != byte) return Wrong();
    ++at_;
    return true;
  }
  // Takes text up to the CR, not with it.
  bool TextToCr() {
    for (; Has() && body_[at_] != '\r'; ++at_) {
      if ((body_[at_] < 32 && body_[at_] != 9) || body_[at_] == 127) return Wrong();
      if (!Extra()) return false;
    }
    return Has();
  }

  // Digits of the size; leading zeros count as extra.
  bool Size(uint64_t& size) {
    bool any = false;
    for (; Has() && Hex(body_[at_]) >= 0; ++at_, any = true) {
      const auto digit = static_cast<unsigned>(Hex(body_[at_]));
      if (size == 0 && digit == 0 && !Extra()) return false;
      if (size > UINT64_MAX / 16) is_too_large_ = true;
      if (!is_too_large_) size = size * 16 + digit;
      if (size > data_left_) is_too_large_ = true;
    }
    if (!Has()) return false;
    if (!any) return Wrong();
    return true;
  }

  bool Chunk() {
    uint64_t size = 0;
    if (!Size(size)) return false;
    while (Has() && (body_[at_] == ' ' || body_[at_] == '\t')) {
      if (!Extra()) return false;
      const bool ends_line = at_ + 1 < body_.size() && body_[at_ + 1] == '\r';
      if (ends_line) return Wrong();  // space only before an extension
      ++at_;
    }
    if (Has() && body_[at_] == ';') {
      if (!TextToCr()) return false;
    }
    if (!Take('\r') || !Take('\n')) return false;
    if (is_too_large_) return Wrong();
    if (size == 0) {
      was_last_ = true;
      return true;
    }
    data_left_ -= size;
    const size_t here = static_cast<size_t>(std::min<uint64_t>(size, body_.size() - at_));
    for (const uint8_t byte : body_.subspan(at_, here)) data_.Add(byte);
    data_bytes_ += here;
    at_ += here;
    return here == size && Take('\r') && Take('\n');
  }

  void Trailers() {
    while (Has() && body_[at_] != '\r') {
      if (!IsToken(body_[at_])) {
        Wrong();
        return;
      }
      if (!TextToCr() || !Take('\r') || !Take('\n')) return;
    }
    if (Take('\r') && Take('\n')) verdict_ = Verdict::kDone;
  }

  Bytes body_;
  uint64_t extra_left_;
  uint64_t data_left_;
  size_t at_ = 0;
  uint64_t data_bytes_ = 0;
  ByteHash data_;
  Verdict verdict_ = Verdict::kMore;
  bool was_last_ = false;
  bool is_too_large_ = false;
};

AETHER_UNCOUNTED_END
}  // namespace aether::fuzz
