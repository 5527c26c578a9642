// Writes the dictionaries of the fuzz targets: what a mutation would not come across by chance,
// taken from the constants of the code.
//
//   make_dictionaries FOLDER            writes FOLDER/<target>.dict
//   make_dictionaries --check FOLDER    compares instead
//
// Exit: 0 done, or all are current; 1 one is not, or cannot be read or written; 2 usage.
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "stack/tcp/profile.h"
#include "stack/tcp/profile_text.h"
#include "stack/wire/arp.h"
#include "stack/wire/dhcp.h"
#include "stack/wire/dns.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/http.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"
#include "stack/wire/udp.h"

namespace aether::fuzz {
namespace {

// The entries of one dictionary, in libFuzzer's form: "text" with \xNN.
class Dictionary {
 public:
  explicit Dictionary(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }

  Dictionary& Text(std::string_view bytes) {
    text_ += '"';
    for (const char c : bytes) {
      const bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
      if (is_plain) {
        text_ += c;
        continue;
      }
      std::array<char, 5> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(c) & 255);
      text_ += escaped.data();
    }
    text_ += "\"\n";
    return *this;
  }
  Dictionary& Octets(std::initializer_list<unsigned> octets) {
    std::string bytes;
    for (const unsigned octet : octets) bytes += static_cast<char>(octet);
    return Text(bytes);
  }
  // An option: kind, its whole length, and zeros.
  template <typename Kind>
  Dictionary& Option(Kind kind, size_t length) {
    std::string bytes(length, '\0');
    bytes[0] = static_cast<char>(kind);
    bytes[1] = static_cast<char>(length);
    return Text(bytes);
  }
  template <typename Number>
  Dictionary& Word(Number number) {
    const auto value = static_cast<unsigned>(number);
    return Octets({value >> 8 & 255, value & 255});
  }
  Dictionary& Long(uint32_t value) {
    return Octets({value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255});
  }

 private:
  std::string name_;
  std::string text_ = "# Written by fuzz/make_dictionaries.cc from the code's constants.\n";
};

void AddLink(std::vector<Dictionary>& all) {
  Dictionary& ethernet = all.emplace_back("ethernet");
  for (const EtherType type :
       {EtherType::kIpv4, EtherType::kArp, EtherType::kVlan, EtherType::kIpv6})
    ethernet.Word(type);
  ethernet.Word(kEtherTypeMin);
  const MacAddress broadcast = MacAddress::Broadcast();
  ethernet.Text({reinterpret_cast<const char*>(broadcast.octets.data()), MacAddress::kSize});

  std::array<uint8_t, ArpPacket::kSize> packet;
  Dictionary& arp = all.emplace_back("arp");
  for (const ArpOperation operation : {ArpOperation::kRequest, ArpOperation::kReply}) {
    ArpPacket{.operation = operation}.Emit(packet);
    arp.Text({reinterpret_cast<const char*>(packet.data()), 8});
  }
}

void AddInternet(std::vector<Dictionary>& all) {
  Dictionary& ipv4 = all.emplace_back("ipv4");
  for (const IpProtocol protocol :
       {IpProtocol::kIcmp, IpProtocol::kIgmp, IpProtocol::kTcp, IpProtocol::kUdp})
    ipv4.Octets({static_cast<unsigned>(protocol)});
  ipv4.Option(Ipv4OptionKind::kRecordRoute, 7).Option(Ipv4OptionKind::kTimestamp, 8);
  ipv4.Option(Ipv4OptionKind::kSecurity, 11).Option(Ipv4OptionKind::kLooseSourceRoute, 7);
  ipv4.Option(Ipv4OptionKind::kStrictSourceRoute, 7).Option(Ipv4OptionKind::kRouterAlert, 4);
  ipv4.Octets({0x45}).Octets({0x46}).Octets({0x4f}).Word(0x4000).Word(0x2000).Word(0x1fff);

  Dictionary& icmp = all.emplace_back("icmp");
  for (const IcmpType type :
       {IcmpType::kEchoReply, IcmpType::kDestinationUnreachable, IcmpType::kSourceQuench,
        IcmpType::kRedirect, IcmpType::kEchoRequest, IcmpType::kTimeExceeded,
        IcmpType::kParameterProblem, IcmpType::kTimestampRequest, IcmpType::kTimestampReply})
    icmp.Octets({static_cast<unsigned>(type), 0});
  for (const UnreachableCode code :
       {UnreachableCode::kNetwork, UnreachableCode::kHost, UnreachableCode::kProtocol,
        UnreachableCode::kPort, UnreachableCode::kFragmentationNeeded})
    icmp.Octets(
        {static_cast<unsigned>(IcmpType::kDestinationUnreachable), static_cast<unsigned>(code)});
  icmp.Octets({0x45}).Octets({0x4f});
}

void AddTransport(std::vector<Dictionary>& all) {
  all.emplace_back("udp").Word(UdpView::kHeaderSize).Word(0xffff).Word(0);
  Dictionary& tcp = all.emplace_back("tcp");
  for (const size_t size : {TcpView::kHeaderSizeMin, TcpView::kHeaderSizeMax}) {
    using namespace tcp_flags;
    for (const unsigned flags : {kSyn, kAck, kFin, kRst, kPsh, kUrg, kEce, kCwr})
      tcp.Octets({static_cast<unsigned>(size) << 2, flags});
  }
  Dictionary& options = all.emplace_back("tcp_options");
  options.Option(TcpOptionKind::kMss, 4).Option(TcpOptionKind::kWindowScale, 3);
  options.Option(TcpOptionKind::kSackPermitted, 2).Option(TcpOptionKind::kTimestamps, 10);
  for (size_t blocks = 1; blocks <= TcpOptions::kSackBlocksMax; ++blocks)
    options.Option(TcpOptionKind::kSack, 2 + 8 * blocks);
  options.Octets({static_cast<unsigned>(TcpOptionKind::kEnd)});
  options.Octets({static_cast<unsigned>(TcpOptionKind::kNop)});
  options.Octets({TcpOptions::kWindowScaleMax});
}

void AddDhcp(std::vector<Dictionary>& all) {
  Dictionary& dhcp = all.emplace_back("dhcp");
  dhcp.Long(DhcpView::kMagicCookie);
  for (auto type = static_cast<unsigned>(DhcpType::kDiscover);
       type <= static_cast<unsigned>(DhcpType::kInform); ++type)
    dhcp.Octets({static_cast<unsigned>(DhcpOptionCode::kMessageType), 1, type});
  for (const DhcpOptionCode code :
       {DhcpOptionCode::kSubnetMask, DhcpOptionCode::kRouter, DhcpOptionCode::kDns,
        DhcpOptionCode::kRequestedAddress, DhcpOptionCode::kLeaseTime, DhcpOptionCode::kServerId,
        DhcpOptionCode::kRenewalTime, DhcpOptionCode::kRebindingTime})
    dhcp.Octets({static_cast<unsigned>(code), 4, 10, 0, 0, 1});
  for (const unsigned overload : {1u, 2u, 3u})
    dhcp.Octets({static_cast<unsigned>(DhcpOptionCode::kOverload), 1, overload});
  dhcp.Octets({static_cast<unsigned>(DhcpOptionCode::kClientId), 7, 1});
  dhcp.Octets({static_cast<unsigned>(DhcpOptionCode::kParameterList), 3, 1, 3, 6});
  dhcp.Octets({static_cast<unsigned>(DhcpOptionCode::kEnd)});
}

// What messages are made of.
void AddDnsMessage(Dictionary& dns) {
  for (const DnsType type :
       {DnsType::kA, DnsType::kNs, DnsType::kCname, DnsType::kSoa, DnsType::kPtr, DnsType::kMx,
        DnsType::kTxt, DnsType::kAaaa, DnsType::kOpt}) {
    const auto number = static_cast<unsigned>(type);
    for (const DnsClass record_class : {DnsClass::kInternet, DnsClass::kAny})
      dns.Octets({0, number, 0, static_cast<unsigned>(record_class)});
  }
  using namespace dns_flags;
  for (const unsigned flag : {kResponse, kAuthoritative, kTruncated, kRecursionDesired,
                              kRecursionAvailable, kOpcodeMask, kResponseCodeMask})
    dns.Word(flag);
  dns.Word(0xc000u + DnsView::kHeaderSize)
      .Octets({DnsName::kLabelSizeMax})
      .Octets({0x40})
      .Octets({0x80});
}

void AddDns(std::vector<Dictionary>& all) {
  Dictionary& dns = all.emplace_back("dns");
  AddDnsMessage(dns);
  dns.Text("\\.").Text("\\032").Text("\\256");
  AddDnsMessage(all.emplace_back("dns_answer"));
}

void AddHttp(std::vector<Dictionary>& all) {
  Dictionary& request = all.emplace_back("http_request");
  // Only what the code itself takes for a method.
  for (const char* name :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    if (HttpMethodOf(name) != HttpMethod::kUnknown) request.Text(std::string(name) + " ");
  }
  request.Text(" HTTP/1.1\r\n").Text(" HTTP/1.0\r\n").Text("http://").Text("https://").Text("* ");
  request.Text("Host:").Text("Expect:").Text("100-continue").Text("[::1]:80");
  Dictionary& response = all.emplace_back("http_response");
  response.Text("HTTP/1.1 200 OK\r\n")
      .Text("HTTP/1.1 100 \r\n")
      .Text("HTTP/1.0 204\r\n")
      .Text("\r\n ");
  response.Text("Server:").Text("\r\n0\r\n\r\n").Text("1\r\n");
  for (Dictionary* head : {&request, &response}) {
    head->Text("Content-Length:").Text("Transfer-Encoding:").Text("Connection:");
    // Whole lines, so that two that contradict each other come together.
    head->Text("Content-Length: 1\r\n").Text("Transfer-Encoding: chunked\r\n");
    head->Text("chunked")
        .Text("close")
        .Text("keep-alive")
        .Text("18446744073709551615")
        .Text("\r\n\r\n");
  }
  all.emplace_back("http_path")
      .Text("/..")
      .Text("/.")
      .Text("%2e")
      .Text("%2f")
      .Text("%00")
      .Text("//")
      .Text("%5c");
  all.emplace_back("http_chunked")
      .Text("\r\n0\r\n")
      .Text("\r\n\r\n")
      .Text("ffffffffffffffff")
      .Text(";a=b")
      .Text("\r\n");
  all.emplace_back("http_url")
      .Text("http://")
      .Text("\n")
      .Text("..")
      .Text("/./")
      .Text(":65535")
      .Text("?")
      .Text("#")
      .Text("//");
}

void AddPcap(std::vector<Dictionary>& all) {
  all.emplace_back("pcap_file")
      .Long(0xa1b2c3d4u)
      .Long(0xd4c3b2a1u)
      .Long(0xa1b23c4du)
      .Long(0x4d3cb2a1u)
      .Long(0x0a0d0d0au)
      .Long(0x00020004u)
      .Long(0x02000400u)
      .Long(0x00040000u)
      .Long(0x1a2b3c4du)
      .Long(0x4d3c2b1au);
}

void AddCommandLine(std::vector<Dictionary>& all) {
  all.emplace_back("address_text")
      .Text("10.0.0.1")
      .Text(".255")
      .Text(".256")
      .Text(".0")
      .Text("/32")
      .Text("/33")
      .Text("02:00:00:00:00:01")
      .Text(":Ff");
  Dictionary& profile = all.emplace_back("profile_text");
  for (const std::string_view name : tcp::kProfileNames) profile.Text(name);
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches())
    profile.Text(std::string(each.name) + "=off,");
  profile.Text("congestion=none,").Text("newreno").Text("cubic");
  profile.Text("syn_cookies=never,").Text("under-pressure").Text("always");
  profile.Text("initial_window=255,").Text("256").Text("=on");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// 0 or 1, see above.
int Run(const std::string& folder, bool is_check) {
  std::vector<Dictionary> all;
  all.reserve(32);  // references to what was added stay good
  AddLink(all);
  AddInternet(all);
  AddTransport(all);
  AddDhcp(all);
  AddDns(all);
  AddHttp(all);
  AddPcap(all);
  AddCommandLine(all);
  int result = 0;
  for (const Dictionary& dictionary : all) {
    const std::string path = folder + "/" + dictionary.name() + ".dict";
    if (!is_check) std::ofstream(path, std::ios::binary) << dictionary.text();
    if (ReadFile(path) == dictionary.text()) continue;
    std::fprintf(stderr,
                 is_check ? "%s is not current: run make_dictionaries\n" : "%s cannot be written\n",
                 path.c_str());
    result = 1;
  }
  return result;
}

}  // namespace
}  // namespace aether::fuzz

int main(int argc, char** argv) {
  const bool is_check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
  if (argc == 2 || is_check) return aether::fuzz::Run(argv[argc - 1], is_check);
  std::fprintf(stderr, "usage: make_dictionaries [--check] FOLDER\n");
  return 2;
}
