// A device that yields the frames of a pcap or pcapng file, as fast as they are asked for, through
// libpcap. Ethernet captures only. PcapPacer yields them at their recorded times. What is sent is
// counted, and given to a sink if there is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <memory>
#include <string>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/capture_sink.h"
#include "stack/device/device.h"

struct pcap;

namespace aether::device {

class PcapReader {
 public:
  // The error is a sentence. `sink`, when given, gets what is sent, and outlives the reader.
  static std::expected<PcapReader, std::string> Open(const std::string& path,
                                                     CaptureSink* sink = nullptr);
  // The same from a stream, such as one over memory; it is closed with the reader, or when this
  // fails. `name` stands in the sentences.
  static std::expected<PcapReader, std::string> FromStream(std::FILE* stream,
                                                           const std::string& name,
                                                           CaptureSink* sink = nullptr);

  // A frame larger than `into` is left out and counted, and the next one is tried.
  size_t Receive(MutableBytes into);
  bool Send(Bytes frame);
  Instant NextDeadline() const { return kNever; }

  // When the next frame was recorded, in nanoseconds since 1970; kNever at the end.
  Instant next_time() const { return next_.empty() ? kNever : next_time_; }
  // When the frame of the last Receive was recorded.
  Instant last_time() const { return last_time_; }
  // No frames are left: the end of the file, or an error.
  bool at_end() const { return next_.empty(); }
  // A sentence when the file broke off or is damaged, empty otherwise.
  const std::string& error() const { return error_; }

  uint64_t frames_received() const { return frames_received_; }
  // Empty, or larger than what Receive was given.
  uint64_t frames_left_out() const { return frames_left_out_; }
  // Received, but recorded only in part.
  uint64_t frames_cut() const { return frames_cut_; }
  uint64_t frames_sent() const { return frames_sent_; }

 private:
  struct Closer {
    void operator()(pcap* file) const;
  };
  // `file` is null when libpcap did not like it, for the reason in `error`.
  static std::expected<PcapReader, std::string> FromFile(std::unique_ptr<pcap, Closer> file,
                                                         const char* error, const std::string& path,
                                                         CaptureSink* sink);
  PcapReader(std::string path, std::unique_ptr<pcap, Closer> file, CaptureSink* sink);
  // Reads one frame ahead, so that its time can be told before it is asked for.
  void ReadAhead();

  std::string path_;
  std::unique_ptr<pcap, Closer> file_;
  CaptureSink* sink_;
  Bytes next_;  // in libpcap's buffer, until the next read
  bool next_is_cut_ = false;
  Instant next_time_{};
  Instant last_time_{};
  std::string error_;
  uint64_t frames_received_ = 0;
  uint64_t frames_left_out_ = 0;
  uint64_t frames_cut_ = 0;
  uint64_t frames_sent_ = 0;
};
static_assert(Device<PcapReader>);

}  // namespace aether::device
