#include "stack/testing/tcp_peer.h"

#include "stack/testing/script.h"

namespace aether::testing {

Frame TcpPeer::Build(const Segment& segment) const {
  TcpSpec spec;
  spec.ip.source = spec_.address;
  spec.ip.ethernet.source = MacOf(spec_.address);
  spec.source_port = spec_.port;
  spec.destination_port = spec_.stack_port;
  spec.sequence = spec_.initial_sequence + segment.seq.value_or(snd_nxt_);
  if ((segment.flags & tcp_flags::kAck) != 0) {
    spec.acknowledgment = irs_.value_or(0) + segment.ack.value_or(rcv_nxt_);
  }
  spec.flags = segment.flags;
  spec.window = segment.window.value_or(window_);
  spec.urgent_pointer = segment.urgent_pointer;
  spec.options = segment.options;
  if (timestamp_ && segment.options.empty())
    spec.options = TimestampOption(*timestamp_, last_timestamp_);
  spec.payload = segment.data;
  return BuildTcp(spec);
}

void TcpPeer::Send(const Segment& segment) {
  const Frame frame = Build(segment);
  const uint32_t length = static_cast<uint32_t>(segment.data.size()) +
                          ((segment.flags & tcp_flags::kSyn) != 0 ? 1 : 0) +
                          ((segment.flags & tcp_flags::kFin) != 0 ? 1 : 0);
  const uint32_t seq = segment.seq.value_or(snd_nxt_);
  if (seq == snd_nxt_) snd_nxt_ += length;
  script_->Send(frame);
}

void TcpPeer::Syn(uint16_t mss) {
  Send({.flags = tcp_flags::kSyn, .options = mss == 0 ? Frame{} : MssOption(mss)});
}

void TcpPeer::Ack() { Send({}); }

void TcpPeer::Ack(uint32_t ack) { Send({.ack = ack}); }

void TcpPeer::Data(std::string_view text) { Data(ToFrame(text)); }

void TcpPeer::Data(const Frame& data) {
  Send({.flags = tcp_flags::kAck | tcp_flags::kPsh, .data = data});
}

void TcpPeer::Fin() { Send({.flags = tcp_flags::kFin | tcp_flags::kAck}); }

void TcpPeer::Rst() { Send({.flags = tcp_flags::kRst}); }

void TcpPeer::OnOutput(const NaiveTcp& tcp) {
  if ((tcp.flags & tcp_flags::kRst) != 0) return;
  if (tcp.timestamps) last_timestamp_ = tcp.timestamps->value;
  const bool syn = (tcp.flags & tcp_flags::kSyn) != 0;
  if (syn && irs_ != tcp.sequence) {
    irs_ = tcp.sequence;
    rcv_nxt_ = 0;
  }
  if (!irs_) return;
  const uint32_t end = RelativeSeq(tcp.sequence) + static_cast<uint32_t>(tcp.payload.size()) +
                       (syn ? 1 : 0) + ((tcp.flags & tcp_flags::kFin) != 0 ? 1 : 0);
  if (end - rcv_nxt_ < 0x80000000u) rcv_nxt_ = end;
}

void TcpPeer::Restart(uint32_t initial_sequence) {
  spec_.initial_sequence = initial_sequence;
  snd_nxt_ = 0;
  rcv_nxt_ = 0;
  irs_.reset();
}

}  // namespace aether::testing
