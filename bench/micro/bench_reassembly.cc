// Reassembly: IPv4 datagrams from fragments, and TCP text that came ahead of gaps; in order, in
// reverse, in a random order and in holes. One operation is one fragment or segment, with its share
// of joining and handing on. Bound: a memcpy of its payload.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "stack/base/siphash.h"
#include "stack/net/fragments.h"
#include "stack/tcp/reassembler.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {
namespace {

using testing::Frame;

constexpr Instant kNow{std::chrono::seconds(1000)};

enum class Order { kForward, kReverse, kRandom, kHoles };

const char* NameOf(Order order) {
  switch (order) {
    case Order::kForward:
      return "forward";
    case Order::kReverse:
      return "reverse";
    case Order::kRandom:
      return "random";
    case Order::kHoles:
      return "holes";
  }
  return "";
}

std::vector<uint32_t> Arrange(Order order, uint32_t count, Generator& generator) {
  std::vector<uint32_t> at = generator.Permutation(count);
  if (order == Order::kRandom) return at;
  const uint32_t odd = count / 2;
  for (uint32_t i = 0; i < count; ++i) {
    if (order == Order::kHoles) {
      // Every other one, and then those between.
      at[i] = i < odd ? 2 * i + 1 : 2 * (i - odd);
    } else {
      at[i] = order == Order::kReverse ? count - 1 - i : i;
    }
  }
  return at;
}

void TimeCopies(benchmark::State& state, size_t bytes) {
  Generator generator(1);
  const std::vector<uint8_t> from = generator.Payload(bytes * 32);
  std::vector<uint8_t> to(bytes);
  TimeEach(state, [&](size_t i) {
    std::memcpy(to.data(), from.data() + i % 32 * bytes, bytes);
    benchmark::ClobberMemory();
  });
}

// --- IPv4 ---

constexpr uint32_t kFragmentBytes = 1480;
constexpr size_t kDatagrams = 16;

class Datagrams {
 public:
  Datagrams(Order order, uint32_t fragments)
      : fragments_(fragments), store_(NetLimits{}, SipKey{1, 2}) {
    Generator generator(fragments);
    for (size_t i = 0; i < kDatagrams; ++i) {
      testing::Ipv4Spec spec;
      spec.source = ClientOf(generator.Next32()).address;
      spec.identification = static_cast<uint16_t>(generator.Next32());
      const size_t last_bytes = 1 + generator.Below(kFragmentBytes / 2);
      payloads_.push_back(generator.Payload((fragments - 1) * kFragmentBytes + last_bytes));
      const Frame& payload = payloads_.back();
      for (const uint32_t at : Arrange(order, fragments, generator)) {
        const auto begin = payload.begin() + static_cast<long>(at) * kFragmentBytes;
        spec.more_fragments = at + 1 < fragments;
        spec.fragment_offset_bytes = at * kFragmentBytes;
        frames_.push_back(testing::BuildIpv4(
            spec, Frame(begin, spec.more_fragments ? begin + kFragmentBytes : payload.end())));
      }
    }
    for (const Frame& frame : frames_) {
      views_.push_back(*Ipv4View::Parse(Bytes(frame).subspan(testing::kIpv4At)));
    }
  }

  // Adds one; true when it was taken. A datagram that is whole is seen and let go.
  template <typename Whole>
  bool Add(size_t i, Whole&& whole) {
    const net::Fragments::Verdict verdict = store_.Add(views_[i], false, kNow, counters_);
    if (verdict.whole != kNoIndex) {
      whole(store_.Packet(verdict.whole));
      store_.Release(verdict.whole);
    }
    return verdict.drop == Drop::kNone;
  }

  std::string CheckAll() {
    for (size_t i = 0; i < views_.size(); ++i) {
      bool is_whole = false;
      bool is_right = true;
      const bool taken = Add(i, [&](Bytes packet) {
        is_whole = true;
        const Frame& expected = payloads_[i / fragments_];
        is_right = packet.size() == expected.size() + 20 &&
                   std::equal(expected.begin(), expected.end(), packet.begin() + 20);
      });
      if (!taken) return "a fragment was refused";
      if (is_whole != (i % fragments_ + 1 == fragments_)) return "whole at the wrong time";
      if (!is_right) return "another datagram came out";
    }
    return store_.datagrams() == 0 ? "" : "something is left";
  }

  void Time(benchmark::State& state) {
    uint64_t whole = 0;
    uint64_t refused = 0;
    while (state.KeepRunningBatch(static_cast<int64_t>(views_.size()))) {
      for (size_t i = 0; i < views_.size(); ++i)
        refused += Add(i, [&](Bytes) { ++whole; }) ? 0u : 1u;
    }
    if (refused != 0 || whole * fragments_ != static_cast<uint64_t>(state.iterations()))
      state.SkipWithError("a datagram did not become whole");
  }

 private:
  uint32_t fragments_;
  net::Fragments store_;
  Counters counters_;
  std::vector<Frame> payloads_;
  std::vector<Frame> frames_;
  std::vector<Ipv4View> views_;
};

// --- TCP ---

constexpr uint32_t kSegmentBytes = 1448;

// A stretch of `segments` of which the first comes last, or as `order` says, again and again.
class Stream {
 public:
  Stream(Order order, uint32_t segments) : chunks_(4096), ranges_(1024) {
    Generator generator(segments);
    payload_ = generator.Payload(size_t{segments} * kSegmentBytes);
    order_ = Arrange(order, segments, generator);
    // In order nothing would be held: then the first is the one that was lost.
    if (order == Order::kForward) std::rotate(order_.begin(), order_.begin() + 1, order_.end());
  }

  // All of it once. Answers how many bytes came out in order; `seen` gets them.
  template <typename Seen>
  size_t Round(Seen&& seen) {
    size_t out = 0;
    const Seq begin = nxt_;
    for (const uint32_t at : order_) {
      const Seq seq = begin + at * kSegmentBytes;
      const Bytes text = Bytes(payload_).subspan(size_t{at} * kSegmentBytes, kSegmentBytes);
      if (seq == nxt_) {
        if (!stream_.Append(chunks_, text)) return 0;
        nxt_ += kSegmentBytes;
        nxt_ += held_.TakeInOrder(pools_, nxt_, stream_);
        while (!stream_.empty()) {
          const Bytes front = stream_.Front(chunks_, 0);
          seen(out, front);
          out += front.size();
          stream_.Consume(chunks_, front.size());
        }
      } else {
        SackBlock duplicate;
        if (!held_.Insert(pools_, seq, text, 128, &duplicate)) return 0;
      }
    }
    return out;
  }

  std::string CheckAll() {
    for (int round = 0; round < 3; ++round) {
      bool is_right = true;
      const size_t out = Round([&](size_t at, Bytes bytes) {
        is_right &=
            std::equal(bytes.begin(), bytes.end(), payload_.begin() + static_cast<long>(at));
      });
      if (out != payload_.size() || !is_right) return "another text came out";
      if (!held_.empty() || chunks_.used() != 0) return "something is left";
    }
    return {};
  }

  void Time(benchmark::State& state) {
    bool is_right = true;
    while (state.KeepRunningBatch(static_cast<int64_t>(order_.size()))) {
      is_right &= Round([](size_t, Bytes) {}) == payload_.size();
    }
    if (!is_right) state.SkipWithError("not all of the text came out");
  }

 private:
  ChunkPool chunks_;
  Pool<tcp::HeldRange> ranges_;
  tcp::ReassemblyPools pools_{chunks_, ranges_};
  tcp::Reassembler held_;
  ChunkQueue stream_;
  Seq nxt_{0xffff0000u};
  std::vector<uint8_t> payload_;
  std::vector<uint32_t> order_;
};

template <typename Case>
void AddCase(Suite& suite, const std::string& row, Order order, uint32_t pieces) {
  suite.Add(
      row, [order, pieces] { return Case(order, pieces).CheckAll(); },
      [order, pieces](benchmark::State& state) { Case(order, pieces).Time(state); });
}

void Fill(Suite& suite) {
  for (const uint32_t fragments : {2u, 6u, 44u}) {
    for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom, Order::kHoles}) {
      AddCase<Datagrams>(suite,
                         "reassembly/ipv4/" + std::to_string(fragments) + "/" + NameOf(order),
                         order, fragments);
    }
  }
  suite.AddBound("reassembly/ipv4", "memcpy",
                 [](benchmark::State& state) { TimeCopies(state, kFragmentBytes); });
  for (const uint32_t segments : {2u, 16u, 128u}) {
    for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom, Order::kHoles}) {
      AddCase<Stream>(suite, "reassembly/tcp/" + std::to_string(segments) + "/" + NameOf(order),
                      order, segments);
    }
  }
  suite.AddBound("reassembly/tcp", "memcpy",
                 [](benchmark::State& state) { TimeCopies(state, kSegmentBytes); });
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
