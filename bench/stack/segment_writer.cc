#include "bench/stack/segment_writer.h"

#include "stack/testing/frame_builder.h"
#include "stack/wire/checksum.h"

namespace aether::bench {

void WriteSegment(const SegmentFields& fields, FrameLog& log) {
  constexpr size_t kIp = testing::kIpv4At;
  constexpr size_t kTcp = testing::kIpv4PayloadAt;
  const size_t tcp_bytes = 20 + fields.options.size() + fields.text.size();
  uint8_t* const at = log.Add(kTcp + tcp_bytes).data();
  testing::kOurMac.Store(at);
  testing::kPeerMac.Store(at + 6);
  StoreBe<uint16_t>(at + 12, 0x0800);
  uint8_t* const ip = at + kIp;
  StoreBe<uint16_t>(ip, 0x4500);
  StoreBe<uint16_t>(ip + 2, static_cast<uint16_t>(20 + tcp_bytes));
  StoreBe(ip + 4, fields.identification);
  StoreBe<uint16_t>(ip + 6, 0x4000);
  StoreBe<uint32_t>(ip + 8, 0x3f060000);
  StoreBe(ip + 12, fields.from.address.value);
  StoreBe(ip + 16, testing::kOurIp.value);
  StoreBe(ip + 10, ChecksumOf(SumHeader(ip, 20)));
  uint8_t* const tcp = at + kTcp;
  StoreBe(tcp, fields.from.port);
  StoreBe(tcp + 2, kServerPort);
  StoreBe(tcp + 4, fields.sequence);
  StoreBe(tcp + 8, fields.acknowledgment);
  tcp[12] = static_cast<uint8_t>((20 + fields.options.size()) << 2);
  tcp[13] = fields.flags;
  StoreBe(tcp + 14, fields.window);
  StoreBe<uint32_t>(tcp + 16, 0);
  if (!fields.options.empty()) std::memcpy(tcp + 20, fields.options.data(), fields.options.size());
  if (!fields.text.empty())
    std::memcpy(tcp + 20 + fields.options.size(), fields.text.data(), fields.text.size());
  const uint16_t pseudo =
      SumPseudoHeader(fields.from.address, testing::kOurIp, 6, static_cast<uint16_t>(tcp_bytes));
  StoreBe(tcp + 16, ChecksumOf(SumAdd(pseudo, SumBytes({tcp, tcp_bytes}))));
}

}  // namespace aether::bench
