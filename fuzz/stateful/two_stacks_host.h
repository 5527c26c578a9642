// One of the two: a stack that tells stateful/two_stacks_hosts.h what happens to it.
#pragma once

#include "fuzz/stateful/world.h"
#include "stack/stack.h"

namespace aether::fuzz::two_stacks {

class Hosts;

class Host final : public World {
 public:
  Host(Hosts& hosts, const Config& config, int host, Instant start)
      : World(config, host, start), hosts_(hosts), host_(host) {}

 private:
  void OnEvent(const Event& event) override;
  void OnSent(const testing::NaiveFrame& frame, Bytes raw) override;

  Hosts& hosts_;
  const int host_;
};

}  // namespace aether::fuzz::two_stacks
