// One connection of an adaptive replay: what the captured client did (captured_client.h), played
// by a client that is alive (live_client.h). An event of the capture is played no earlier than it
// was recorded; when the client had waited for the server, not before our server has answered as
// well, and after the same time of thinking.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "replay/captured_client.h"
#include "replay/flow_counts.h"
#include "replay/histogram.h"
#include "replay/http_progress.h"
#include "replay/live_client.h"
#include "replay/replay_host.h"
#include "replay/server_diff.h"
#include "replay/stream_order.h"

namespace aether::replay {

class Flow {
 public:
  // How long an event waits for an answer that does not come.
  static constexpr Duration kPatience = std::chrono::seconds(5);
  // For what the capture has of it after its end: the last acknowledgements.
  static constexpr Duration kLinger = std::chrono::milliseconds(200);
  static constexpr size_t kEventsMax = 65536;
  static constexpr size_t kQueuedBytesMax = 16 << 20;

  Flow(const LiveEnds& ends, ServiceKind service) : live_(ends), service_(service) {}

  bool IsAnotherOne(const Packet& packet) const { return captured_.IsAnotherOne(packet); }
  void OnCaptured(const Packet& packet, bool from_client, Instant at);
  // The capture has no more of it.
  void OnCaptureEnd(Instant at);
  // A segment of the stack's.
  void OnLive(const Packet& packet, Instant now);
  // Sends what is due.
  void Run(Instant now, FrameBatch& out);
  Instant NextDeadline() const { return deadline_; }
  // Too much is kept: plays nothing more.
  void Break();
  // The stack and the client never tire of each other.
  void EndStorm();

  // Nothing is left to be done, or to be waited for.
  bool Finished(Instant now) const;
  // The same, but the server may still say something.
  bool Idle() const;
  // Held, of text above all.
  size_t held_bytes() const {
    return queued_bytes_ + fed_.ahead_bytes() + live_.unacknowledged_bytes();
  }

  // Once, at the end: what is still open counts as it is.
  FlowCounts Finish();
  const ServerDiff& diff() const { return diff_; }
  const Histogram& latency() const { return latency_; }
  const std::array<uint64_t, 6>& responses_by_class() const { return http_.by_class(); }

 private:
  void Enqueue();
  void CompareCaptured(const Packet& packet, Instant at);
  void CompareLive(const Packet& packet);
  bool Playable(const ClientEvent& event, Instant now, Instant& when);
  bool IsDone() const;
  bool IsAnswered(const ClientEvent& event) const;
  void Play(const ClientEvent& event, Instant now, FrameBatch& out);
  void PlayAfterServerEnd(const ClientEvent& event, Instant now, FrameBatch& out);
  void PlayText(const ClientEvent& event, Instant now, FrameBatch& out);
  void FeedClientText(Bytes text, Instant now);
  void DropQueue();

  CapturedClient captured_;
  LiveClient live_;
  ServiceKind service_;
  std::deque<ClientEvent> queue_;
  std::vector<ClientEvent> fresh_;
  size_t queued_bytes_ = 0;
  bool capture_ended_ = false;
  bool over_ = false;       // reset by the client
  bool cut_short_ = false;  // text was left out, since the server had closed
  Instant captured_at_{};   // the last packet of it
  Instant deadline_ = kNever;

  HttpProgress http_;
  StreamOrder fed_;  // the client's text, for the counting of requests
  std::deque<Instant> asked_;
  Histogram latency_;
  bool server_text_since_ = false;
  Instant server_text_at_{};
  uint32_t server_bytes_ = 0;

  ServerDiff diff_;
  uint64_t segments_ = 0;
  std::optional<Seq> captured_iss_;
  std::optional<Seq> captured_irs_;
  uint8_t captured_shift_ = 0;
  bool client_scales_ = false;
  Seq iss_;
  uint8_t live_shift_ = 0;
  FlowCounts counts_;
};

}  // namespace aether::replay
