// TCP sequence numbers: a type with modular comparison and no `<` (RFC 9293 3.4). Two numbers that
// are 2^31 apart have no order; every comparison here answers false for them, in both directions.
#pragma once

#include <cstdint>

namespace aether {

class Seq {
 public:
  constexpr Seq() = default;
  constexpr explicit Seq(uint32_t value) : value_(value) {}

  constexpr uint32_t value() const { return value_; }

  constexpr Seq operator+(uint32_t bytes) const { return Seq(value_ + bytes); }
  constexpr Seq operator-(uint32_t bytes) const { return Seq(value_ - bytes); }
  constexpr Seq& operator+=(uint32_t bytes) {
    value_ += bytes;
    return *this;
  }
  // The distance from `from` up to this one, modulo 2^32.
  constexpr uint32_t DistanceFrom(Seq from) const { return value_ - from.value_; }

  constexpr bool Before(Seq other) const {
    const uint32_t distance = other.value_ - value_;
    return distance != 0 && distance < 0x80000000u;
  }
  constexpr bool After(Seq other) const { return other.Before(*this); }
  constexpr bool BeforeOrAt(Seq other) const { return other.value_ - value_ < 0x80000000u; }
  constexpr bool AfterOrAt(Seq other) const { return other.BeforeOrAt(*this); }
  // True for the `size` numbers from `start` on.
  constexpr bool InWindow(Seq start, uint32_t size) const { return value_ - start.value_ < size; }

  constexpr bool operator==(const Seq&) const = default;

 private:
  uint32_t value_ = 0;
};

}  // namespace aether
