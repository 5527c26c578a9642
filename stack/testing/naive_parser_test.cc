// The naive parser takes what is right and names what is wrong: it is the judge of all that the
// stack sends.
#include "stack/testing/naive_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "stack/base/random.h"
#include "stack/testing/frame_builder.h"

namespace aether::testing {
namespace {

using ::testing::HasSubstr;

// A frame with what was parsed of it, which views it.
class Kept {
 public:
  explicit Kept(Frame frame) : frame_(std::move(frame)), parsed_(NaiveParse(frame_)) {}
  bool has_value() const { return parsed_.has_value(); }
  const std::string& error() const { return parsed_.error(); }
  const NaiveFrame* operator->() const { return &*parsed_; }

 private:
  const Frame frame_;
  const std::expected<NaiveFrame, std::string> parsed_;
};

std::string ErrorOf(const Frame& frame) {
  const auto parsed = NaiveParse(frame);
  return parsed.has_value() ? "" : parsed.error();
}

Frame Changed(Frame frame, size_t at, uint8_t value) {
  frame[at] = value;
  return frame;
}

// A frame whose checksums are right again after the change.
Frame Repaired(Frame frame, size_t at, uint8_t value) {
  return WithPayloadChecksum(WithIpv4Checksum(Changed(std::move(frame), at, value)));
}

// [RFC 1071 section 3] its worked example: the sum of these bytes is ddf2.
TEST(NaiveChecksum, MatchesTheExampleOfTheRfc) {
  EXPECT_EQ(NaiveChecksum(Frame{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}), 0xffff - 0xddf2);
  EXPECT_EQ(NaiveChecksum(Frame{}), 0xffff);
  EXPECT_EQ(NaiveChecksum(Frame{0xff, 0xff}), 0);
  EXPECT_EQ(NaiveChecksum(Frame{0x12}), 0xffff - 0x1200);
}

TEST(NaiveParser, ReadsEveryFieldOfTcp) {
  const auto parsed = Kept(BuildTcp({.source_port = 1,
                                     .destination_port = 65535,
                                     .sequence = 0xfffffffe,
                                     .acknowledgment = 7,
                                     .flags = tcp_flags::kAck | tcp_flags::kPsh,
                                     .window = 1000,
                                     .payload = ToFrame("odd")}));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  ASSERT_TRUE(parsed->tcp && parsed->ip);
  EXPECT_EQ(parsed->destination, kOurMac.octets);
  EXPECT_EQ(parsed->source, kPeerMac.octets);
  EXPECT_EQ(parsed->ip->source, kPeerIp.value);
  EXPECT_EQ(parsed->ip->destination, kOurIp.value);
  EXPECT_EQ(parsed->ip->time_to_live, 64);
  EXPECT_EQ(parsed->ip->identification, 0x1234);
  EXPECT_EQ(parsed->tcp->source_port, 1);
  EXPECT_EQ(parsed->tcp->destination_port, 65535);
  EXPECT_EQ(parsed->tcp->sequence, 0xfffffffeu);
  EXPECT_EQ(parsed->tcp->acknowledgment, 7u);
  EXPECT_EQ(parsed->tcp->flags, 0x18);
  EXPECT_EQ(parsed->tcp->window, 1000);
  EXPECT_EQ(parsed->tcp->payload, ToFrame("odd"));
  EXPECT_FALSE(parsed->tcp->mss.has_value());
}

TEST(NaiveParser, ReadsTcpOptions) {
  Frame options = MssOption(1460);
  for (const uint8_t byte : Frame{1, 3, 3, 7, 4, 2, 0, 0}) options.push_back(byte);
  const auto parsed = Kept(BuildTcp({.flags = tcp_flags::kSyn, .options = options}));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->tcp->mss, 1460);
  EXPECT_EQ(parsed->tcp->window_scale, 7);
  EXPECT_TRUE(parsed->tcp->sack_permitted);
}

TEST(NaiveParser, ReadsTimestampsAndSack) {
  const auto syn = Kept(BuildTcp({.flags = tcp_flags::kSyn, .options = FullSynOptions(77)}));
  ASSERT_TRUE(syn.has_value()) << syn.error();
  EXPECT_EQ(syn->tcp->option_kinds, (std::vector<uint8_t>{2, 4, 8, 1, 3}));
  EXPECT_EQ(syn->tcp->mss, 1460);
  EXPECT_TRUE(syn->tcp->sack_permitted);
  EXPECT_EQ(syn->tcp->window_scale, 7);
  const auto ack = Kept(BuildTcp({.options = Joined({TimestampOption(5, 0xfffffff0),
                                                     SackOption({{1, 3}, {7, 0x80000000}})})}));
  ASSERT_TRUE(ack.has_value()) << ack.error();
  ASSERT_TRUE(ack->tcp->timestamps);
  EXPECT_EQ(ack->tcp->timestamps->value, 5u);
  EXPECT_EQ(ack->tcp->timestamps->echo_reply, 0xfffffff0u);
  EXPECT_EQ(ack->tcp->sack_blocks, (std::vector<std::array<uint32_t, 2>>{{1, 3}, {7, 0x80000000}}));
  EXPECT_THAT(
      ErrorOf(BuildTcp({.options = Joined({TimestampOption(1, 2), TimestampOption(1, 2)})})),
      HasSubstr("timestamps"));
}

TEST(NaiveParser, ReadsTheOthers) {
  const auto arp = Kept(BuildArp({.operation = 2, .target_mac = kOurMac}));
  ASSERT_TRUE(arp.has_value()) << arp.error();
  EXPECT_EQ(arp->arp->sender_ip, kPeerIp.value);
  EXPECT_EQ(arp->arp->target_mac, kOurMac.octets);
  const auto udp = Kept(BuildUdp({.payload = ToFrame("hello")}));
  ASSERT_TRUE(udp.has_value()) << udp.error();
  EXPECT_EQ(udp->udp->source_port, 5000);
  EXPECT_EQ(udp->udp->payload, ToFrame("hello"));
  const auto icmp = Kept(BuildIcmp({.payload = Pattern(31)}));
  ASSERT_TRUE(icmp.has_value()) << icmp.error();
  EXPECT_EQ(icmp->icmp->type, 8);
  EXPECT_EQ(icmp->icmp->rest_of_header, 0x00010001u);
  EXPECT_EQ(icmp->icmp->payload, Pattern(31));
  const auto fragment = Kept(
      BuildIpv4({.more_fragments = true, .fragment_offset_bytes = 16, .protocol = 6}, Frame(8)));
  ASSERT_TRUE(fragment.has_value()) << fragment.error();
  EXPECT_TRUE(fragment->ip->more_fragments);
  EXPECT_EQ(fragment->ip->fragment_offset_bytes, 16u);
  EXPECT_FALSE(fragment->tcp.has_value());
}

TEST(NaiveParser, AllowsPaddingToTheMinimumOnly) {
  const Frame frame = BuildUdp({});
  ASSERT_EQ(frame.size(), 42u);
  EXPECT_EQ(ErrorOf(Padded(frame, 60)), "");
  EXPECT_THAT(ErrorOf(Padded(frame, 61)), HasSubstr("after the end"));
  EXPECT_THAT(ErrorOf(Padded(frame, 60, 1)), HasSubstr("padding"));
}

TEST(NaiveParser, NoticesAnyFlippedBitBehindTheEthernetHeader) {
  for (const Frame& frame :
       {BuildTcp({.options = {1, 1, 1, 0}, .payload = Pattern(33)}),
        BuildUdp({.payload = Pattern(20)}), BuildIcmp({.payload = Pattern(9)})}) {
    ASSERT_EQ(ErrorOf(frame), "");
    for (size_t bit = kIpv4At * 8; bit < frame.size() * 8; ++bit) {
      Frame flipped = frame;
      flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
      EXPECT_NE(ErrorOf(flipped), "") << "bit " << bit;
    }
  }
}

TEST(NaiveParser, NoticesEveryTruncation) {
  for (const Frame& frame : {BuildTcp({.payload = Pattern(5)}), BuildUdp({.payload = Pattern(5)}),
                             BuildIcmp({}), BuildArp({})}) {
    for (size_t size = 0; size < frame.size(); ++size) {
      EXPECT_NE(ErrorOf(Frame(frame.begin(), frame.begin() + static_cast<long>(size))), "") << size;
    }
  }
}

TEST(NaiveParser, NamesWhatIsWrongWithAddresses) {
  EXPECT_THAT(ErrorOf(Changed(BuildUdp({}), 6, 1)), HasSubstr("group"));
  EXPECT_THAT(ErrorOf(BuildEthernet({.source = {}}, Frame(40))), HasSubstr("source of the frame"));
  EXPECT_THAT(ErrorOf(BuildEthernet({.destination = {}}, Frame(40))), HasSubstr("destination"));
  EXPECT_THAT(ErrorOf(BuildEthernet({.type = 0x86dd}, Frame(40))), HasSubstr("neither"));
  EXPECT_THAT(ErrorOf(BuildUdp({.ip = {.source = Ipv4Address::Broadcast()}})),
              HasSubstr("no host"));
  EXPECT_THAT(ErrorOf(BuildUdp({.ip = {.source = kOurIp}})), HasSubstr("its own source"));
  EXPECT_THAT(ErrorOf(BuildTcp({.ip = {.destination = Ipv4Address::Broadcast()}})),
              HasSubstr("group"));
  EXPECT_THAT(ErrorOf(BuildArp({.sender_mac = kOurMac})), HasSubstr("sender"));
  EXPECT_THAT(ErrorOf(BuildArp({.operation = 3})), HasSubstr("operation"));
  EXPECT_THAT(ErrorOf(BuildUdp({.ip = {.time_to_live = 0}})), HasSubstr("time to live"));
}

TEST(NaiveParser, NamesWhatIsWrongWithTcp) {
  const uint8_t ack = tcp_flags::kAck;
  EXPECT_THAT(ErrorOf(BuildTcp({.flags = 0})), HasSubstr("without an acknowledgment"));
  EXPECT_THAT(ErrorOf(BuildTcp({.flags = 0x03})), HasSubstr("exclude"));
  EXPECT_THAT(ErrorOf(BuildTcp({.acknowledgment = 1, .flags = tcp_flags::kRst})),
              HasSubstr("without its flag"));
  EXPECT_THAT(ErrorOf(BuildTcp({.flags = tcp_flags::kRst, .payload = {1}})),
              HasSubstr("reset with data"));
  EXPECT_THAT(ErrorOf(BuildTcp({.urgent_pointer = 1})), HasSubstr("urgent"));
  EXPECT_THAT(ErrorOf(BuildTcp({.source_port = 0})), HasSubstr("port is zero"));
  EXPECT_THAT(ErrorOf(BuildTcp({.flags = ack, .options = MssOption(9)})), HasSubstr("MSS"));
  EXPECT_THAT(ErrorOf(BuildTcp({.options = {99, 4, 0, 0}})), HasSubstr("never send"));
  EXPECT_THAT(ErrorOf(BuildTcp({.options = {2, 5, 0, 0}})), HasSubstr("bad length"));
  EXPECT_THAT(ErrorOf(BuildTcp({.options = {0, 0, 0, 1}})), HasSubstr("option padding"));
  EXPECT_THAT(ErrorOf(Repaired(BuildTcp({}), kIpv4PayloadAt + 12, 0x51)), HasSubstr("reserved"));
  EXPECT_THAT(ErrorOf(Repaired(BuildTcp({}), kIpv4PayloadAt + 12, 0x40)), HasSubstr("offset"));
  EXPECT_THAT(ErrorOf(Repaired(BuildTcp({}), kIpv4PayloadAt + 12, 0x60)), HasSubstr("offset"));
}

TEST(NaiveParser, NamesWhatIsWrongWithUdpAndIcmp) {
  EXPECT_THAT(ErrorOf(BuildUdp({.with_checksum = false})), HasSubstr("not computed"));
  EXPECT_THAT(ErrorOf(Repaired(BuildUdp({.payload = Frame(4)}), kIpv4PayloadAt + 5, 11)),
              HasSubstr("UDP length"));
  EXPECT_THAT(ErrorOf(BuildIcmp({.type = 13})), HasSubstr("never send"));
  EXPECT_THAT(ErrorOf(BuildIcmp({.code = 1})), HasSubstr("code"));
  EXPECT_THAT(ErrorOf(BuildIcmp({.type = 3, .payload = Frame(28)})), HasSubstr("no IPv4 header"));
  Frame quote = BuildUdp({.payload = Pattern(20)});
  quote.erase(quote.begin(), quote.begin() + 14);
  EXPECT_EQ(ErrorOf(BuildIcmp({.type = 3, .code = 3, .payload = quote})), "");
  quote.push_back(0);
  EXPECT_THAT(ErrorOf(BuildIcmp({.type = 3, .payload = quote})), HasSubstr("more than"));
  quote.resize(27);
  EXPECT_THAT(ErrorOf(BuildIcmp({.type = 3, .payload = quote})), HasSubstr("too little"));
}

TEST(NaiveParser, SurvivesAnyBytes) {
  Random random(Seed{5, 6});
  for (int round = 0; round < 20'000; ++round) {
    Frame frame = BuildTcp({.options = {2, 4, 1, 1, 3, 3, 1, 0}, .payload = Pattern(10)});
    for (uint32_t i = 0; i < 1 + random.Below(5); ++i) {
      frame[random.Below(static_cast<uint32_t>(frame.size()))] =
          static_cast<uint8_t>(random.Next32());
    }
    frame = WithPayloadChecksum(WithIpv4Checksum(std::move(frame)));
    frame.resize(random.Below(static_cast<uint32_t>(frame.size() + 1)));
    const Frame exact(frame.begin(), frame.end());
    const auto parsed = NaiveParse(exact);
    EXPECT_TRUE(parsed.has_value() || !parsed.error().empty());
  }
}

}  // namespace
}  // namespace aether::testing
