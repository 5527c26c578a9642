// Frames as readable lines. The first 8 bytes of the input are a time, the next one is a direction,
// the rest is a frame. Any bytes will do: the line can be logged, and says what a second parser
// reads.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "fuzz/naive.h"
#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "stack/device/describe.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 256;
constexpr size_t kHeadBytes = 9;
// Twenty numbers, 32 bytes of text as "\x00" each, and the words between them.
constexpr size_t kLineBytesMax = 600;

AETHER_UNCOUNTED_BEGIN

std::string NaiveAddress(Bytes data, size_t at) {
  char text[16];
  const int size =
      std::snprintf(text, sizeof text, "%u.%u.%u.%u", unsigned{data[at]}, unsigned{data[at + 1]},
                    unsigned{data[at + 2]}, unsigned{data[at + 3]});
  return {text, static_cast<size_t>(size)};
}

// Of an IPv4 packet that is long enough for it, else 0.
size_t NaiveHeaderBytes(Bytes packet) {
  if (packet.size() < 20 || packet[0] / 16 != 4 || packet[0] % 16 < 5) return 0;
  const size_t size = packet[0] % 16 * size_t{4};
  return size <= packet.size() ? size : 0;
}

// How the line of a frame begins, as far as it is certain: what it is, and from whom to whom.
std::string NaiveBeginning(Bytes frame) {
  if (frame.size() < 14) return std::to_string(frame.size()) + " bytes (";
  const unsigned type = NaiveWord(frame, 12);
  if (type == 0x0806) return "ARP ";
  if (type != 0x0800) {
    char text[16];
    const int size = std::snprintf(text, sizeof text, "type 0x%04x ", type);
    return type < 0x600 ? "" : std::string(text, static_cast<size_t>(size));
  }
  const Bytes packet = frame.subspan(14);
  const size_t header_bytes = NaiveHeaderBytes(packet);
  const bool is_good = header_bytes > 0 && NaiveWord(packet, 2) >= header_bytes &&
                       NaiveWord(packet, 2) <= packet.size() &&
                       NaiveSum(packet.first(header_bytes)) == 0xffff;
  if (!is_good) return "IP (";
  if (header_bytes > 20) return "IP ";  // whether the options are good is another target's matter
  std::string line = "IP " + NaiveAddress(packet, 12);
  const size_t payload_bytes = NaiveWord(packet, 2) - header_bytes;
  const bool is_fragment = NaiveWord(packet, 6) % 0x4000 != 0;
  if (!is_fragment && packet[9] == 17 && payload_bytes >= 8) {
    const size_t said = NaiveWord(packet, header_bytes + 4);
    if (said >= 8 && said <= payload_bytes) {
      line += "." + std::to_string(NaiveWord(packet, header_bytes)) + " > " +
              NaiveAddress(packet, 16) + "." + std::to_string(NaiveWord(packet, header_bytes + 2)) +
              ": UDP len " + std::to_string(said - 8);
    }
  }
  return line;
}

// Seconds with six digits behind the point, cut off and not rounded.
std::string NaiveTime(int64_t nanoseconds) {
  const bool is_negative = nanoseconds < 0;
  uint64_t rest = static_cast<uint64_t>(nanoseconds);
  if (is_negative) rest = ~rest + 1;
  char text[40];
  const int size = std::snprintf(text, sizeof text, "%s%llu.%06llu ", is_negative ? "-" : "",
                                 static_cast<unsigned long long>(rest / 1'000'000'000),
                                 static_cast<unsigned long long>(rest / 1000 % 1'000'000));
  return {text, static_cast<size_t>(size)};
}

AETHER_UNCOUNTED void CheckLine(std::string_view line) {
  FUZZ_CHECK(P7, line.size() <= kLineBytesMax);
  for (const char c : line) FUZZ_CHECK(P12, c >= ' ' && c <= '~');
}

AETHER_UNCOUNTED_END

AETHER_UNCOUNTED void RunOne(Bytes head, Bytes input) {
  ExactCopy frame(input);
  // The checksum of a header is right in all but some.
  if (head[8] < 0xf0 && input.size() >= 14 && NaiveWord(input, 12) == 0x0800) {
    const MutableBytes packet = frame.writable().subspan(14);
    if (const size_t size = NaiveHeaderBytes(packet); size > 0) NaiveRepair(packet.first(size), 10);
  }
  const std::string line = device::DescribeFrame(frame.bytes());
  CheckLine(line);
  CurrentTrace().Add(BytesOf(line));
  FUZZ_CHECK(P10, line.starts_with(NaiveBeginning(frame.bytes())));
  // With the time, and otherwise the same.
  if (head[8] % 4 != 0) return;
  const auto nanoseconds =
      static_cast<int64_t>(uint64_t{NaiveLong(head, 0)} << 32 | NaiveLong(head, 4));
  const char direction = (head[8] & 4) != 0 ? '<' : '>';
  const std::string traced =
      device::TraceLine(Instant(Duration(nanoseconds)), direction, frame.bytes());
  FUZZ_CHECK(P10, traced == NaiveTime(nanoseconds) + direction + " " + line);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aether::fuzz;
  if (size < kHeadBytes || size > kInputBytesMax) return -1;
  RunOne({data, kHeadBytes}, {data + kHeadBytes, size - kHeadBytes});
  return 0;
}
