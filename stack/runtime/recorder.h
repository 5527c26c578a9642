// Writes down what a host is given while it runs (device/recording.h), into a file, in pieces: what
// it holds in memory does not grow with the run. When the disk fails the host runs on, and the
// recording ends where it was.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "stack/app/content.h"
#include "stack/app/host.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/recording.h"

namespace aether::runtime {

class Recorder {
 public:
  // What is lost when the program is killed.
  static constexpr size_t kBufferBytes = 256 * 1024;
  // Records between two hashes.
  static constexpr uint32_t kCheckEvery = 256;

  // Creates the file and writes how the host was made. Nothing of what follows is written before.
  absl::Status Open(const std::string& path, const app::HostOptions& host,
                    std::string_view profile_name, Instant start);

  void Receive(std::span<const Bytes> frames, Instant now);
  // A call of Transmit; `frame` is empty when nothing was due.
  void Transmit(Bytes frame, Instant now);
  void Opened(const app::Content* content);
  void Read(Bytes data);
  void Stop(Instant now);
  // The last record; the file is complete.
  void End();

  // A sentence when the disk failed; OK before.
  const absl::Status& status() const { return status_; }
  uint64_t frames_sent() const { return frames_sent_; }
  uint64_t hash() const { return hash_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void FinishTransmits();
  void AfterRecord();
  void Flush();

  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  absl::Status status_;
  device::RecordingEncoder encoder_;
  uint32_t records_ = 0;
  uint64_t transmits_ = 0;
  Instant transmit_time_{};
  uint64_t frames_sent_ = 0;
  uint64_t hash_ = 0;
};

// The settings of a recording: what of the options can differ from one run to the next.
std::string RecordingSettings(const app::HostOptions& host, std::string_view profile_name);

}  // namespace aether::runtime
