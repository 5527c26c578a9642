#include "replay/speed_log.h"

#include <array>
#include <chrono>

#include "replay/counted_region.h"

namespace aether::replay {
namespace {

// Answers go to places in turn, as they would to the ring of a device.
constexpr size_t kSlots = 64;

}  // namespace

void SpeedLog::AddBatch(Instant now, std::span<const Bytes> frames) {
  if (!complete_) return;
  size_t size = 0;
  for (const Bytes frame : frames) size += frame.size();
  if (bytes_.size() + size > kBytesMax) {
    complete_ = false;
    return;
  }
  batches_.push_back(
      {now, static_cast<uint32_t>(places_.size()), static_cast<uint32_t>(frames.size())});
  for (const Bytes frame : frames) {
    places_.push_back({bytes_.size(), static_cast<uint32_t>(frame.size())});
    bytes_.insert(bytes_.end(), frame.begin(), frame.end());
  }
}

void SpeedLog::AddAnswer(Bytes frame) {
  if (!complete_) return;
  ++answers_;
  answer_bytes_ += frame.size();
}

void SpeedLog::RunBatches(ReplayHost& host, std::span<const Bytes> frames, Outcome& outcome) const {
  const size_t slot_bytes = host.stack().frame_size_max();
  std::vector<uint8_t> ring(slot_bytes * kSlots);
  uint64_t bytes = 0;
  size_t slot = 0;
  for (const Batch& batch : batches_) {
    host.Receive(frames.subspan(batch.first, batch.frames), batch.now);
    while (const size_t size =
               host.Transmit({ring.data() + slot * slot_bytes, slot_bytes}, batch.now)) {
      slot = slot + 1 == kSlots ? 0 : slot + 1;
      ++outcome.frames_out;
      bytes += size;
    }
  }
  outcome.frames_in = frames.size();
  if (outcome.frames_out != answers_ || bytes != answer_bytes_)
    outcome.wrong = "The frames alone gave other answers than the replay.";
}

SpeedLog::Outcome SpeedLog::Run(const ReplayHostOptions& options, Instant start,
                                uint32_t rounds) const {
  std::vector<Bytes> frames;
  frames.reserve(places_.size());
  for (const Place& place : places_)
    frames.push_back(Bytes(bytes_).subspan(place.offset, place.size));
  Outcome best;
  for (uint32_t round = 0; round < rounds; ++round) {
    auto host = ReplayHost::Create(options, start);
    if (!host) {
      best.wrong = host.error();
      return best;
    }
    Outcome outcome;
    const auto begin = std::chrono::steady_clock::now();
    aether_counted_region([&] { RunBatches(**host, frames, outcome); });
    const auto end = std::chrono::steady_clock::now();
    outcome.nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    outcome.requests = (*host)->http().requests;
    if (round == 0 || outcome.nanoseconds < best.nanoseconds || !outcome.wrong.empty())
      best = outcome;
    if (!best.wrong.empty()) break;
  }
  return best;
}

}  // namespace aether::replay
