// The records of a recording (stack/device/recording.h), read from its file in pieces.
#pragma once

#include <cstdint>
#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "stack/device/recording.h"

namespace aether::replay {

class RecordingFile {
 public:
  // The error is a sentence.
  static std::expected<RecordingFile, std::string> Open(const std::string& path);
  // Whether the file begins like a recording.
  static bool Is(const std::string& path);

  const std::string& settings() const { return settings_; }
  Instant start() const { return start_; }

  // Until the next call. False at the end, and where nothing whole follows: see the two below.
  bool Next(device::Record& record);
  // The next record is damaged, not only missing.
  bool damaged() const { return damaged_; }
  uint64_t records() const { return records_; }
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t bytes_read() const { return read_ - (buffer_.size() - at_); }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  RecordingFile() = default;
  std::string Begin(const std::string& path);
  // False at the end of the file.
  bool Fill();

  std::unique_ptr<std::FILE, Closer> file_;
  device::RecordingDecoder decoder_;
  std::string settings_;
  Instant start_{};
  std::vector<uint8_t> buffer_;
  size_t at_ = 0;
  bool damaged_ = false;
  uint64_t records_ = 0;
  uint64_t read_ = 0;
  uint64_t file_bytes_ = 0;
};

}  // namespace aether::replay
