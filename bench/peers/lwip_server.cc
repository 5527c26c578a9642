#include "bench/peers/lwip_server.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "bench/peers/lwip_host.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {
namespace {

class LwipServer : public Server {
 public:
  explicit LwipServer(std::unique_ptr<LwipHost> host) : host_(std::move(host)) {}
  // A device would hand over frame by frame: what one is answered goes out before the next comes
  // in.
  void Receive(std::span<const Bytes> frames, Instant now) override {
    host_->Advance(now);
    frames_ = frames;
  }
  size_t Transmit(MutableBytes out, Instant) override {
    if (const size_t size = host_->Transmit(out)) return size;
    while (!frames_.empty()) {
      const Bytes frame = frames_.front();
      frames_ = frames_.subspan(1);
      if (const size_t size = host_->Receive(frame, out)) return size;
    }
    if (host_->failures() != 0) {
      std::fprintf(stderr, "lwIP: an operation failed\n");
      std::abort();
    }
    return 0;
  }
  const Stack* stack() const override { return nullptr; }

 private:
  std::unique_ptr<LwipHost> host_;
  std::span<const Bytes> frames_;
};

std::expected<std::unique_ptr<LwipHost>, std::string> MakeHost(const ServerOptions& options) {
  return LwipHost::Create({.mac = testing::kOurMac,
                           .network = testing::kOurNetwork,
                           .gateway = testing::kPeerIp,
                           .response = ExpectedResponse(options.close),
                           .close = options.close,
                           .time_wait_max = options.time_wait_max},
                          kBegin);
}

}  // namespace

std::string WhatLwipMisses() {
  const auto host = MakeHost({});
  return host ? std::string() : host.error();
}

std::unique_ptr<Server> MakeLwipServer(const ServerOptions& options) {
  auto host = MakeHost(options);
  if (!host) return nullptr;
  return std::make_unique<LwipServer>(std::move(*host));
}

}  // namespace aether::bench
