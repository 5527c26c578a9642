#include "stack/device/recording.h"

#include <algorithm>

#include "stack/base/siphash.h"

namespace aether::device {
namespace {

constexpr size_t kHashBytes = 8;

// Reads numbers and bytes; remembers whether they were all there, and whether they can be.
class Cursor {
 public:
  explicit Cursor(Bytes data) : data_(data) {}

  uint8_t Byte() {
    if (at_ == data_.size()) {
      short_ = true;
      return 0;
    }
    return data_[at_++];
  }
  uint64_t Number() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    damaged_ = true;
    return 0;
  }
  Bytes Take(uint64_t size) {
    if (size > kRecordBytesMax) {
      damaged_ = true;
      return {};
    }
    if (size > data_.size() - at_) {
      short_ = true;
      return {};
    }
    const Bytes taken = data_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  void Damage() { damaged_ = true; }

  bool good() const { return !short_ && !damaged_; }
  size_t at() const { return at_; }
  RecordingDecoder::Outcome outcome() const {
    // What ends early may still become anything.
    if (damaged_) return RecordingDecoder::Outcome::kDamaged;
    return short_ ? RecordingDecoder::Outcome::kNeedsMore : RecordingDecoder::Outcome::kRecord;
  }

 private:
  Bytes data_;
  size_t at_ = 0;
  bool short_ = false;
  bool damaged_ = false;
};

// Saturates: a damaged file may hold any number.
Instant Later(Instant from, uint64_t nanoseconds) {
  const Duration left = kNever - from;
  return from +
         std::min(left, Duration(static_cast<int64_t>(std::min<uint64_t>(nanoseconds, INT64_MAX))));
}

void ReadFrames(Cursor& cursor, Record& record) {
  const uint64_t count = cursor.Number();
  if (count > kRecordFramesMax) cursor.Damage();
  for (uint64_t i = 0; i < count && cursor.good(); ++i)
    record.frames.push_back(cursor.Take(cursor.Number()));
}

}  // namespace

uint64_t RecordingHash(uint64_t before, Instant now, Bytes frame) {
  return SipHash24Bytes(SipKey{before, static_cast<uint64_t>(now.time_since_epoch().count())},
                        frame);
}

void RecordingEncoder::Number(uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<uint8_t>(value));
}

void RecordingEncoder::Time(Instant now) {
  Number(static_cast<uint64_t>(std::max<int64_t>((now - last_).count(), 0)));
  last_ = std::max(last_, now);
}

void RecordingEncoder::Begin(std::string_view settings, Instant start) {
  Append({reinterpret_cast<const uint8_t*>(kRecordingMagic.data()), kRecordingMagic.size()});
  Number(settings.size());
  Append({reinterpret_cast<const uint8_t*>(settings.data()), settings.size()});
  last_ = Instant{};
  Time(start);
}

void RecordingEncoder::Receive(std::span<const Bytes> frames, Instant now) {
  bytes_.push_back(static_cast<uint8_t>(RecordKind::kReceive));
  Time(now);
  Number(frames.size());
  for (const Bytes frame : frames) {
    Number(frame.size());
    Append(frame);
  }
}

void RecordingEncoder::Transmit(uint64_t calls, Instant now) {
  bytes_.push_back(static_cast<uint8_t>(RecordKind::kTransmit));
  Time(now);
  Number(calls);
}

void RecordingEncoder::Open(bool found, uint64_t size, std::string_view media_type) {
  bytes_.push_back(static_cast<uint8_t>(RecordKind::kOpen));
  bytes_.push_back(found ? 1 : 0);
  if (!found) return;
  Number(size);
  Number(media_type.size());
  Append({reinterpret_cast<const uint8_t*>(media_type.data()), media_type.size()});
}

void RecordingEncoder::Read(Bytes data) {
  bytes_.push_back(static_cast<uint8_t>(RecordKind::kRead));
  Number(data.size());
  Append(data);
}

void RecordingEncoder::Stop(Instant now) {
  bytes_.push_back(static_cast<uint8_t>(RecordKind::kStop));
  Time(now);
}

void RecordingEncoder::Check(RecordKind kind, uint64_t frames, uint64_t hash) {
  bytes_.push_back(static_cast<uint8_t>(kind));
  Number(frames);
  uint8_t stored[kHashBytes];
  StoreBe(stored, hash);
  Append(stored);
}

RecordingDecoder::Outcome RecordingDecoder::Begin(Bytes data, std::string& settings, Instant& start,
                                                  size_t& used) {
  Cursor cursor(data);
  const size_t compared = std::min(data.size(), kRecordingMagic.size());
  if (!std::equal(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(compared),
                  kRecordingMagic.begin()))
    return Outcome::kDamaged;
  cursor.Take(kRecordingMagic.size());
  const uint64_t size = cursor.Number();
  if (size > kRecordingSettingsBytesMax) cursor.Damage();
  const Bytes text = cursor.Take(size);
  const uint64_t time = cursor.Number();
  if (!cursor.good()) return cursor.outcome();
  settings.assign(text.begin(), text.end());
  start = last_ = Later(Instant{}, time);
  used = cursor.at();
  return Outcome::kRecord;
}

RecordingDecoder::Outcome RecordingDecoder::Next(Bytes data, Record& record, size_t& used) {
  Cursor cursor(data);
  record = Record{};
  record.kind = static_cast<RecordKind>(cursor.Byte());
  if (!cursor.good()) return cursor.outcome();
  record.now = last_;
  switch (record.kind) {
    case RecordKind::kReceive:
      record.now = Later(last_, cursor.Number());
      ReadFrames(cursor, record);
      break;
    case RecordKind::kTransmit:
      record.now = Later(last_, cursor.Number());
      record.count = cursor.Number();
      break;
    case RecordKind::kStop:
      record.now = Later(last_, cursor.Number());
      break;
    case RecordKind::kOpen:
      record.found = cursor.Byte() != 0;
      if (!record.found) break;
      record.size = cursor.Number();
      record.data = cursor.Take(cursor.Number());
      break;
    case RecordKind::kRead:
      record.data = cursor.Take(cursor.Number());
      break;
    case RecordKind::kCheck:
    case RecordKind::kEnd: {
      record.count = cursor.Number();
      const Bytes hash = cursor.Take(kHashBytes);
      if (cursor.good()) record.hash = LoadBe<uint64_t>(hash.data());
      break;
    }
    default:
      return Outcome::kDamaged;
  }
  if (!cursor.good()) return cursor.outcome();
  last_ = record.now;
  used = cursor.at();
  return Outcome::kRecord;
}

}  // namespace aether::device
