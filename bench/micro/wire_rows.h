// Rows of bench_wire: an operation on one of 64 random inputs that are in the first cache, beside
// the bound, which only touches their first line.
#pragma once

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/common/bounds.h"
#include "bench/common/suite.h"
#include "stack/base/bytes.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {

inline constexpr size_t kInputs = 64;  // a power of two
using Inputs = std::shared_ptr<const std::vector<testing::Frame>>;

template <typename Make>
Inputs MakeInputs(Make&& make) {
  auto inputs = std::make_shared<std::vector<testing::Frame>>();
  for (size_t i = 0; i < kInputs; ++i) inputs->push_back(make(i));
  return inputs;
}

// `op(bytes)` answers something that depends on all that it did. `check(bytes)` says whether the
// answer is right for one input.
template <typename Op, typename CheckOne>
void AddWireRow(Suite& suite, const std::string& row, Inputs inputs, CheckOne&& check, Op op) {
  suite.Add(
      row,
      [inputs, check]() -> std::string {
        for (const testing::Frame& input : *inputs) {
          if (!check(Bytes(input))) return "differs from the reference";
        }
        return {};
      },
      [inputs, op](benchmark::State& state) {
        const std::vector<testing::Frame>& all = *inputs;
        TimeEach(state, [&](size_t i) { benchmark::DoNotOptimize(op(Bytes(all[i % kInputs]))); });
      });
}

inline void AddTouchBound(Suite& suite, const std::string& row, Inputs inputs) {
  suite.AddBound(row, "touch_line", [inputs](benchmark::State& state) {
    const std::vector<testing::Frame>& all = *inputs;
    TimeEach(state,
             [&](size_t i) { benchmark::DoNotOptimize(TouchLine(all[i % kInputs].data())); });
  });
}

// A row that writes: `op(i, out)` returns the size; `check(i, bytes)` says whether they are right.
// Beside it a memcpy of as many bytes.
template <typename Op, typename CheckOne>
void AddBuildRow(Suite& suite, const std::string& row, CheckOne check, Op op) {
  suite.Add(
      row,
      [check, op]() -> std::string {
        std::vector<uint8_t> out(4096, 0xee);
        for (size_t i = 0; i < kInputs; ++i) {
          const size_t size = op(i, MutableBytes(out));
          if (!check(i, Bytes(out).first(size))) return "differs from the reference";
        }
        return {};
      },
      [op](benchmark::State& state) {
        std::vector<uint8_t> out(4096);
        TimeEach(state, [&](size_t i) {
          benchmark::DoNotOptimize(op(i % kInputs, MutableBytes(out)));
          benchmark::ClobberMemory();
        });
      });
  suite.AddBound(row, "memcpy", [op](benchmark::State& state) {
    std::vector<uint8_t> out(4096);
    const size_t size = op(0, MutableBytes(out));
    const std::vector<uint8_t> from = out;
    TimeEach(state, [&](size_t) {
      std::memcpy(out.data(), from.data(), size);
      benchmark::ClobberMemory();
    });
  });
}

void AddFrameRows(Suite& suite);
void AddMessageRows(Suite& suite);

}  // namespace aether::bench
