// The form of a recording: everything that a host was given, in order, so that another host can be
// given the same: how it was made, the frames and times of each call, what its content source
// answered; and hashes of what it sent, to compare with. Here are the records as bytes; who writes
// and reads the file is elsewhere.
//
//   "AETHREC1", length and text of the settings (lines "name=value"), then records: a letter, and
//   numbers of seven bits a byte, the low ones first
//
//   R  nanoseconds since the last time, count, then length and bytes of each frame
//   T  nanoseconds since the last time, how often Transmit was called
//   O  an answer to Open: 0, or 1 with size, length and bytes of the media type
//   B  an answer to Read: length and bytes
//   S  nanoseconds since the last time: the host was stopped
//   H  frames sent so far, and their hash in eight bytes
//   E  the same at the end
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::device {

inline constexpr std::string_view kRecordingMagic = "AETHREC1";
inline constexpr size_t kRecordingSettingsBytesMax = 65536;
// Of one record: a batch of frames of the largest size fits.
inline constexpr size_t kRecordBytesMax = 8 << 20;
inline constexpr uint32_t kRecordFramesMax = 1024;

enum class RecordKind : char {
  kReceive = 'R',
  kTransmit = 'T',
  kOpen = 'O',
  kRead = 'B',
  kStop = 'S',
  kCheck = 'H',
  kEnd = 'E',
};

// Chains the hash of what was sent so far with one more frame.
uint64_t RecordingHash(uint64_t before, Instant now, Bytes frame);

// Appends records to a buffer that its owner empties.
class RecordingEncoder {
 public:
  void Begin(std::string_view settings, Instant start);
  void Receive(std::span<const Bytes> frames, Instant now);
  void Transmit(uint64_t calls, Instant now);
  void Open(bool found, uint64_t size, std::string_view media_type);
  void Read(Bytes data);
  void Stop(Instant now);
  void Check(RecordKind kind, uint64_t frames, uint64_t hash);

  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  void Number(uint64_t value);
  void Time(Instant now);
  void Append(Bytes data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }

  std::vector<uint8_t> bytes_;
  Instant last_{};
};

struct Record {
  RecordKind kind = RecordKind::kEnd;
  Instant now{};
  std::vector<Bytes> frames{};  // of kReceive
  uint64_t count = 0;           // calls of kTransmit, frames of kCheck and kEnd
  uint64_t hash = 0;
  bool found = false;  // of kOpen
  uint64_t size = 0;
  Bytes data{};  // of kRead; the media type of kOpen
};

// Takes records from bytes. What it hands out points into them.
class RecordingDecoder {
 public:
  enum class Outcome : uint8_t { kRecord, kNeedsMore, kDamaged };

  // The settings; `used` says how many bytes magic, settings and start took.
  Outcome Begin(Bytes data, std::string& settings, Instant& start, size_t& used);
  Outcome Next(Bytes data, Record& record, size_t& used);

 private:
  Instant last_{};
};

}  // namespace aether::device
