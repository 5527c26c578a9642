// Shard equivalence: the same traffic through one worker and through several gives every flow the
// same frames at the same times. What may differ between two stacks with different seeds (initial
// sequence numbers, timestamp offsets, IP identification) is taken out before comparing.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "stack/base/random.h"
#include "stack/runtime/worker_host.h"
#include "stack/testing/fragments_test_host.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/tcp_options.h"

namespace aether::runtime {
namespace {

using namespace std::chrono_literals;
using testing::Frame;

constexpr SteeringKey kKey{0x9d3c5b1f00aa77e1, 0x1234567890abcdef};

// Workers without threads, devices or a kernel: frames go where steering says, one worker after the
// other.
class Shards {
 public:
  Shards(uint32_t workers, Instant now) : workers_(workers) {
    for (uint32_t i = 1; i < workers; ++i) {
      inboxes_.push_back(std::make_unique<Inbox>());
      peers_.push_back(inboxes_.back().get());
    }
    for (uint32_t i = 0; i < workers; ++i) {
      app::HostOptions options;
      options.stack.mac = testing::kOurMac;
      options.stack.seed = {i + 7, workers};
      options.stack.sharded = workers > 1;
      options.stack.announce = i == 0;
      options.stack.tcp.connections_max = 4096;
      options.stack.tcp.time_wait_max = 4096;
      options.address = testing::kOurNetwork;
      hosts_.push_back(app::Host::Create(options, now).value());
      ends_.push_back(std::make_unique<WorkerHost>(
          *hosts_[i], i == 0 ? zero_inbox_ : *inboxes_[i - 1], orders_,
          i == 0 ? WorkerHost::Zero{.peers = peers_, .key = kKey, .watch = nullptr, .notice = {}}
                 : WorkerHost::Zero{}));
    }
    buffer_.resize(hosts_[0]->stack().frame_size_max());
  }

  // All frames that come out.
  std::vector<Frame> Receive(const std::vector<Frame>& frames, Instant now) {
    std::vector<std::vector<Bytes>> parts(workers_);
    for (const Frame& frame : frames) parts[SteerFrame(kKey, workers_, frame)].push_back(frame);
    for (uint32_t i = 0; i < workers_; ++i) ends_[i]->Receive(parts[i], now);
    std::vector<Frame> out;
    for (uint32_t i = 0; i < workers_; ++i) {
      if (ends_[i]->HasWork()) ends_[i]->Receive({}, now);
      while (const size_t size = ends_[i]->Transmit(buffer_, now))
        out.emplace_back(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(size));
      hosts_[i]->stack().CheckInvariants();
    }
    return out;
  }
  Instant NextDeadline() const {
    Instant next = kNever;
    for (const auto& end : ends_) next = std::min(next, end->NextDeadline());
    return next;
  }
  const Counters& counters(uint32_t i) const { return hosts_[i]->stack().counters(); }
  uint32_t workers() const { return workers_; }

 private:
  uint32_t workers_;
  std::atomic<uint32_t> orders_{0};
  Inbox zero_inbox_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<Inbox*> peers_;
  std::vector<std::unique_ptr<app::Host>> hosts_;
  std::vector<std::unique_ptr<WorkerHost>> ends_;
  Frame buffer_;
};

struct Seen {
  Instant at;
  uint32_t sequence;  // relative to the first
  uint32_t acknowledgment;
  uint8_t flags;
  uint16_t window;
  std::vector<uint8_t> options;  // timestamps relative to the first
  std::vector<uint8_t> payload;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  out << (seen.at.time_since_epoch() / 1us) << " us, flags " << int{seen.flags} << ", seq "
      << seen.sequence << ", ack " << seen.acknowledgment << ", window " << seen.window << ", "
      << seen.payload.size() << " bytes, options";
  for (const uint8_t byte : seen.options) out << ' ' << int{byte};
  return out;
}

// A client that does whatever its own dice say: in order or not, twice, in fragments, wrong, with
// ICMP errors about what it got. It needs to know of the server only what every client does.
class Client {
 public:
  Client(uint16_t port, uint64_t seed)
      : random_({seed, port}),
        port_(port),
        server_port_(port % 3 == 0 ? 7 : 80),
        timestamps_(port % 4 != 0),
        sent_(0x10000 * port) {}

  void Act(std::vector<Frame>& out, Instant now) {
    if (!open_) {
      out.push_back(testing::BuildTcp(Spec(tcp_flags::kSyn, sent_, now)));
      return;
    }
    switch (random_.Below(14)) {
      case 0:
        Send(out, tcp_flags::kAck | tcp_flags::kFin, sent_, {}, now);
        break;
      case 1:  // ahead of a gap, which the next one fills
        Send(out, tcp_flags::kAck, sent_ + 6, testing::ToFrame("/1.1\r\nHost: a\r\n\r\n"), now);
        break;
      case 2:  // something old
        Send(out, tcp_flags::kAck, sent_ - random_.Below(50), testing::Pattern(20), now);
        break;
      case 3:  // far outside
        Send(out, tcp_flags::kAck, sent_ + 0x40000000, testing::Pattern(20), now);
        break;
      case 4:
        SendError(out, now);
        break;
      case 5:
        window_ = static_cast<uint16_t>(random_.Below(3) == 0 ? 0 : random_.Below(65536));
        Send(out, tcp_flags::kAck, sent_, {}, now);
        break;
      case 6:
        if (random_.Below(8) == 0) Send(out, tcp_flags::kRst, sent_, {}, now);
        break;
      case 7: {  // in fragments
        TcpSpec spec = Spec(tcp_flags::kAck | tcp_flags::kPsh, sent_, now);
        spec.payload = testing::Pattern(200 + random_.Below(1000));
        spec.ip.identification = static_cast<uint16_t>(random_.Next32());
        sent_ += static_cast<uint32_t>(spec.payload.size());
        for (Frame& part : testing::Cut(testing::BuildTcp(spec), 8 + 8 * random_.Below(60)))
          out.push_back(std::move(part));
        break;
      }
      default: {
        static constexpr std::string_view kPieces[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                                       "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
                                                       "GET / HT",
                                                       "TP/1.1\r\nHost: a\r\n\r\n",
                                                       "HEAD / HTTP/1.0\r\n\r\n",
                                                       "bad\r\n\r\n"};
        const Frame text = testing::ToFrame(kPieces[random_.Below(6)]);
        Send(out, tcp_flags::kAck | tcp_flags::kPsh, sent_, text, now);
        sent_ += static_cast<uint32_t>(text.size());
      }
    }
  }

  // A segment for this client; what it looks like without the numbers that a stack draws.
  void OnSegment(const testing::NaiveTcp& tcp, Bytes raw_options, Instant now) {
    if (!initial_) initial_ = tcp.sequence;
    Seen seen{.at = now,
              .sequence = tcp.sequence - *initial_,
              .acknowledgment = tcp.acknowledgment,
              .flags = tcp.flags,
              .window = tcp.window,
              .options = {raw_options.begin(), raw_options.end()},
              .payload = {tcp.payload.begin(), tcp.payload.end()}};
    // A reset for what no connection knows takes its number from the segment that it answers.
    if (open_ && (tcp.flags & tcp_flags::kRst) != 0) seen.sequence = 0;
    const auto options = TcpOptions::Parse(raw_options);
    ASSERT_TRUE(options);
    if (options->timestamps) {
      echo_ = options->timestamps->value;
      if (!first_ts_) first_ts_ = echo_;
      TcpOptions relative = *options;
      relative.timestamps->value -= *first_ts_;
      seen.options.assign(40, 0);
      seen.options.resize(relative.Emit(seen.options));
    }
    seen_.push_back(std::move(seen));
    if ((tcp.flags & tcp_flags::kSyn) != 0) {
      if (!open_) sent_ += 1;
      open_ = true;
    }
    // Most of what arrives in order is taken.
    const uint32_t size = static_cast<uint32_t>(tcp.payload.size()) +
                          ((tcp.flags & (tcp_flags::kSyn | tcp_flags::kFin)) != 0 ? 1 : 0);
    if (tcp.sequence == taken_ || (tcp.flags & tcp_flags::kSyn) != 0)
      if (random_.Below(5) != 0) taken_ = tcp.sequence + size;
  }

  const std::vector<Seen>& seen() const { return seen_; }
  uint16_t port() const { return port_; }

 private:
  using TcpSpec = testing::TcpSpec;

  TcpSpec Spec(uint8_t flags, uint32_t sequence, Instant now) {
    TcpSpec spec{.source_port = port_,
                 .destination_port = server_port_,
                 .sequence = sequence,
                 .acknowledgment = (flags & tcp_flags::kAck) != 0 ? taken_ : 0,
                 .flags = flags,
                 .window = window_};
    TcpOptions options;
    if ((flags & tcp_flags::kSyn) != 0) {
      options.mss = static_cast<uint16_t>(500 + port_ % 961);
      options.sack_permitted = port_ % 2 == 0;
      if (port_ % 5 != 0) options.window_scale = static_cast<uint8_t>(port_ % 8);
    }
    if (timestamps_) {
      const auto ms = static_cast<uint32_t>(now.time_since_epoch() / 1ms);
      options.timestamps = TcpTimestamps{ms, echo_};
    }
    spec.options.resize(40);
    spec.options.resize(options.Emit(spec.options));
    return spec;
  }
  void Send(std::vector<Frame>& out, uint8_t flags, uint32_t sequence, Frame payload, Instant now) {
    TcpSpec spec = Spec(flags, sequence, now);
    spec.payload = std::move(payload);
    out.push_back(testing::BuildTcp(spec));
    if (random_.Below(10) == 0) out.push_back(out.back());  // twice
  }
  // Somebody on the way says that a segment of the server was too large, or that we are not there.
  void SendError(std::vector<Frame>& out, Instant now) {
    TcpSpec quoted = Spec(tcp_flags::kAck, 0, now);
    std::swap(quoted.ip.source, quoted.ip.destination);
    std::swap(quoted.source_port, quoted.destination_port);
    quoted.sequence = taken_;
    const Frame segment = testing::BuildTcp(quoted);
    testing::IcmpSpec error{.type = 3,
                            .code = static_cast<uint8_t>(random_.Below(2) == 0 ? 4 : 1),
                            .rest_of_header = 600 + random_.Below(800)};
    error.ip.source = Ipv4Address::Of(10, 0, 0, 250);
    error.payload.assign(segment.begin() + testing::kIpv4At,
                         segment.begin() + testing::kIpv4PayloadAt + 8);
    out.push_back(testing::BuildIcmp(error));
  }

  Random random_;
  uint16_t port_;
  uint16_t server_port_;
  bool timestamps_;
  bool open_ = false;
  uint32_t sent_;
  uint32_t taken_ = 0;
  uint16_t window_ = 30000;
  uint32_t echo_ = 0;
  std::optional<uint32_t> initial_;
  std::optional<uint32_t> first_ts_;
  std::vector<Seen> seen_;
};

struct Outcome {
  std::map<uint16_t, std::vector<Seen>> flows;
  uint64_t segments = 0;
  uint64_t mtu_errors = 0;
  uint64_t reassembled = 0;
  uint32_t busy_workers = 0;
};

bool IsFragment(const Frame& frame) {
  return ((frame[testing::kIpv4At + 6] & 0x3f) | frame[testing::kIpv4At + 7]) != 0;
}

Outcome RunTraffic(uint32_t workers, uint64_t seed) {
  Instant now{1000s};
  Shards shards(workers, now);
  Random random({seed, 1});
  std::map<uint16_t, Client> clients;
  for (uint16_t i = 0; i < 80; ++i) {
    const uint16_t port = static_cast<uint16_t>(20000 + 37 * i);
    clients.emplace(port, Client(port, seed));
  }
  const auto deliver = [&](const std::vector<Frame>& frames) {
    for (const Frame& frame : shards.Receive(frames, now)) {
      const auto parsed = testing::NaiveParse(frame);
      ASSERT_TRUE(parsed) << parsed.error();
      if (!parsed->tcp) continue;
      const size_t header = size_t{frame[testing::kIpv4PayloadAt + 12]} / 16 * 4;
      clients.at(parsed->tcp->destination_port)
          .OnSegment(*parsed->tcp, Bytes(frame).subspan(testing::kIpv4PayloadAt + 20, header - 20),
                     now);
    }
  };
  // ARP, so that everybody can be answered at once.
  deliver({testing::BuildArp({})});
  for (int step = 0; step < 400; ++step) {
    const Instant until = now + std::chrono::microseconds(100 + random.Below(30'000));
    while (shards.NextDeadline() < until) {
      now = std::max(now + 1us, shards.NextDeadline());
      deliver({});
    }
    now = std::max(now, until);
    std::vector<Frame> frames;
    for (uint32_t i = random.Below(30); i > 0; --i) {
      auto client = clients.begin();
      std::advance(client, random.Below(static_cast<uint32_t>(clients.size())));
      // What one worker puts together and hands to another comes a turn later: nothing else is in
      // the batch that could overtake it.
      std::vector<Frame> acted;
      client->second.Act(acted, now);
      const bool in_fragments = acted.size() > 0 && IsFragment(acted.back());
      if (in_fragments) deliver(std::exchange(frames, {}));
      frames.insert(frames.end(), acted.begin(), acted.end());
      if (in_fragments) deliver(std::exchange(frames, {}));
    }
    deliver(frames);
  }
  Outcome outcome;
  for (auto& [port, client] : clients) {
    outcome.segments += client.seen().size();
    outcome.flows[port] = client.seen();
  }
  for (uint32_t i = 0; i < workers; ++i) {
    outcome.mtu_errors += shards.counters(i).tcp_icmp_mtu;
    outcome.reassembled += shards.counters(i).ipv4_reassembled;
    if (shards.counters(i).tcp_accepted > 0) ++outcome.busy_workers;
  }
  return outcome;
}

class ShardsTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ShardsTest, EveryFlowGetsTheSameFromAnyNumberOfWorkers) {
  const Outcome one = RunTraffic(1, GetParam());
  ASSERT_GT(one.segments, 1000u);
  ASSERT_GT(one.mtu_errors, 0u);
  ASSERT_GT(one.reassembled, 20u);
  for (const uint32_t workers : {2u, 3u, 8u}) {
    const Outcome several = RunTraffic(workers, GetParam());
    EXPECT_EQ(several.busy_workers, workers);
    EXPECT_EQ(several.mtu_errors, one.mtu_errors) << workers;
    EXPECT_EQ(several.reassembled, one.reassembled) << workers;
    for (const auto& [port, seen] : one.flows) {
      const std::vector<Seen>& other = several.flows.at(port);
      ASSERT_EQ(other.size(), seen.size()) << "port " << port << ", " << workers << " workers";
      for (size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(other[i], seen[i])
            << "segment " << i << " of port " << port << ", " << workers << " workers";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ShardsTest, ::testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace aether::runtime
