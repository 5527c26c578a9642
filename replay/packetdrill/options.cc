#include "replay/packetdrill/options.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace aether::packetdrill {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kSocketBufferMax = 64u << 20;
constexpr uint32_t kReceiveBuffer = 65535;
constexpr uint32_t kReceiveBufferGrown = 4u << 20;
constexpr uint32_t kSendBuffer = 256u << 10;
constexpr uint32_t kSendBufferGrown = 4u << 20;

std::optional<uint64_t> ParseNumber(std::string_view text, uint64_t min, uint64_t max) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
    return std::nullopt;
  return value;
}

std::string Sentence(std::string_view what, std::string_view which) {
  std::string text(what);
  text.append(which);
  return text;
}

// What the text says; a key sets its own member and answers whether the value was good.
struct Draft {
  Options options;
  std::optional<uint16_t> mtu;
  std::optional<uint16_t> mss;
  uint32_t receive_bytes = 0;  // 0: not said
  uint32_t send_bytes = 0;

  template <typename T>
  static bool Number(std::string_view text, uint64_t min, uint64_t max, T& to) {
    const std::optional<uint64_t> value = ParseNumber(text, min, max);
    if (value) to = static_cast<T>(*value);
    return value.has_value();
  }
  static bool Time(std::string_view text, uint64_t min_ms, uint64_t max_ms, Duration& to) {
    const std::optional<uint64_t> value = ParseNumber(text, min_ms, max_ms);
    if (value) to = milliseconds(*value);
    return value.has_value();
  }
  static bool Switch(std::string_view text, bool& to) {
    to = text == "1";
    return text == "0" || text == "1";
  }
  bool Clock(std::string_view text) {
    options.clock = text == "real" ? ClockKind::kReal : ClockKind::kVirtual;
    return text == "real" || text == "virtual";
  }
  bool Local(std::string_view text) {
    options.local = ParseAddress(text);
    return options.local && options.local->IsUnicast();
  }
  bool Scale(std::string_view text) {
    options.config.profile.window_scaling = text != "off";
    return text == "off" || Number(text, 0, 14, options.config.tcp.receive_scale);
  }
  bool Ecn(std::string_view text) {
    options.config.profile.ecn = text != "0";
    options.config.profile.ecn_request = text == "1";
    return text == "0" || text == "1" || text == "2";
  }
  bool Congestion(std::string_view text) {
    tcp::CongestionAlgorithm& to = options.config.profile.congestion;
    if (text == "cubic") {
      to = tcp::CongestionAlgorithm::kCubic;
    } else if (text == "newreno" || text == "reno") {
      to = tcp::CongestionAlgorithm::kNewReno;
    } else if (text == "none") {
      to = tcp::CongestionAlgorithm::kNone;
    } else {
      return false;
    }
    return true;
  }
  bool TimeWait(std::string_view text) {
    Duration msl{};
    if (!Time(text, 1, 450'000, msl)) return false;
    options.config.tcp.time_wait = 2 * msl;
    return true;
  }
  bool DelayedAck(std::string_view text) {
    // [RFC 9293 3.8.6.3 MUST-40] less than half a second.
    if (!Time(text, 0, 499, options.config.tcp.delayed_ack)) return false;
    options.config.profile.delayed_ack = options.config.tcp.delayed_ack > Duration::zero();
    return true;
  }
  bool Mtu(std::string_view text) {
    uint16_t value = 0;
    if (!Number(text, 68, 65535, value)) return false;
    mtu = value;
    return true;
  }
  bool Mss(std::string_view text) {
    uint16_t value = 0;
    if (!Number(text, 88, 65495, value)) return false;
    mss = value;
    return true;
  }
  bool InitialWindow(std::string_view text) {
    return Number(text, 1, 255, options.config.profile.initial_window_segments);
  }
  bool SeedOf(std::string_view text) {
    return Number(text, 0, ~uint64_t{0}, options.config.seed[0]);
  }
};

using Setter = bool (*)(Draft&, std::string_view);
struct Key {
  std::string_view name;
  Setter set;
};

constexpr std::array kKeys{
    Key{"clock", [](Draft& d, std::string_view v) { return d.Clock(v); }},
    Key{"local", [](Draft& d, std::string_view v) { return d.Local(v); }},
    Key{"mtu", [](Draft& d, std::string_view v) { return d.Mtu(v); }},
    Key{"mss", [](Draft& d, std::string_view v) { return d.Mss(v); }},
    Key{"wscale", [](Draft& d, std::string_view v) { return d.Scale(v); }},
    Key{"ts",
        [](Draft& d, std::string_view v) {
          return Draft::Switch(v, d.options.config.profile.timestamps);
        }},
    Key{"sack", [](Draft& d,
                   std::string_view v) { return Draft::Switch(v, d.options.config.profile.sack); }},
    Key{"ecn", [](Draft& d, std::string_view v) { return d.Ecn(v); }},
    Key{"iw", [](Draft& d, std::string_view v) { return d.InitialWindow(v); }},
    Key{"rcvbuf",
        [](Draft& d, std::string_view v) {
          return Draft::Number(v, 1, kSocketBufferMax, d.receive_bytes);
        }},
    Key{"sndbuf",
        [](Draft& d, std::string_view v) {
          return Draft::Number(v, 1, kSocketBufferMax, d.send_bytes);
        }},
    Key{"min_rto_ms",
        [](Draft& d, std::string_view v) {
          return Draft::Time(v, 1, 120'000, d.options.config.tcp.rto_min);
        }},
    Key{"delack_ms", [](Draft& d, std::string_view v) { return d.DelayedAck(v); }},
    Key{"nodelay",
        [](Draft& d, std::string_view v) { return Draft::Switch(v, d.options.no_delay); }},
    Key{"quickack",
        [](Draft& d, std::string_view v) { return Draft::Switch(v, d.options.quick_ack); }},
    Key{"msl_ms", [](Draft& d, std::string_view v) { return d.TimeWait(v); }},
    Key{"cc", [](Draft& d, std::string_view v) { return d.Congestion(v); }},
    Key{"seed", [](Draft& d, std::string_view v) { return d.SeedOf(v); }},
};

// Few of everything: one script has a handful of connections, and the host locks all memory.
void SetLimits(Config& config) {
  config.mac = MacAddress{{0x02, 0, 0, 0, 0, 0x01}};
  config.seed = {1, 0x61657468657221};
  config.announce = false;
  config.receive_packet_bytes_max = 65535;
  // The only neighbour is ourselves: it is never asked for twice, and nothing waits for it in vain.
  config.net.neighbors_max = 16;
  config.net.neighbor_lifetime = std::chrono::hours(24 * 365);
  config.net.arp_queue_per_neighbor_max = 256;
  config.net.reassembly_datagrams_max = 4;
  config.net.output_frames_max = 512;
  config.net.output_fragments_max = 64;
  config.udp = {
      .sockets_max = 1, .queued_datagrams_max = 1, .datagrams_max = 1, .large_datagrams_max = 1};
  config.tcp.connections_max = 1024;
  config.tcp.time_wait_max = 1024;
  config.tcp.half_open_max = 256;
  config.tcp.replies_max = 1024;
  config.tcp.flight_segments_max = 8192;
  config.tcp.receive_buffer_bytes = kReceiveBuffer;
  config.tcp.receive_buffer_max_bytes = kReceiveBufferGrown;
  config.tcp.send_buffer_bytes = kSendBuffer;
  config.tcp.send_buffer_max_bytes = kSendBufferGrown;
  config.profile.ecn_request = false;
}

void SizeBuffers(const Draft& draft, Config& config) {
  TcpLimits& tcp = config.tcp;
  if (draft.receive_bytes != 0)
    tcp.receive_buffer_bytes = tcp.receive_buffer_max_bytes = draft.receive_bytes;
  if (draft.send_bytes != 0) tcp.send_buffer_bytes = tcp.send_buffer_max_bytes = draft.send_bytes;
  // [RFC 7323 2.3] no larger than what the window field can say.
  const uint32_t window_max =
      config.profile.window_scaling ? uint32_t{65535} << tcp.receive_scale : 65535;
  tcp.receive_buffer_max_bytes = std::min(tcp.receive_buffer_max_bytes, window_max);
  tcp.receive_buffer_bytes = std::min(tcp.receive_buffer_bytes, tcp.receive_buffer_max_bytes);
  config.buffers = {
      .chunks_max = 1024 + (tcp.receive_buffer_max_bytes + tcp.send_buffer_max_bytes) / 1024,
      .send_items_max = 16384,
      .sent_segments_max = 16384,
      .held_ranges_max = 4096};
}

}  // namespace

std::optional<Ipv4Address> ParseAddress(std::string_view text) {
  uint32_t value = 0;
  for (int octet = 0; octet < 4; ++octet) {
    const size_t dot = octet < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos || dot == 0 || dot > 3) return std::nullopt;
    const std::string_view digits = text.substr(0, dot);
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    const std::optional<uint64_t> number = ParseNumber(digits, 0, 255);
    if (!number) return std::nullopt;
    value = value << 8 | static_cast<uint32_t>(*number);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return Ipv4Address{value};
}

std::expected<Options, std::string> ParseOptions(std::string_view text) {
  Draft draft;
  SetLimits(draft.options.config);
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::unexpected(Sentence("not key=value: ", item));
    const auto key = std::ranges::find(kKeys, item.substr(0, equals), &Key::name);
    if (key == kKeys.end())
      return std::unexpected(Sentence("unknown key: ", item.substr(0, equals)));
    if (!key->set(draft, item.substr(equals + 1)))
      return std::unexpected(Sentence("bad value: ", item));
  }
  Config& config = draft.options.config;
  if (draft.mtu && draft.mss && *draft.mss + 40 > *draft.mtu)
    return std::unexpected(Sentence("the mss does not fit into the mtu", ""));
  // The MSS that we offer is what the MTU leaves; a smaller one is a smaller MTU.
  if (draft.mtu) config.mtu = *draft.mtu;
  if (draft.mss) config.mtu = static_cast<uint16_t>(*draft.mss + 40);
  // For all connections, also before they are accepted.
  if (draft.options.no_delay) config.profile.nagle = false;
  if (draft.options.quick_ack) config.profile.delayed_ack = false;
  SizeBuffers(draft, config);
  return draft.options;
}

}  // namespace aether::packetdrill
