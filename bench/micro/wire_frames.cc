// Rows of bench_wire below the applications: headers of frames. Inputs are made by the test kit's
// builder, which shares no code with wire/, and answers are compared with what its parser reads.
#include <array>
#include <optional>

#include "bench/common/generators.h"
#include "bench/micro/wire_rows.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"
#include "stack/wire/udp.h"

namespace aether::bench {
namespace {

using testing::Frame;
using testing::kIpv4At;
using testing::kIpv4PayloadAt;
using testing::NaiveFrame;
using testing::NaiveParse;

Ipv4Address RandomClient(Generator& generator) { return ClientOf(generator.Next32()).address; }

Frame RandomTcp(Generator& generator, Frame options, size_t payload_bytes, uint8_t flags) {
  testing::TcpSpec spec;
  spec.ip.source = RandomClient(generator);
  spec.ip.identification = static_cast<uint16_t>(generator.Next32());
  spec.source_port = generator.Port();
  spec.sequence = generator.Next32();
  spec.acknowledgment = (flags & tcp_flags::kAck) != 0 ? generator.Next32() : 0;
  spec.flags = flags;
  spec.window = static_cast<uint16_t>(generator.Next32());
  spec.options = std::move(options);
  spec.payload = generator.Payload(payload_bytes);
  return testing::BuildTcp(spec);
}

void AddEthernetAndArp(Suite& suite) {
  Generator generator(1);
  const Inputs arps = MakeInputs([&](size_t i) {
    return testing::BuildArp({.operation = static_cast<uint16_t>(1 + i % 2),
                              .sender_ip = RandomClient(generator),
                              .target_mac = testing::kOurMac,
                              .target_ip = RandomClient(generator)});
  });
  AddWireRow(
      suite, "wire/parse/ethernet", arps,
      [](Bytes frame) {
        const auto view = EthernetView::Parse(frame);
        const auto naive = NaiveParse(frame);
        return view && naive && view->source().octets == naive->source &&
               view->destination().octets == naive->destination && view->type() == naive->type;
      },
      [](Bytes frame) {
        const auto view = EthernetView::Parse(frame);
        return view ? view->destination().octets[5] + view->source().octets[5] + view->type() : 0;
      });
  AddTouchBound(suite, "wire/parse/ethernet", arps);
  AddWireRow(
      suite, "wire/parse/arp", arps,
      [](Bytes frame) {
        const auto packet = ArpPacket::Parse(frame.subspan(EthernetView::kHeaderSize));
        const auto naive = NaiveParse(frame);
        return packet && naive && naive->arp &&
               static_cast<uint16_t>(packet->operation) == naive->arp->operation &&
               packet->sender_ip.value == naive->arp->sender_ip &&
               packet->target_ip.value == naive->arp->target_ip &&
               packet->sender_mac.octets == naive->arp->sender_mac;
      },
      [](Bytes frame) {
        const auto packet = ArpPacket::Parse(frame.subspan(EthernetView::kHeaderSize));
        return packet ? packet->sender_ip.value + packet->target_ip.value +
                            packet->sender_mac.octets[5] + packet->target_mac.octets[5]
                      : 0;
      });
  AddTouchBound(suite, "wire/parse/arp", arps);
  AddBuildRow(
      suite, "wire/build/ethernet",
      [](size_t i, Bytes bytes) {
        return bytes.size() == 14 && bytes[5] == i && bytes[11] == 2 &&
               LoadBe<uint16_t>(bytes.data() + 12) == 0x0800;
      },
      [](size_t i, MutableBytes out) {
        return EthernetHeader{.destination = {{2, 0, 0, 0, 0, static_cast<uint8_t>(i)}},
                              .source = testing::kOurMac,
                              .type = static_cast<uint16_t>(EtherType::kIpv4)}
            .Emit(out);
      });
  AddBuildRow(
      suite, "wire/build/arp",
      [](size_t i, Bytes bytes) {
        const auto naive = NaiveParse(bytes);
        return naive && naive->arp && naive->arp->target_ip == ClientOf(uint32_t(i)).address.value;
      },
      [](size_t i, MutableBytes out) {
        const size_t header = EthernetHeader{.destination = testing::kPeerMac,
                                             .source = testing::kOurMac,
                                             .type = static_cast<uint16_t>(EtherType::kArp)}
                                  .Emit(out);
        return header + ArpPacket{.operation = ArpOperation::kReply,
                                  .sender_mac = testing::kOurMac,
                                  .sender_ip = testing::kOurIp,
                                  .target_mac = testing::kPeerMac,
                                  .target_ip = ClientOf(uint32_t(i)).address}
                            .Emit(out.subspan(header));
      });
}

void AddIpv4AndIcmp(Suite& suite) {
  Generator generator(2);
  const Inputs pings = MakeInputs([&](size_t) {
    testing::IcmpSpec spec;
    spec.ip.source = RandomClient(generator);
    spec.rest_of_header = generator.Next32();
    spec.payload = generator.Payload(56);
    return testing::BuildIcmp(spec);
  });
  AddWireRow(
      suite, "wire/parse/ipv4", pings,
      [](Bytes frame) {
        const auto view = Ipv4View::Parse(frame.subspan(kIpv4At));
        const auto naive = NaiveParse(frame);
        return view && naive && view->source().value == naive->ip->source &&
               view->identification() == naive->ip->identification &&
               view->payload().size() == naive->ip->payload.size();
      },
      [](Bytes frame) {
        const auto view = Ipv4View::Parse(frame.subspan(kIpv4At));
        return view ? view->source().value + view->destination().value + view->protocol() : 0;
      });
  AddTouchBound(suite, "wire/parse/ipv4", pings);
  AddWireRow(
      suite, "wire/parse/icmp_echo_56", pings,
      [](Bytes frame) {
        const auto view = IcmpView::Parse(frame.subspan(kIpv4PayloadAt));
        const auto naive = NaiveParse(frame);
        return view && naive && view->rest_of_header() == naive->icmp->rest_of_header &&
               std::ranges::equal(view->payload(), naive->icmp->payload);
      },
      [](Bytes frame) {
        const auto view = IcmpView::Parse(frame.subspan(kIpv4PayloadAt));
        return view ? view->rest_of_header() + view->type() : 0;
      });
  AddTouchBound(suite, "wire/parse/icmp_echo_56", pings);
  AddBuildRow(
      suite, "wire/build/ipv4",
      [](size_t, Bytes header) {
        return testing::NaiveChecksum(header) == 0 && header.size() == Ipv4Header::kSize;
      },
      [](size_t i, MutableBytes out) {
        Ipv4Header header;
        header.payload_length = static_cast<uint16_t>(20 + i);
        header.identification = static_cast<uint16_t>(i * 77);
        header.protocol = 6;
        header.source = testing::kOurIp;
        header.destination = ClientOf(uint32_t(i)).address;
        return header.Emit(out);
      });
  AddBuildRow(
      suite, "wire/build/icmp_echo_56",
      [](size_t, Bytes message) { return testing::NaiveChecksum(message) == 0; },
      [](size_t i, MutableBytes out) {
        return IcmpHeader{.type = 0, .code = 0, .rest_of_header = uint32_t(i * 7919)}.Emit(
            out.first(64));
      });
}

void AddUdp(Suite& suite) {
  Generator generator(3);
  const Inputs datagrams = MakeInputs([&](size_t) {
    testing::UdpSpec spec;
    spec.ip.source = RandomClient(generator);
    spec.source_port = generator.Port();
    spec.payload = generator.Payload(64);
    return testing::BuildUdp(spec);
  });
  AddWireRow(
      suite, "wire/parse/udp_64", datagrams,
      [](Bytes frame) {
        const auto view = UdpView::Parse(frame.subspan(kIpv4PayloadAt));
        const auto naive = NaiveParse(frame);
        return view && naive && view->source_port() == naive->udp->source_port &&
               view->ChecksumIsValid({naive->ip->source}, {naive->ip->destination}) &&
               std::ranges::equal(view->payload(), naive->udp->payload);
      },
      [](Bytes frame) {
        const auto view = UdpView::Parse(frame.subspan(kIpv4PayloadAt));
        const Ipv4Address source{LoadBe<uint32_t>(frame.data() + kIpv4At + 12)};
        return view && view->ChecksumIsValid(source, testing::kOurIp)
                   ? view->source_port() + view->destination_port()
                   : 0;
      });
  AddTouchBound(suite, "wire/parse/udp_64", datagrams);
  AddBuildRow(
      suite, "wire/build/udp_64",
      [](size_t i, Bytes datagram) {
        return testing::NaiveChecksumWithPseudoHeader(
                   testing::kOurIp.value, ClientOf(uint32_t(i)).address.value, 17, datagram) == 0;
      },
      [](size_t i, MutableBytes out) {
        return UdpHeader{.source_port = 53, .destination_port = ClientOf(uint32_t(i)).port}.Emit(
            out.first(72), testing::kOurIp, ClientOf(uint32_t(i)).address);
      });
}

Frame SynOptions(Generator& generator) { return testing::FullSynOptions(generator.Next32()); }
Frame Timestamps(Generator& generator) { return testing::TimestampOption(generator.Next32(), 7); }
Frame Sacks(Generator& generator) {
  const uint32_t at = generator.Next32();
  return testing::Joined(
      {Timestamps(generator), testing::SackOption({{at, at + 1448}, {at + 2896, at + 4344}})});
}

bool OptionsAreRight(Bytes frame) {
  const auto view = TcpView::Parse(frame.subspan(kIpv4PayloadAt));
  const auto naive = NaiveParse(frame);
  if (!view || !naive || !naive->tcp) return false;
  const auto options = TcpOptions::Parse(view->options());
  const testing::NaiveTcp& tcp = *naive->tcp;
  return options && options->mss == tcp.mss && options->window_scale == tcp.window_scale &&
         options->timestamps.has_value() == tcp.timestamps.has_value() &&
         (!tcp.timestamps || options->timestamps->value == tcp.timestamps->value) &&
         options->sack_block_count == tcp.sack_blocks.size() &&
         view->sequence().value() == tcp.sequence && view->source_port() == tcp.source_port;
}

void AddTcp(Suite& suite) {
  Generator generator(4);
  struct Kind {
    const char* name;
    Frame (*options)(Generator& generator);
    uint8_t flags;
  };
  const Kind kinds[] = {
      {"no_options", [](Generator&) { return Frame{}; }, tcp_flags::kAck},
      {"timestamps", Timestamps, tcp_flags::kAck},
      {"syn_options", SynOptions, tcp_flags::kSyn},
      {"sack", Sacks, tcp_flags::kAck},
  };
  for (const Kind& kind : kinds) {
    const std::string row = std::string("wire/parse/tcp_") + kind.name;
    const Inputs segments = MakeInputs(
        [&](size_t) { return RandomTcp(generator, kind.options(generator), 0, kind.flags); });
    AddWireRow(suite, row, segments, OptionsAreRight, [](Bytes frame) {
      const auto view = TcpView::Parse(frame.subspan(kIpv4PayloadAt));
      if (!view) return 0u;
      const auto options = TcpOptions::Parse(view->options());
      if (!options) return 0u;
      return view->sequence().value() + view->flags() + uint32_t{view->source_port()} +
             (options->timestamps ? options->timestamps->value : 0u) +
             static_cast<uint32_t>(options->sack_block_count) + options->mss.value_or(0);
    });
    AddTouchBound(suite, row, segments);
  }
  AddBuildRow(
      suite, "wire/build/tcp_timestamps",
      [](size_t i, Bytes segment) {
        return segment.size() == 32 &&
               testing::NaiveChecksumWithPseudoHeader(
                   testing::kOurIp.value, ClientOf(uint32_t(i)).address.value, 6, segment) == 0;
      },
      [](size_t i, MutableBytes out) {
        std::array<uint8_t, 40> bytes;
        TcpOptions options;
        options.timestamps = TcpTimestamps{uint32_t(i * 3), uint32_t(i * 5)};
        const size_t size = options.Emit(bytes);
        const Ipv4Endpoint client = ClientOf(uint32_t(i));
        return TcpHeader{.source_port = 80,
                         .destination_port = client.port,
                         .sequence = Seq(uint32_t(i * 65537)),
                         .acknowledgment = Seq(uint32_t(i * 257)),
                         .flags = tcp_flags::kAck,
                         .window = 1000,
                         .options = Bytes(bytes).first(size)}
            .Emit(out, testing::kOurIp, client.address, 0, 0);
      });
  AddBuildRow(
      suite, "wire/build/tcp_options_syn",
      [](size_t, Bytes bytes) {
        const auto parsed = TcpOptions::Parse(bytes);
        return parsed && parsed->mss == 1460 && parsed->window_scale == 7 && parsed->timestamps;
      },
      [](size_t i, MutableBytes out) {
        return TcpOptions{.mss = 1460,
                          .window_scale = 7,
                          .sack_permitted = true,
                          .timestamps = TcpTimestamps{uint32_t(i), 1}}
            .Emit(out);
      });
}

// --- A whole frame ---

struct Verdict {
  Drop drop;
  uint32_t sum;  // of the fields, so that all of them are read
};

// Everything that can be said about a frame without the sum over its TCP segment, in the order in
// which the stack asks. `with_sum` adds that as well.
template <bool kWithSum>
inline Verdict Validate(Bytes frame) {
  const auto ethernet = EthernetView::Parse(frame);
  if (!ethernet) return {ethernet.error(), 0};
  if (ethernet->destination() != testing::kOurMac) return {Drop::kEthernetNotForUs, 0};
  if (ethernet->source().IsGroup()) return {Drop::kEthernetBadSource, 0};
  if (ethernet->type() != static_cast<uint16_t>(EtherType::kIpv4))
    return {Drop::kEthernetUnknownType, 0};
  const auto packet = Ipv4View::Parse(ethernet->payload());
  if (!packet) return {packet.error(), 0};
  if (packet->destination() != testing::kOurIp) return {Drop::kIpv4NotForUs, 0};
  if (!packet->source().IsUnicast()) return {Drop::kIpv4MartianSource, 0};
  if (packet->IsFragment()) return {Drop::kIpv4Fragment, 0};
  if (packet->protocol() != static_cast<uint8_t>(IpProtocol::kTcp))
    return {Drop::kIpv4UnknownProtocol, 0};
  const auto segment = TcpView::Parse(packet->payload());
  if (!segment) return {segment.error(), 0};
  if constexpr (kWithSum) {
    if (!segment->ChecksumIsValid(packet->source(), packet->destination()))
      return {Drop::kTcpBadChecksum, 0};
  }
  return {Drop::kNone, segment->sequence().value() + segment->acknowledgment().value() +
                           segment->source_port() + segment->destination_port() + segment->flags() +
                           segment->window() + packet->source().value};
}

template <bool kWithSum>
void AddValidation(Suite& suite, const std::string& row, const Inputs& frames, Drop expected) {
  AddWireRow(
      suite, row, frames,
      [expected](Bytes frame) { return Validate<kWithSum>(frame).drop == expected; },
      [](Bytes frame) {
        const Verdict verdict = Validate<kWithSum>(frame);
        return verdict.sum + static_cast<uint32_t>(verdict.drop);
      });
}

void AddWholeFrames(Suite& suite) {
  Generator generator(5);
  // 10 bytes of text make a frame of 64 bytes.
  std::vector<Frame> sound;
  sound.reserve(kInputs);
  for (size_t i = 0; i < kInputs; ++i)
    sound.push_back(RandomTcp(generator, {}, 10, tcp_flags::kAck | tcp_flags::kPsh));
  const auto with = [&](auto&& damage) {
    return MakeInputs([&](size_t i) {
      Frame frame = sound[i];
      damage(frame);
      return frame;
    });
  };
  const Inputs accepted = with([](Frame&) {});
  AddValidation<false>(suite, "wire/validate_64/accept", accepted, Drop::kNone);
  AddValidation<true>(suite, "wire/validate_64/accept_with_sum", accepted, Drop::kNone);
  using testing::WithIpv4Checksum;
  struct Damage {
    const char* name;
    Drop drop;
    void (*apply)(Frame& frame);
  };
  const Damage damages[] = {
      {"ethernet_type", Drop::kEthernetUnknownType, [](Frame& f) { f[12] = 0x86; }},
      {"ipv4_version", Drop::kIpv4BadVersion, [](Frame& f) { f[kIpv4At] = 0x65; }},
      {"ipv4_header_length", Drop::kIpv4BadHeaderLength, [](Frame& f) { f[kIpv4At] = 0x44; }},
      {"ipv4_total_length", Drop::kIpv4BadTotalLength, [](Frame& f) { f[kIpv4At + 2] = 0xff; }},
      {"ipv4_checksum", Drop::kIpv4BadChecksum, [](Frame& f) { f[kIpv4At + 10] ^= 0x5a; }},
      {"ipv4_martian", Drop::kIpv4MartianSource,
       [](Frame& f) {
         f[kIpv4At + 12] = 127;
         f = WithIpv4Checksum(f);
       }},
      {"tcp_data_offset", Drop::kTcpBadDataOffset, [](Frame& f) { f[kIpv4PayloadAt + 12] = 0x40; }},
      {"tcp_cut", Drop::kTcpTooShort,
       [](Frame& f) {
         f.resize(kIpv4PayloadAt + 12);
         f[kIpv4At + 3] = 32;
         f = WithIpv4Checksum(f);
       }},
  };
  for (const Damage& damage : damages) {
    AddValidation<false>(suite, std::string("wire/validate_64/reject_") + damage.name,
                         with(damage.apply), damage.drop);
  }
  AddValidation<true>(suite, "wire/validate_64/reject_tcp_checksum",
                      with([](Frame& f) { f[kIpv4PayloadAt + 20] ^= 0x11; }),
                      Drop::kTcpBadChecksum);
  AddTouchBound(suite, "wire/validate_64", accepted);
}

}  // namespace

void AddFrameRows(Suite& suite) {
  AddEthernetAndArp(suite);
  AddIpv4AndIcmp(suite);
  AddUdp(suite);
  AddTcp(suite);
  AddWholeFrames(suite);
}

}  // namespace aether::bench
