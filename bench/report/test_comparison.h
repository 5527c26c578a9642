// Comparisons for tests: rows with samples around a ratio.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "bench/report/comparison.h"

namespace aether::perf {

inline ComparedRow TestRow(const std::string& name, double ratio, size_t pairs = 20) {
  ComparedRow row{.rule = {.row = name,
                           .program = "bench_some",
                           .unit = "ns/operation",
                           .bound = name + "/bound:memcpy",
                           .counted_case = "keepalive/1/batch_1",
                           .source = "bench/micro/bench_some.cc"},
                  .iterations = 1000};
  for (size_t i = 0; i < pairs; ++i) {
    const double wobble = 0.004 * (static_cast<double>(i) / static_cast<double>(pairs) - 0.5);
    row.base.push_back(50);
    row.head.push_back(50 * ratio * std::exp(wobble));
    row.twin.push_back(wobble);
    if (i % 2 == 0) row.bound.push_back(25);
  }
  return row;
}

inline Comparison TestComparison(std::vector<ComparedRow> rows) {
  Comparison comparison{.seed = 7,
                        .date = "2026-01-02T03:04:05+00:00",
                        .command = "aether-perf compare BASE_DIR HEAD_DIR --seed=7",
                        .seconds = 12,
                        .is_complete = true,
                        .pairs_planned = 20,
                        .load = 0.5,
                        .base = {.folder = "a", .commit = "aaaaaaaaaaaa"},
                        .head = {.folder = "b", .commit = "bbbbbbbbbbbb"},
                        .rows = std::move(rows)};
  comparison.head.context = {{"cpu_model", "A Processor"},
                             {"kernel", "Linux 6"},
                             {"compiler", "g++ 12"},
                             {"flags", "-O3"},
                             {"commit", "bbbbbbbbbbbb"}};
  comparison.base.context = comparison.head.context;
  JudgeComparison(comparison);
  return comparison;
}

}  // namespace aether::perf
