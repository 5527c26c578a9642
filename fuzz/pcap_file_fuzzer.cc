// Capture files (the pcap format, draft-ietf-opsawg-pcap), read from memory through libpcap. The
// first byte of the input says how large a frame may be that the reader's user takes, and whether
// what was read is written and read again; the rest is the file. pcapng is read as well, but by no
// second parser.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/device/pcap_reader.h"

namespace aether::fuzz {
namespace {

using device::PcapReader;

constexpr size_t kInputBytesMax = 1024;
constexpr uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kNanoseconds = 0xa1b23c4d;

AETHER_UNCOUNTED_BEGIN

struct Frame {
  int64_t when_ns = 0;
  size_t at = 0;  // of its first byte
  size_t size = 0;
  bool is_cut = false;
};

// Frames with their bytes, one behind the other: memory that is kept from one execution to the
// next, for allocating it under AddressSanitizer takes longer than all that is done with it.
class Frames {
 public:
  void Clear() {
    frames_.clear();
    bytes_.clear();
  }
  void Add(int64_t when_ns, Bytes bytes, bool is_cut) {
    frames_.push_back(
        {.when_ns = when_ns, .at = bytes_.size(), .size = bytes.size(), .is_cut = is_cut});
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  size_t size() const { return frames_.size(); }
  const Frame& operator[](size_t index) const { return frames_[index]; }
  Bytes bytes(size_t index) const {
    return Bytes(bytes_).subspan(frames_[index].at, frames_[index].size);
  }
  bool IsSame(size_t index, const Frames& other, size_t of_other) const {
    const Frame& a = frames_[index];
    const Frame& b = other.frames_[of_other];
    return a.when_ns == b.when_ns && a.is_cut == b.is_cut &&
           std::ranges::equal(bytes(index), other.bytes(of_other));
  }

 private:
  std::vector<Frame> frames_;
  std::vector<uint8_t> bytes_;
};

// A file as the naive parser reads it, empty frames left out.
struct NaiveFile {
  bool is_known = false;  // the format is one that is read here
  bool is_valid = false;
  bool is_damaged = false;
  uint64_t empty_frames = 0;
};

// A header of 24 bytes, and records with one of 16, in either byte order.
class NaiveReader {
 public:
  explicit NaiveReader(Bytes file) : file_(file) {}

  AETHER_UNCOUNTED NaiveFile Read(Frames& frames) {
    frames.Clear();
    NaiveFile out;
    if (file_.size() < 24) return out;
    is_little_ = Number(0) != kMicroseconds && Number(0) != kNanoseconds;
    if (Number(0) != kMicroseconds && Number(0) != kNanoseconds) return out;
    const bool is_version_2_4 = Half(4) == 2 && Half(6) == 4;
    const uint32_t link_type = Number(20);
    // Other versions swap lengths; what stands above the link type has other meanings.
    if (!is_version_2_4 || link_type > 0xffff) return out;
    out.is_known = true;
    out.is_valid = link_type == 1;
    if (!out.is_valid) return out;
    uint32_t snap_bytes = Number(16);
    if (snap_bytes == 0 || snap_bytes > 0x7fffffff) snap_bytes = 262144;
    for (size_t at = 24; at < file_.size();) {
      if (at + 16 > file_.size()) {
        out.is_damaged = true;
        return out;
      }
      const uint32_t captured = Number(at + 8);
      if (captured > 262144 || captured > file_.size() - at - 16) {
        out.is_damaged = true;
        return out;
      }
      const uint32_t kept = std::min(captured, snap_bytes);
      const Bytes bytes = file_.subspan(at + 16, kept);
      if (kept == 0) ++out.empty_frames;
      if (kept != 0) frames.Add(TimeAt(at), bytes, kept < Number(at + 12));
      at += 16 + captured;
    }
    return out;
  }

 private:
  uint32_t Number(size_t at) const {
    const uint32_t big = NaiveLong(file_, at);
    if (!is_little_) return big;
    return big % 256 << 24 | big / 256 % 256 << 16 | big / 65536 % 256 << 8 | big >> 24;
  }
  unsigned Half(size_t at) const {
    const unsigned big = NaiveWord(file_, at);
    return is_little_ ? big % 256 * 256 + big / 256 : big;
  }
  // To libpcap both parts are signed in the order of this machine, and unsigned in the other. What
  // is damaged is kept in range.
  int64_t TimeAt(size_t at) const {
    int64_t seconds = Number(at);
    int64_t fraction = Number(at + 4);
    if (is_little_ == (std::endian::native == std::endian::little)) {
      seconds = static_cast<int32_t>(seconds);
      fraction = static_cast<int32_t>(fraction);
    }
    if (Number(0) == kMicroseconds) fraction *= 1000;
    return std::max<int64_t>(seconds, 0) * 1'000'000'000 +
           std::clamp<int64_t>(fraction, 0, 999'999'999);
  }

  Bytes file_;
  bool is_little_ = false;
};

AETHER_UNCOUNTED_END

// Where the C library keeps what it has read of a file: that of its own, 8 KB each time, would take
// longer to allocate under AddressSanitizer than all that is done with it.
using StreamBuffer = std::array<char, 256>;

std::expected<PcapReader, std::string> OpenMemory(MutableBytes file, StreamBuffer& buffer) {
  static char nothing = 0;
  void* const memory = file.empty() ? static_cast<void*>(&nothing) : file.data();
  std::FILE* const stream = fmemopen(memory, file.size(), "r");
  FUZZ_CHECK(P10, stream != nullptr);
  FUZZ_CHECK(P10, std::setvbuf(stream, buffer.data(), _IOFBF, buffer.size()) == 0);
  return PcapReader::FromStream(stream, "fuzz");
}

// All frames that fit.
void Receive(PcapReader& reader, size_t frame_bytes_max, Frames& frames) {
  frames.Clear();
  // Not more than the reader is told: behind the end of it AddressSanitizer watches.
  static std::array<uint8_t, kInputBytesMax> into;
  const MutableBytes memory = MutableBytes(into).last(frame_bytes_max);
  while (!reader.at_end()) {
    const Instant next = reader.next_time();
    const uint64_t cut_before = reader.frames_cut();
    const uint64_t left_out_before = reader.frames_left_out();
    const size_t size = reader.Receive(memory);
    FUZZ_CHECK(P8, frames.size() < kInputBytesMax);
    if (size == 0) {
      FUZZ_CHECK(P8, reader.at_end());
      break;
    }
    const Instant when = reader.last_time();
    // The one that was announced, unless it was too large.
    if (reader.frames_left_out() == left_out_before) FUZZ_CHECK(P10, when == next);
    frames.Add(when.time_since_epoch().count(), memory.first(size),
               reader.frames_cut() != cut_before);
    CurrentTrace().Add(Bytes(memory.first(size)));
  }
  FUZZ_CHECK(P10, reader.next_time() == kNever && reader.Receive(memory) == 0);
  FUZZ_CHECK(P10, reader.frames_received() == frames.size());
}

// The frames as a file with nanoseconds, the first byte the highest.
AETHER_UNCOUNTED void NaiveEmit(const Frames& frames, std::vector<uint8_t>& file) {
  file.clear();
  const auto put = [&file](uint64_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
      file.push_back(static_cast<uint8_t>(number >> shift & 255));
  };
  for (const uint32_t number : {kNanoseconds, 0x00020004u, 0u, 0u, 262144u, 1u}) put(number);
  for (size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    put(static_cast<uint64_t>(frame.when_ns / 1'000'000'000));
    put(static_cast<uint64_t>(frame.when_ns % 1'000'000'000));
    put(frame.size);
    put(frame.size + (frame.is_cut ? 1 : 0));
    const Bytes bytes = frames.bytes(i);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
}

AETHER_UNCOUNTED void CheckFrames(const PcapReader& reader, const Frames& frames,
                                  const NaiveFile& naive, const Frames& naive_frames,
                                  size_t frame_bytes_max) {
  uint64_t left_out = naive.empty_frames;
  size_t at = 0;
  for (size_t i = 0; i < naive_frames.size(); ++i) {
    if (naive_frames[i].size > frame_bytes_max) {
      ++left_out;
      continue;
    }
    FUZZ_CHECK(P10, at != frames.size());
    FUZZ_CHECK(P10, frames.IsSame(at, naive_frames, i));
    ++at;
  }
  FUZZ_CHECK(P10, at == frames.size());
  FUZZ_CHECK(P10, reader.frames_left_out() == left_out);
  FUZZ_CHECK(P10, reader.error().empty() == !naive.is_damaged);
}

// Without a file: names of none.
void CheckOpen() {
  for (const char* name : {"", "-", "/dev/null/none"}) {
    const auto reader = PcapReader::Open(name);
    FUZZ_CHECK(P10, !reader.has_value() && reader.error().ends_with('.'));
  }
}

// As a device it sends to nobody, and has nothing to do by itself.
void CheckSending(PcapReader& reader, Bytes frame) {
  FUZZ_CHECK(P8, reader.NextDeadline() == kNever);
  FUZZ_CHECK(P10, reader.Send(frame) && reader.frames_sent() == 1);
}

void RunOne(unsigned choice, Bytes input) {
  if (input.empty()) CheckOpen();
  static Frames frames;
  static Frames others;
  static std::vector<uint8_t> emitted;
  ExactCopy copy(input);
  const size_t frame_bytes_max = choice % 2 == 0 ? kInputBytesMax : choice;
  const NaiveFile naive = NaiveReader(copy.bytes()).Read(others);
  static std::array<StreamBuffer, 2> buffers;
  auto reader = OpenMemory(copy.writable(), buffers[0]);
  if (naive.is_known) FUZZ_CHECK(P10, reader.has_value() == naive.is_valid);
  CurrentTrace().Add(reader.has_value() ? 1 : 0);
  if (!reader) {
    FUZZ_CHECK(P10, reader.error().ends_with('.'));
    return;
  }
  Receive(*reader, frame_bytes_max, frames);
  CheckSending(*reader, input);
  CurrentTrace().Add(reader->error().size());
  if (naive.is_known) CheckFrames(*reader, frames, naive, others, frame_bytes_max);
  // What a capture of 32-bit seconds can hold is the same when it is written and read again; to
  // open a file takes most of an execution, so seven of eight inputs do without it.
  if (!naive.is_known || frames.size() == 0 || (choice & 14) != 0) return;
  NaiveEmit(frames, emitted);
  auto again = OpenMemory(emitted, buffers[1]);
  FUZZ_CHECK(P9, again.has_value());
  Receive(*again, frame_bytes_max, others);
  FUZZ_CHECK(P9, others.size() == frames.size() && again->error().empty());
  for (size_t i = 0; i < frames.size(); ++i) FUZZ_CHECK(P9, frames.IsSame(i, others, i));
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return -1;
  size = std::min(size, aether::fuzz::kInputBytesMax);
  aether::fuzz::RunOne(data[0], {data + 1, size - 1});
  return 0;
}
