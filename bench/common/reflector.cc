#include "bench/common/reflector.h"

#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::bench {
namespace {

constexpr size_t kIp = Reflector::kEthernetBytes;
constexpr size_t kTcp = kIp + Reflector::kIpBytes;
constexpr size_t kSynOptionBytes = 20;
constexpr size_t kTimestampBytes = 12;

// Where the two values of the timestamps of Linux stand in the options of a segment, and of a SYN.
constexpr size_t kTimestampAt = 4;
constexpr size_t kSynTimestampAt = 8;

}  // namespace

Reflector::Reflector(MacAddress mac, Bytes response, bool close)
    : mac_(mac),
      response_(response.begin(), response.end()),
      response_sum_(SumBytes(response)),
      close_(close) {}

size_t Reflector::Emit(const uint8_t* in, MutableBytes out, uint32_t sequence,
                       uint32_t acknowledgment, uint8_t flags, size_t option_bytes, Bytes text,
                       uint16_t text_sum) const {
  uint8_t* const frame = out.data();
  std::memcpy(frame, in + 6, 6);
  mac_.Store(frame + 6);
  StoreBe<uint16_t>(frame + 12, 0x0800);
  uint8_t* const ip = frame + kIp;
  const size_t tcp_bytes = kTcpBytes + option_bytes + text.size();
  StoreBe<uint16_t>(ip, 0x4500);
  StoreBe<uint16_t>(ip + 2, static_cast<uint16_t>(kIpBytes + tcp_bytes));
  StoreBe<uint32_t>(ip + 4, 0x00004000);
  StoreBe<uint32_t>(ip + 8, 0x40060000);
  std::memcpy(ip + 12, in + kIp + 16, 4);
  std::memcpy(ip + 16, in + kIp + 12, 4);
  StoreBe<uint16_t>(ip + 10, ChecksumOf(SumHeader(ip, kIpBytes)));

  uint8_t* const tcp = frame + kTcp;
  std::memcpy(tcp, in + kTcp + 2, 2);
  std::memcpy(tcp + 2, in + kTcp, 2);
  StoreBe(tcp + 4, sequence);
  StoreBe(tcp + 8, acknowledgment);
  tcp[12] = static_cast<uint8_t>((kTcpBytes + option_bytes) << 2);
  tcp[13] = flags;
  StoreBe<uint16_t>(tcp + 14, 0xffff);
  StoreBe<uint32_t>(tcp + 16, 0);
  uint8_t* const options = tcp + kTcpBytes;
  if (option_bytes == kSynOptionBytes) {
    StoreBe<uint32_t>(options, 0x020405b4);
    StoreBe<uint32_t>(options + 4, 0x0402080a);
    StoreBe<uint32_t>(options + 8, 1);
    std::memcpy(options + 12, in + kTcp + kTcpBytes + kSynTimestampAt, 4);
    StoreBe<uint32_t>(options + 16, 0x01030307);
  } else if (option_bytes == kTimestampBytes) {
    StoreBe<uint32_t>(options, 0x0101080a);
    StoreBe<uint32_t>(options + 4, 1);
    std::memcpy(options + 8, in + kTcp + kTcpBytes + kTimestampAt, 4);
  }
  if (!text.empty()) std::memcpy(options + option_bytes, text.data(), text.size());
  const uint16_t pseudo = SumAdd(SumHeader(ip + 12, 8),
                                 SumAdd(SumOfWord(6), SumOfWord(static_cast<uint16_t>(tcp_bytes))));
  const uint16_t header = SumHeader(tcp, kTcpBytes + option_bytes);
  StoreBe(tcp + 16, ChecksumOf(SumAdd(pseudo, SumAdd(header, text_sum))));
  return kTcp + tcp_bytes;
}

size_t Reflector::Answer(Bytes frame, MutableBytes out) {
  const uint8_t* const in = frame.data();
  if (frame.size() < kTcp + kTcpBytes || LoadBe<uint16_t>(in + 12) != 0x0800 || in[kIp] != 0x45 ||
      in[kIp + 9] != 6 || !SumIsValid(SumHeader(in + kIp, kIpBytes))) {
    ++refused_;
    return 0;
  }
  const size_t total = LoadBe<uint16_t>(in + kIp + 2);
  if (total > frame.size() - kIp || total < kIpBytes + kTcpBytes) {
    ++refused_;
    return 0;
  }
  const uint8_t* const tcp = in + kTcp;
  const size_t tcp_bytes = total - kIpBytes;
  const size_t header_bytes = size_t{tcp[12]} >> 4 << 2;
  const uint16_t pseudo = SumAdd(SumHeader(in + kIp + 12, 8),
                                 SumAdd(SumOfWord(6), SumOfWord(static_cast<uint16_t>(tcp_bytes))));
  if (header_bytes > tcp_bytes || !SumIsValid(SumAdd(pseudo, SumBytes({tcp, tcp_bytes})))) {
    ++refused_;
    return 0;
  }
  const uint32_t sequence = LoadBe<uint32_t>(tcp + 4);
  const uint32_t acknowledged = LoadBe<uint32_t>(tcp + 8);
  const size_t text_bytes = tcp_bytes - header_bytes;
  const uint8_t flags = tcp[13];
  const size_t option_bytes = header_bytes == kTcpBytes + kTimestampBytes ? kTimestampBytes : 0;
  if ((flags & tcp_flags::kSyn) != 0) {
    const size_t syn_options = header_bytes == kTcpBytes + kSynOptionBytes ? kSynOptionBytes : 0;
    return Emit(in, out, kFirstSequence, sequence + 1, tcp_flags::kSyn | tcp_flags::kAck,
                syn_options, {}, 0);
  }
  if (text_bytes > 0) {
    const uint8_t fin = close_ ? tcp_flags::kFin : uint8_t{0};
    return Emit(in, out, acknowledged, sequence + static_cast<uint32_t>(text_bytes),
                static_cast<uint8_t>(tcp_flags::kPsh | tcp_flags::kAck | fin), option_bytes,
                response_, response_sum_);
  }
  if ((flags & tcp_flags::kFin) != 0)
    return Emit(in, out, acknowledged, sequence + 1, tcp_flags::kAck, option_bytes, {}, 0);
  return 0;
}

}  // namespace aether::bench
