// What profiles are compared by: requests on connections that stay, a connection for each request,
// and bulk. One chunk at a time, so that two profiles can take turns.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "stack/tcp/profile.h"

namespace aether::bench {

// As the cases of bench_stack.
inline constexpr std::array<std::string_view, 3> kWorkloads = {
    "keepalive/100/batch_32", "close/100/batch_32", "bulk/one_way"};

class Workload {
 public:
  virtual ~Workload() = default;
  // Makes the next chunk and warms up.
  virtual void Prepare() = 0;
  virtual void Run() = 0;
  virtual uint32_t operations() const = 0;
  // The first thing that was wrong; empty when nothing was.
  virtual std::string Wrong() const = 0;
};

// `name` is one of kWorkloads. `check`: everything is compared, by what takes its time.
std::unique_ptr<Workload> MakeWorkload(std::string_view name, const tcp::Profile& profile,
                                       bool check);

}  // namespace aether::bench
