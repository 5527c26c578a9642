// The exit codes of a bench: it fails closed. And what the bench programs share: the reflector's
// frames, the working sets.
#include "bench/common/suite.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "bench/common/bounds.h"
#include "bench/common/cycles.h"
#include "bench/common/machine.h"
#include "bench/common/reflector.h"
#include "bench/common/working_set.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::bench {
namespace {

using testing::Frame;

int RunSuite(std::vector<std::string> arguments, void (*fill)(Suite&)) {
  arguments.insert(arguments.begin(), "bench_probe");
  std::vector<char*> pointers;
  pointers.reserve(arguments.size());
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  const int code = SuiteMain(static_cast<int>(pointers.size()), pointers.data(), fill);
  benchmark::ClearRegisteredBenchmarks();
  return code;
}

std::string Right() { return {}; }
std::string NotRight() { return "broken"; }
void Nothing(benchmark::State& state) {
  TimeEach(state, [](size_t i) { benchmark::DoNotOptimize(i); });
}
bool timed = false;
void Noted(benchmark::State& state) {
  timed = true;
  Nothing(state);
}

TEST(Suite, PassesAndPrintsARowBesideItsBound) {
  ::testing::internal::CaptureStdout();
  const int code = RunSuite({"--quick"}, [](Suite& suite) {
    EXPECT_TRUE(suite.quick());
    suite.Add("a/b/row", Right, Nothing);
    suite.AddBound("a/b", "nothing", Nothing);
    suite.AddBound("a/bb", "another", Nothing);
  });
  const std::string out = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, 0);
  const std::string table = out.substr(out.rfind("a/b/row"));
  EXPECT_NE(table.find("nothing: "), table.npos) << out;
  EXPECT_EQ(table.find("another: "), table.npos) << out;
}

TEST(Suite, AWrongResultFailsBeforeAnythingIsTimed) {
  timed = false;
  EXPECT_EQ(RunSuite({"--quick"},
                     [](Suite& suite) {
                       suite.Add("right", Right, Noted);
                       suite.Add("wrong", NotRight, Noted);
                     }),
            4);
  EXPECT_FALSE(timed);
}

TEST(Suite, ARowThatFailsWhileItIsTimedFails) {
  EXPECT_EQ(RunSuite({"--quick"},
                     [](Suite& suite) {
                       suite.Add("fails", Right,
                                 [](benchmark::State& state) { state.SkipWithError("broken"); });
                     }),
            4);
}

// A filter stays with Google Benchmark for the runs that follow in a process.
TEST(Suite, NothingToRunFails) {
  const auto fill = [](Suite& suite) { suite.Add("row", Right, Nothing); };
  EXPECT_EQ(RunSuite({"--quick", "--benchmark_filter=nothing_like_it"}, fill), 1);
  EXPECT_EQ(RunSuite({"--unknown"}, fill), 1);
}

TEST(Suite, AFixedNumberOfIterationsIsDone) {
  static int64_t iterations = 0;
  const auto fill = [](Suite& suite) {
    suite.Add("row", Right, [](benchmark::State& state) {
      for (auto _ : state) continue;
      iterations = state.iterations();
    });
  };
  EXPECT_EQ(RunSuite({"--iterations=123", "--benchmark_filter=."}, fill), 0);
  EXPECT_EQ(iterations, 123);
  EXPECT_EQ(RunSuite({"--iterations=0"}, fill), 1);
  EXPECT_EQ(RunSuite({"--iterations=12x"}, fill), 1);
}

TEST(Suite, UncheckedTimesWithoutItsChecks) {
  timed = false;
  const auto fill = [](Suite& suite) { suite.Add("wrong", NotRight, Noted); };
  EXPECT_EQ(RunSuite({"--quick", "--unchecked", "--benchmark_filter=."}, fill), 0);
  EXPECT_TRUE(timed);
}

TEST(Suite, ChecksAloneTimeNothing) {
  timed = false;
  const auto fill = [](Suite& suite) { suite.Add("row", Right, Noted); };
  EXPECT_EQ(RunSuite({"--check"}, fill), 0);
  EXPECT_FALSE(timed);
}

TEST(Cycles, ACoreHasAPlausibleClock) {
  const double rate = MeasureCyclesPerNs();
  EXPECT_GT(rate, 0.1);
  EXPECT_LT(rate, 10);
}

TEST(Machine, SaysWhatItIs) {
  std::set<std::string> keys;
  for (const auto& [key, value] : DescribeMachine()) {
    EXPECT_FALSE(value.empty()) << key;
    keys.insert(key);
  }
  EXPECT_EQ(keys, (std::set<std::string>{"commit", "compiler", "cpu_model", "flags", "kernel"}));
}

TEST(WorkingSet, VisitsEveryPieceAtItsOffset) {
  const WorkingSet set(16384, 100, 54, 1);
  EXPECT_EQ(set.pieces(), 16384u / 192u);
  std::set<const uint8_t*> seen;
  size_t cursor = 0;
  for (size_t i = 0; i < set.pieces(); ++i) {
    const uint8_t* const piece = set.Next(cursor);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % 64, 54u);
    seen.insert(piece);
  }
  EXPECT_EQ(seen.size(), set.pieces());
  EXPECT_EQ(cursor, 0u);
}

class ReflectorTest : public ::testing::Test {
 protected:
  testing::TcpSpec Spec(uint8_t flags) {
    testing::TcpSpec spec;
    spec.ip.source = ClientOf(1).address;
    spec.source_port = 4000;
    spec.sequence = 1000;
    spec.acknowledgment = (flags & tcp_flags::kAck) != 0 ? Reflector::kFirstSequence + 1 : 0;
    spec.flags = flags;
    spec.options = (flags & tcp_flags::kSyn) != 0 ? testing::FullSynOptions(77)
                                                  : testing::TimestampOption(77, 1);
    return spec;
  }
  std::optional<testing::NaiveTcp> Answer(const Frame& frame) {
    std::vector<uint8_t> out(2048);
    const size_t size = reflector_.Answer(frame, out);
    if (size == 0) return std::nullopt;
    const auto parsed = testing::NaiveParse(Bytes(out).first(size));
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error());
    return parsed ? parsed->tcp : std::nullopt;
  }
  const Frame response_ = testing::ToFrame("HTTP/1.1 200 OK\r\n\r\n");
  Reflector reflector_{testing::kOurMac, response_, true};
};

TEST_F(ReflectorTest, AnswersEverySegmentOfAConnection) {
  const auto syn_ack = Answer(testing::BuildTcp(Spec(tcp_flags::kSyn)));
  ASSERT_TRUE(syn_ack);
  EXPECT_EQ(syn_ack->flags, tcp_flags::kSyn | tcp_flags::kAck);
  EXPECT_EQ(syn_ack->acknowledgment, 1001u);
  EXPECT_EQ(syn_ack->timestamps->echo_reply, 77u);
  EXPECT_FALSE(Answer(testing::BuildTcp(Spec(tcp_flags::kAck))));
  testing::TcpSpec request = Spec(tcp_flags::kAck);
  request.payload = testing::ToFrame("GET / HTTP/1.1\r\n\r\n");
  const auto response = Answer(testing::BuildTcp(request));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->payload, response_);
  EXPECT_EQ(response->sequence, request.acknowledgment);
  EXPECT_EQ(response->acknowledgment, request.sequence + request.payload.size());
  EXPECT_EQ(response->flags, tcp_flags::kAck | tcp_flags::kPsh | tcp_flags::kFin);
  const auto last = Answer(testing::BuildTcp(Spec(tcp_flags::kAck | tcp_flags::kFin)));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->flags, tcp_flags::kAck);
  EXPECT_EQ(last->acknowledgment, 1001u);
  EXPECT_EQ(reflector_.refused(), 0u);
}

TEST_F(ReflectorTest, RefusesWrongChecksums) {
  for (const size_t at : {testing::kIpv4At + 8, testing::kIpv4PayloadAt + 5}) {
    Frame frame = testing::BuildTcp(Spec(tcp_flags::kSyn));
    frame[at] ^= 0x10;
    EXPECT_FALSE(Answer(frame));
  }
  EXPECT_FALSE(Answer(Frame(20)));
  EXPECT_EQ(reflector_.refused(), 3u);
}

}  // namespace
}  // namespace aether::bench
