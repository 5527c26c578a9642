// Replays a capture to a live stack on virtual time: connections as in flow.h, datagrams as they
// are but for the addresses. The network between has no delay: what the stack sends is there at
// once.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "replay/capture_reader.h"
#include "replay/flow_table.h"
#include "replay/frame_batch.h"
#include "replay/host_driver.h"
#include "replay/replay_result.h"
#include "replay/replay_setup.h"

namespace aether::replay {

class AdaptiveReplay {
 public:
  // How long the replay goes on after the capture's last packet, for what is still under way.
  static constexpr Duration kDrain = std::chrono::seconds(30);
  // Of frames to and fro at one instant: after so many time goes on by a little, and after so many
  // whoever still talks is given up.
  static constexpr uint32_t kRoundsMax = 10000;
  static constexpr uint32_t kStormRounds = 1'000'000;
  // What all connections together hold, of text above all; one that would hold more is given up.
  static constexpr size_t kHeldBytesMax = size_t{512} << 20;

  // `survey` is of the same capture; `log` (may be null) gets what is needed for a second run.
  AdaptiveReplay(const ReplaySetup& setup, Survey& survey, const ReplayHostOptions& host,
                 SpeedLog* log);

  // The error is a sentence.
  std::expected<ReplayResult, std::string> Run();

 private:
  void Dispatch(const CapturedFrame& captured);
  void OnTcp(const Packet& packet);
  void OnDatagram(const Packet& packet);
  uint32_t FlowOf(const Packet& packet, bool& from_client);
  void Settle();
  void EndStorm();
  void RunFlows();
  void OnAnswer(Bytes frame);
  void EndFlow(uint32_t index);
  void EndCapture();
  bool AllIdle();
  ServiceKind ServiceAt(uint16_t port) const;
  Instant VirtualOf(Instant captured) const;
  void Collect(const CaptureReader& reader);

  const ReplaySetup& setup_;
  Survey& survey_;
  const ReplayHostOptions& host_options_;
  SpeedLog* log_;
  std::unique_ptr<HostDriver> driver_;
  FlowTable table_;
  std::unordered_map<uint16_t, ServiceKind> services_;
  Instant now_ = kReplayBegin;
  std::optional<Instant> first_;
  FrameBatch to_host_;
  FrameBatch from_host_;
  size_t held_bytes_ = 0;
  bool capture_ended_ = false;
  ReplayResult result_;
};

}  // namespace aether::replay
