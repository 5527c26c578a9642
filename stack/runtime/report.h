// What a worker, or all of them together, have counted; and how it is printed.
#pragma once

#include <cstdint>
#include <string>

#include "stack/app/http_server.h"
#include "stack/base/counters.h"
#include "stack/runtime/loop_counters.h"
#include "stack/runtime/tap.h"

namespace aether::runtime {

struct Report {
  Counters stack;
  app::HttpCounters http;
  LoopCounters loop;
  Tap::Failures tap;
  uint64_t wake_ups = 0;        // system calls to wake sleeping workers
  uint64_t ring_overflows = 0;  // frames lost between workers
  uint64_t connections = 0;     // that exist now
  uint64_t time_wait = 0;

  void Add(const Report& other);
};

// Lines "name value" under "counters:", "drops:" (only what is not zero), "http:", "loop:".
std::string FormatReport(const Report& report);

// One line of what changed between two reports.
std::string FormatStatistics(const Report& before, const Report& after, double seconds);

}  // namespace aether::runtime
