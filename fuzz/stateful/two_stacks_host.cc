#include "fuzz/stateful/two_stacks_host.h"

#include <cstddef>

#include "fuzz/stateful/two_stacks_hosts.h"

namespace aether::fuzz::two_stacks {

void Host::OnEvent(const Event& event) { hosts_.OnEvent(static_cast<size_t>(host_), event); }
void Host::OnSent(const testing::NaiveFrame& frame, Bytes raw) {
  hosts_.OnFrame(static_cast<size_t>(host_), frame, raw);
}

}  // namespace aether::fuzz::two_stacks
