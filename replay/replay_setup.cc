#include "replay/replay_setup.h"

#include "replay/capture_reader.h"

namespace aether::replay {
namespace {

constexpr Ipv4Network kNoServer{Ipv4Address::Of(198, 18, 0, 1), 24};
constexpr MacAddress kNoMac{{2, 0, 0, 0, 0, 2}};
constexpr uint8_t kPrefix = 24;

Ipv4Network NetworkOf(std::optional<Ipv4Address> server) {
  if (!server || !server->IsUnicast()) return kNoServer;
  const Ipv4Network network{*server, kPrefix};
  if (network.IsNetworkAddress(*server) || network.IsDirectedBroadcast(*server)) return kNoServer;
  return network;
}

}  // namespace

std::expected<void, std::string> ReadSurvey(const ReplaySetup& setup, Survey& survey) {
  auto reader = CaptureReader::Open(setup.path, setup.filter);
  if (!reader) return std::unexpected(reader.error());
  while (const std::optional<CapturedFrame> captured = reader->Next()) {
    survey.Add(ParsePacket(captured->frame), captured->at);
  }
  return {};
}

ReplayHostOptions HostOptionsFor(const ReplaySetup& setup, Survey& survey) {
  ReplayHostOptions options;
  const std::optional<Ipv4Address> server = survey.ServerAddress();
  options.address = setup.address.value_or(NetworkOf(server));
  // Another host of the network; whoever it is, the replay answers for it.
  const uint32_t base = options.address.address.value & options.address.Mask();
  for (uint32_t host = 1; host < 3 && !options.gateway; ++host) {
    const Ipv4Address gateway{base + host};
    if (gateway != options.address.address && options.address.Contains(gateway) &&
        !options.address.IsDirectedBroadcast(gateway) && gateway.IsUnicast())
      options.gateway = gateway;
  }
  Config& stack = options.stack;
  stack.mac = setup.mac.value_or(kNoMac);
  if (!setup.mac && server == options.address.address) {
    const MacAddress mac = survey.MacOf(*server).value_or(kNoMac);
    if (!mac.IsGroup() && !mac.IsZero()) stack.mac = mac;
  }
  stack.seed = setup.seed;
  stack.profile = setup.profile;
  // As aether-run has it.
  if (setup.profile == tcp::kClassic) stack.net.reassembly_datagrams_max = 0;
  options.tcp = survey.TcpServices();
  options.udp = survey.UdpPorts();
  if (survey.content().size() > 0) options.content = &survey.content();
  return options;
}

}  // namespace aether::replay
