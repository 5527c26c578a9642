// SYN cookies: made and checked alone, and from a SYN frame to the SYN-ACK frame through the whole
// stack, which keeps no state for it. Bounds: SipHash-2-4 of as many words; a stateless reflector
// that checks and emits frames of the same size.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/reflector.h"
#include "bench/common/suite.h"
#include "stack/base/siphash.h"
#include "stack/stack.h"
#include "stack/tcp/cookie.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::bench {
namespace {

using testing::Frame;
using testing::NaiveFrame;
using testing::NaiveParse;

constexpr Instant kBegin{std::chrono::seconds(1000)};
constexpr uint32_t kFlows = 4096;  // a power of two
constexpr Ipv4Address kRouter = testing::kPeerIp;

std::vector<Frame> Syns() {
  Generator generator(11);
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < kFlows; ++i) {
    testing::TcpSpec spec;
    const Ipv4Endpoint client = ClientOf(i);
    spec.ip.source = client.address;
    spec.source_port = client.port;
    spec.sequence = generator.Next32();
    spec.flags = tcp_flags::kSyn;
    spec.options = testing::FullSynOptions(generator.Next32());
    frames.push_back(testing::BuildTcp(spec));
  }
  return frames;
}

class Server {
 public:
  Server() : stack_(MakeConfig(), kBegin), syns_(Syns()), buffer_(stack_.frame_size_max()) {
    stack_.SetAddress(testing::kOurNetwork, kRouter);
    if (!stack_.TcpListen(80, {})) std::abort();
    // The clients are behind a router, whose link address is known.
    const Frame arp = testing::BuildArp({});
    const Bytes frames[] = {arp};
    stack_.Receive(frames, now_);
    while (stack_.Transmit(buffer_, now_) != 0) {
    }
    for (const Frame& syn : syns_) views_.push_back(syn);
  }

  std::string CheckAll() {
    for (uint32_t i = 0; i < kFlows; ++i) {
      Receive(i, 1);
      const size_t size = stack_.Transmit(buffer_, now_);
      const auto answer = NaiveParse(Bytes(buffer_).first(size));
      const auto syn = NaiveParse(syns_[i]);
      if (!answer || !answer->tcp || !syn) return "no SYN-ACK";
      if (answer->tcp->flags != (tcp_flags::kSyn | tcp_flags::kAck) ||
          answer->tcp->acknowledgment != syn->tcp->sequence + 1 ||
          answer->ip->destination != syn->ip->source || !answer->tcp->timestamps ||
          answer->tcp->window_scale != 7) {
        return "another SYN-ACK than the SYN asks for";
      }
      if (stack_.Transmit(buffer_, now_) != 0) return "more than one answer";
    }
    // The answers to all of them, and to none, fill the same memory.
    if (stack_.connection_count() != 0 || stack_.memory_in_use().half_open != 0)
      return "keeps state";
    if (stack_.counters().tcp_cookies_sent != kFlows) return "not all with a cookie";
    return {};
  }

  void Time(benchmark::State& state, uint32_t batch) {
    uint32_t at = 0;
    uint64_t sent = 0;
    uint64_t asked = 0;
    while (state.KeepRunningBatch(batch)) {
      Receive(at, batch);
      while (stack_.Transmit(buffer_, now_) != 0) ++sent;
      asked += batch;
      at = (at + batch) % kFlows;
    }
    if (sent != asked) state.SkipWithError("a SYN was not answered");
  }

  void TimeReflector(benchmark::State& state) {
    Reflector reflector(testing::kOurMac, {}, false);
    uint64_t sent = 0;
    TimeEach(state, [&](size_t i) {
      sent += reflector.Answer(views_[i % kFlows], buffer_) == 74 ? 1u : 0u;
      benchmark::ClobberMemory();
    });
    if (sent != static_cast<uint64_t>(state.iterations()))
      state.SkipWithError("the reflector's answer has another size than the stack's");
  }

 private:
  static Config MakeConfig() {
    Config config;
    config.mac = testing::kOurMac;
    config.seed = {1, 2};
    config.profile.syn_cookies = tcp::SynCookies::kAlways;
    return config;
  }
  void Receive(uint32_t first, uint32_t count) {
    now_ += std::chrono::nanoseconds(100);
    stack_.Receive(std::span(views_).subspan(first, count), now_);
  }

  Instant now_ = kBegin;
  Stack stack_;
  std::vector<Frame> syns_;
  std::vector<Bytes> views_;
  std::vector<uint8_t> buffer_;
};

std::string CheckCookies() {
  tcp::CookieJar jar({3, 4}, kBegin);
  Generator generator(12);
  for (uint32_t i = 0; i < 10'000; ++i) {
    const Seq isn(generator.Next32());
    const uint16_t mss = tcp::CookieJar::kMssTable[i % 8];
    const Seq cookie = jar.Make(FlowOf(i), isn, mss, kBegin);
    if (jar.Check(FlowOf(i), isn, cookie, kBegin) != mss) return "not accepted";
    if (jar.Check(FlowOf(i + 1), isn, cookie, kBegin)) return "accepted for another flow";
    if (jar.Check(FlowOf(i), isn, cookie + 64, kBegin)) return "another one accepted";
  }
  return {};
}

void Fill(Suite& suite) {
  const auto none = [] { return std::string(); };
  suite.Add("cookie/make", CheckCookies, [](benchmark::State& state) {
    tcp::CookieJar jar({3, 4}, kBegin);
    TimeEach(state, [&](size_t i) {
      const auto number = static_cast<uint32_t>(i);
      benchmark::DoNotOptimize(jar.Make(FlowOf(number), Seq(number * 77), 1460, kBegin));
    });
  });
  suite.Add("cookie/check", none, [](benchmark::State& state) {
    tcp::CookieJar jar({3, 4}, kBegin);
    std::vector<Seq> cookies;
    cookies.reserve(kFlows);
    for (uint32_t i = 0; i < kFlows; ++i)
      cookies.push_back(jar.Make(FlowOf(i), Seq(i * 77), 1460, kBegin));
    uint64_t good = 0;
    TimeEach(state, [&](size_t i) {
      const auto number = static_cast<uint32_t>(i % kFlows);
      good += jar.Check(FlowOf(number), Seq(number * 77), cookies[number], kBegin) ? 1u : 0u;
    });
    if (good != static_cast<uint64_t>(state.iterations())) state.SkipWithError("not accepted");
  });
  for (const char* row : {"cookie/make", "cookie/check"}) {
    suite.AddBound(row, "siphash24", [](benchmark::State& state) {
      TimeEach(state, [&](size_t i) {
        const tcp::FlowKey flow = FlowOf(static_cast<uint32_t>(i));
        benchmark::DoNotOptimize(
            SipHash24({1, 2}, flow.remote.value, uint64_t{flow.remote_port} << 32 | i, 5u));
      });
    });
  }
  const auto server = std::make_shared<Server>();
  suite.Add(
      "cookie/syn_to_syn_ack/batch_1", [server] { return server->CheckAll(); },
      [server](benchmark::State& state) { server->Time(state, 1); });
  suite.Add("cookie/syn_to_syn_ack/batch_32", none,
            [server](benchmark::State& state) { server->Time(state, 32); });
  suite.AddBound("cookie/syn_to_syn_ack", "reflector",
                 [server](benchmark::State& state) { server->TimeReflector(state); });
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
