// The Controls of all connections, under the indices of the connections. Memory is reserved once
// and touched only as it is used; an entry is made anew with its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "stack/tcp/connection.h"

namespace aether::tcp {

class ControlTable {
 public:
  explicit ControlTable(uint32_t capacity)
      : memory_(
            static_cast<Control*>(::operator new(sizeof(Control) * (capacity == 0 ? 1 : capacity),
                                                 std::align_val_t{alignof(Control)}))) {
    static_assert(std::is_trivially_destructible_v<Control>);
  }

  Control& Make(uint32_t index) { return *new (memory_.get() + index) Control(); }
  Control& operator[](uint32_t index) { return memory_.get()[index]; }
  const Control& operator[](uint32_t index) const { return memory_.get()[index]; }
  void Prefetch(uint32_t index) const {
    const char* at = reinterpret_cast<const char*>(memory_.get() + index);
    for (size_t line = 0; line < sizeof(Control); line += 64) __builtin_prefetch(at + line, 1);
  }

 private:
  struct Deleter {
    void operator()(Control* memory) const {
      ::operator delete(memory, std::align_val_t{alignof(Control)});
    }
  };
  std::unique_ptr<Control, Deleter> memory_;
};

}  // namespace aether::tcp
