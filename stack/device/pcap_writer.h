// Writes frames to a pcap file with nanosecond times, through libpcap. One thread; see CaptureSink
// for sharing.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/capture_sink.h"

struct pcap;
struct pcap_dumper;

namespace aether::device {

struct PcapWriterOptions {
  // The file grows to at most this size; frames that would make it larger are counted and left out.
  // 0: no bound.
  uint64_t bytes_max = 0;
  // Added to every Instant to make it a time since 1970, which is what the file holds.
  Duration since_1970{0};
};

class PcapWriter final : public CaptureSink {
 public:
  static constexpr uint64_t kFileHeaderBytes = 24;
  static constexpr uint64_t kRecordHeaderBytes = 16;

  // Creates or empties the file; the error is a sentence.
  static std::expected<std::unique_ptr<PcapWriter>, std::string> Create(
      const std::string& path, const PcapWriterOptions& options);
  // Flushes.
  ~PcapWriter() override;
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  void Write(Instant when, Bytes frame) override;
  void Flush() override;

  // A sentence after the disk failed, empty before. Nothing more is written after a failure.
  const std::string& error() const { return error_; }
  uint64_t frames_written() const { return frames_written_; }
  // Left out because of bytes_max or a failure.
  uint64_t frames_left_out() const { return frames_left_out_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  PcapWriter(std::string path, const PcapWriterOptions& options);

  std::string path_;
  PcapWriterOptions options_;
  pcap* format_ = nullptr;
  pcap_dumper* file_ = nullptr;
  std::string error_;
  uint64_t frames_written_ = 0;
  uint64_t frames_left_out_ = 0;
  uint64_t bytes_written_ = kFileHeaderBytes;
};

}  // namespace aether::device
