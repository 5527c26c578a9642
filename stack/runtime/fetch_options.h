// What aether-fetch is asked to do: its flags and URLs, checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "stack/app/fetch.h"
#include "stack/app/http_url.h"
#include "stack/base/time.h"
#include "stack/runtime/stack_flags.h"

namespace aether::runtime {

// What a session of fetches does.
struct FetchPlan {
  std::vector<app::HttpUrl> urls;
  uint32_t repeat = 1;
  uint32_t parallel = 1;
  app::FetchOptions fetch;
  // "-" is the standard output; "{}" stands for the number of the fetch.
  std::string output;
  bool include = false;  // the header goes to the output as well
  bool verbose = false;
};

struct FetchProgramOptions : StackFlags {
  // Empty: those of the DHCP lease.
  std::vector<Ipv4Address> dns_servers;
  FetchPlan plan;
};

inline constexpr uint32_t kFetchRepeatMax = 1'000'000;
inline constexpr uint32_t kFetchParallelMax = 1000;
inline constexpr uint32_t kFetchRedirectsMax = 100;

// From the flags as they are set, and the arguments that are no flags. kInvalidArgument: usage.
absl::StatusOr<FetchProgramOptions> FetchOptionsFromFlags(const std::vector<std::string>& urls);

}  // namespace aether::runtime
