// A stack with a fault of one's choice between it and the simulation; for the tests that show that
// an oracle can fire.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "stack/testing/frame_builder.h"
#include "stack/testing/sim/node.h"
#include "stack/testing/sim/stack_host.h"

namespace aether::testing::sim {

struct Hooks {
  // Changes a frame that arrives, or that leaves.
  std::function<void(Frame&)> on_receive{};
  std::function<void(Frame&)> on_transmit{};
  // More frames than the stack has; empty for none.
  std::function<Frame(Instant now)> extra_frame{};
  // Replaces what the stack says about its deadline.
  std::function<Instant(Instant honest, Instant now)> deadline{};
  // The stack never hears of Close and Shutdown.
  bool ignores_close = false;
  // Nothing but the end of the stream is ever to be read; or what is read stands behind the end.
  bool ends_early = false;
  bool end_is_shown_always = false;
  // Datagrams stay where they are.
  bool takes_no_datagrams = false;
  std::function<void()> invariants{};
};

class HookedHost : public StackHost {
 public:
  HookedHost(const Config& config, Ipv4Network address, std::optional<Ipv4Address> gateway,
             Instant now, Hooks hooks)
      : StackHost(config, address, gateway, now), hooks_(std::move(hooks)), now_(now) {}

  void Receive(std::span<const Bytes> frames, Instant now) override {
    now_ = now;
    std::vector<Frame> changed;
    for (const Bytes frame : frames) {
      changed.emplace_back(frame.begin(), frame.end());
      if (hooks_.on_receive) hooks_.on_receive(changed.back());
    }
    const std::vector<Bytes> views(changed.begin(), changed.end());
    StackHost::Receive(views, now);
  }
  size_t Transmit(MutableBytes out, Instant now) override {
    now_ = now;
    size_t size = StackHost::Transmit(out, now);
    Frame frame(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
    if (size == 0 && hooks_.extra_frame) frame = hooks_.extra_frame(now);
    if (size != 0 && hooks_.on_transmit) hooks_.on_transmit(frame);
    std::ranges::copy(frame, out.begin());
    return frame.size();
  }
  Instant NextDeadline() const override {
    const Instant honest = StackHost::NextDeadline();
    return hooks_.deadline ? hooks_.deadline(honest, now_) : honest;
  }
  bool AtEnd(ConnectionId id) const override {
    return hooks_.ends_early || hooks_.end_is_shown_always || StackHost::AtEnd(id);
  }
  size_t Readable(ConnectionId id) const override {
    return hooks_.ends_early ? 0 : StackHost::Readable(id);
  }
  void Shutdown(ConnectionId id) override {
    if (!hooks_.ignores_close) StackHost::Shutdown(id);
  }
  void Close(ConnectionId id) override {
    if (!hooks_.ignores_close) StackHost::Close(id);
  }
  std::optional<std::vector<uint8_t>> TakeDatagram() override {
    if (hooks_.takes_no_datagrams) return std::nullopt;
    return StackHost::TakeDatagram();
  }
  void CheckInvariants() const override {
    StackHost::CheckInvariants();
    if (hooks_.invariants) hooks_.invariants();
  }

 private:
  Hooks hooks_;
  Instant now_;
};

// Node 0 gets the hooks, all others are as they should be.
inline HostFactory WithHooks(const std::function<Hooks()>& make_hooks) {
  return [make_hooks](const Scenario& scenario, const NodeSpec& spec,
                      Instant now) -> std::unique_ptr<TcpHost> {
    if (spec.mac != scenario.nodes[0].mac) return MakeHost(scenario, spec, now);
    return std::make_unique<HookedHost>(MakeConfig(scenario, spec), spec.address, spec.gateway, now,
                                        make_hooks());
  };
}

}  // namespace aether::testing::sim
