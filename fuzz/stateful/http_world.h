// A stack with an HTTP server, and the clients that the fuzzer plays: what they do, and that what
// comes back is what stateful/http_model.h says, in time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/http_client.h"
#include "fuzz/stateful/http_content.h"
#include "fuzz/stateful/http_model.h"
#include "fuzz/stateful/http_script.h"
#include "fuzz/stateful/stream_peer.h"
#include "fuzz/stateful/world.h"
#include "stack/app/http_server.h"

namespace aether::fuzz::http_server {

// Frames to the stack and stops of the clock; then the records are over.
inline constexpr size_t kStepsMax = 80;

class HttpWorld final : public World {
 public:
  HttpWorld(const Choices& choices, std::array<HttpClient, kFlows>& clients);

  void Stage();
  void Carry(const Record& record);
  // The clients take all that there is for them.
  void Finish();
  // And then nobody says anything any more.
  void Expire();
  bool IsTired() const { return steps_ > kStepsMax; }
  // P11: what the clients said, each in one piece, is answered in the same way.
  void Repeat(std::array<HttpClient, kFlows>& said);

  // What is answered depends on nothing but what each client says.
  bool is_smooth() const {
    return time_passed_ == Duration{} && !was_blocked_ && !choices_.echoes() &&
           (choices_.limits & (kFewPartial | kFewConnections | kFewChunks)) == 0 &&
           choices_.content != 2;
  }

 private:
  HttpClient& Of(const Record& record) { return clients_[record.U8(0) % kFlows]; }
  void Connect(HttpClient& client, uint16_t mss);
  void Write(HttpClient& client, Bytes bytes);
  void Write(HttpClient& client, std::string_view text) { Write(client, BytesOf(text)); }
  void Pump();
  void Acknowledge(HttpClient& client) {
    if (client.peer.may_speak()) DeliverAndServe(client, client.peer.Acknowledge());
  }
  void DeliverAndServe(HttpClient& client, Bytes frame);
  void Serve();
  void PassTime(Duration by);
  void CheckServer();
  void CheckDeadlines();
  void CheckClient(HttpClient& client, bool is_over);

  void OnEvent(const Event& event) override { server_->OnEvent(event, now()); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override {
    for (HttpClient& client : clients_) {
      if (!client.peer.Matches(frame)) continue;
      const size_t received_before = client.peer.received().size();
      const size_t acked_before = client.peer.acked_bytes();
      client.peer.OnSent(frame);
      if (client.peer.acked_bytes() > acked_before) client.OnTaken(acked_before, now());
      if (client.peer.received().size() > received_before) client.answered_at = now();
    }
  }

  const Choices choices_;
  std::array<HttpClient, kFlows>& clients_;
  HttpContent content_;
  std::unique_ptr<app::HttpServer> server_;
  HttpSetup setup_;
  uint16_t next_port_ = 20000;
  Duration time_passed_{};
  size_t steps_ = 0;
  bool was_blocked_ = false;
};

}  // namespace aether::fuzz::http_server
