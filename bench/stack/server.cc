#include "bench/stack/server.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "stack/app/http_responses.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {
namespace {

constexpr Ipv4Address kRouter = testing::kPeerIp;

const StaticBytes& Page(bool close) {
  return app::HttpResponses::Instance().Get(
      app::HttpStatus::kOk, close ? app::HttpPersistence::kClose : app::HttpPersistence::kDefault,
      false);
}

class HttpServer : public Server {
 public:
  explicit HttpServer(const ServerOptions& options) {
    app::HostOptions host;
    host.stack = StackConfig(options);
    host.address = testing::kOurNetwork;
    host.gateway = kRouter;
    host.echo_port = 0;
    auto made = app::Host::Create(host, kBegin);
    if (!made) {
      std::fprintf(stderr, "no host: %s\n", made.error().c_str());
      std::abort();
    }
    host_ = std::move(*made);
  }
  void Receive(std::span<const Bytes> frames, Instant now) override { host_->Receive(frames, now); }
  size_t Transmit(MutableBytes out, Instant now) override { return host_->Transmit(out, now); }
  const Stack* stack() const override { return &host_->stack(); }

 private:
  std::unique_ptr<app::Host> host_;
};

// Takes whatever arrives for a request, and never closes: what the stack costs alone.
class BareServer : public Server {
 public:
  explicit BareServer(const ServerOptions& options)
      : stack_(StackConfig(options), kBegin),
        response_(Page(options.close)),
        close_(options.close) {
    stack_.SetAddress(testing::kOurNetwork, kRouter);
    const auto listener = stack_.TcpListen(80, {});
    AETHER_CHECK(listener.has_value());
    listener_ = *listener;
  }
  void Receive(std::span<const Bytes> frames, Instant now) override {
    stack_.Receive(frames, now);
    while (const size_t count = stack_.PollEvents(events_)) {
      for (const Event& event : std::span(events_).first(count)) {
        if (event.kind == Event::Kind::kAcceptable) {
          while (const auto id = stack_.Accept(listener_)) Serve(*id);
        } else {
          Serve(event.connection);
          if ((event.mask & (tcp_event::kPeerClosed | tcp_event::kReset)) != 0)
            stack_.Close(event.connection);
        }
      }
    }
  }
  size_t Transmit(MutableBytes out, Instant now) override { return stack_.Transmit(out, now); }
  const Stack* stack() const override { return &stack_; }

 private:
  void Serve(ConnectionId id) {
    const size_t size = stack_.Readable(id);
    if (size == 0) return;
    stack_.Consume(id, size);
    AETHER_CHECK(stack_.WriteStatic(id, response_));
    if (close_) stack_.Close(id);
  }

  Stack stack_;
  const StaticBytes& response_;
  bool close_;
  ListenerId listener_;
  std::array<Event, 64> events_;
};

class ReflectingServer : public Server {
 public:
  explicit ReflectingServer(const ServerOptions& options)
      : reflector_(testing::kOurMac, Page(options.close).bytes, options.close) {}
  void Receive(std::span<const Bytes> frames, Instant) override { waiting_ = frames; }
  size_t Transmit(MutableBytes out, Instant) override {
    while (!waiting_.empty()) {
      const Bytes frame = waiting_.front();
      waiting_ = waiting_.subspan(1);
      if (const size_t size = reflector_.Answer(frame, out)) return size;
    }
    return 0;
  }
  const Stack* stack() const override { return nullptr; }

 private:
  Reflector reflector_;
  std::span<const Bytes> waiting_;
};

}  // namespace

Bytes ExpectedResponse(bool close) { return Page(close).bytes; }

Config StackConfig(const ServerOptions& options) {
  Config config;
  config.mac = testing::kOurMac;
  config.seed = {0x0123456789abcdefu, 0xfedcba9876543210u};
  config.profile = options.profile;
  config.tcp.connections_max = options.connections_max;
  config.tcp.time_wait_max = options.time_wait_max;
  // Every client may leave its response unacknowledged until its next request.
  config.buffers.send_items_max = std::max(config.buffers.send_items_max, options.connections_max);
  config.buffers.sent_segments_max =
      std::max(config.buffers.sent_segments_max, options.connections_max);
  return config;
}

std::unique_ptr<Server> MakeServer(const ServerOptions& options) {
  switch (options.kind) {
    case ServerKind::kHttp:
      return std::make_unique<HttpServer>(options);
    case ServerKind::kBare:
      return std::make_unique<BareServer>(options);
    case ServerKind::kReflector:
      return std::make_unique<ReflectingServer>(options);
  }
  return nullptr;
}

}  // namespace aether::bench
