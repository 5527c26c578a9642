#include "replay/open_replay.h"

#include <algorithm>

#include "replay/capture_reader.h"
#include "replay/packet_rewrite.h"

namespace aether::replay {
namespace {

// After the last frame, for what timers do.
constexpr Duration kDrain = std::chrono::seconds(10);
constexpr uint32_t kRoundsMax = 10000;

// Lets the host work at `now` until it has nothing more to do.
void Settle(HostDriver& driver, FrameBatch& frames, FrameBatch& answers, Instant& now) {
  for (uint32_t round = 0; !frames.empty() || driver.NextDeadline() <= now; ++round) {
    if (round > 0 && round % kRoundsMax == 0) now += std::chrono::microseconds(1);
    answers.Clear();
    driver.Deliver(frames, now, answers);
    frames.Clear();
    for (size_t i = 0; i < answers.size(); ++i) AnswerArp(answers[i], frames);
  }
}

}  // namespace

std::expected<ReplayResult, std::string> RunOpenReplay(const ReplaySetup& setup,
                                                       const ReplayHostOptions& host_options,
                                                       SpeedLog* log) {
  auto reader = CaptureReader::Open(setup.path, setup.filter);
  if (!reader) return std::unexpected(reader.error());
  auto host = ReplayHost::Create(host_options, Instant{});
  if (!host) return std::unexpected(host.error());
  HostDriver driver(std::move(*host), setup.out, log);
  ReplayResult result;
  result.mode = "open";

  FrameBatch frames;
  FrameBatch answers;
  Instant now = kReplayBegin;
  std::optional<CapturedFrame> captured = reader->Next();
  const Instant first = captured ? captured->at : Instant{};
  const auto due = [&] { return kReplayBegin + (captured->at - first); };
  Instant end = kNever;
  while (true) {
    while (captured && due() <= now) {
      const Packet packet = ParsePacket(captured->frame);
      if (packet.link_source == host_options.stack.mac) {
        ++result.skipped.from_us;
      } else {
        frames.Add(captured->frame);
      }
      captured = reader->Next();
    }
    Settle(driver, frames, answers, now);
    if (!captured && end == kNever) end = now + kDrain;
    if (!captured && now >= end) break;
    now = std::max(now, std::min(driver.NextDeadline(), captured ? due() : end));
    if (setup.pace) setup.pace(now - kReplayBegin, reader->bytes_read(), reader->file_bytes());
  }
  driver.AddTo(result);
  result.packets = reader->frames();
  result.skipped.filtered = reader->filtered();
  result.skipped.unreadable = reader->unreadable();
  result.damage = reader->error();
  result.virtual_time = now - kReplayBegin;
  return result;
}

}  // namespace aether::replay
