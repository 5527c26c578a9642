#include "replay/host_driver.h"

#include <algorithm>

#include "stack/base/siphash.h"

namespace aether::replay {

HostDriver::HostDriver(std::unique_ptr<ReplayHost> host, device::CaptureSink* out, SpeedLog* log)
    : host_(std::move(host)), out_(out), log_(log), buffer_(host_->stack().frame_size_max()) {}

void HostDriver::Note(Bytes frame, Instant now, uint8_t direction) {
  const uint64_t time = static_cast<uint64_t>(now.time_since_epoch().count());
  hash_ = SipHash24Bytes(SipKey{hash_, time ^ direction}, frame);
  if (out_ != nullptr) out_->Write(now, frame);
}

void HostDriver::Deliver(const FrameBatch& frames, Instant now, FrameBatch& answers) {
  std::array<Bytes, Stack::kBatchMax> batch;
  size_t next = 0;
  do {
    size_t count = 0;
    while (count < batch.size() && next < frames.size()) {
      batch[count] = frames[next++];
      Note(batch[count], now, 0);
      ++frames_in_;
      bytes_in_ += batch[count].size();
      ++count;
    }
    if (log_ != nullptr) log_->AddBatch(now, std::span(batch).first(count));
    host_->Receive(std::span<const Bytes>(batch).first(count), now);
    while (const size_t size = host_->Transmit(buffer_, now)) {
      const Bytes frame = Bytes(buffer_).first(size);
      Note(frame, now, 1);
      ++frames_out_;
      bytes_out_ += size;
      if (log_ != nullptr) log_->AddAnswer(frame);
      answers.Add(frame);
    }
  } while (next < frames.size());
}

void HostDriver::AddTo(ReplayResult& result) const {
  result.frames_in += frames_in_;
  result.frames_out += frames_out_;
  result.bytes_in += bytes_in_;
  result.bytes_out += bytes_out_;
  result.trace_hash = hash_;
  result.stack = host_->stack().counters();
  result.http = host_->http();
}

}  // namespace aether::replay
