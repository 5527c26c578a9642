// celeron_probe: what the model of the Celeron has to know of a processor, measured on it and
// printed as JSON: CPUID, clock, latency ladder, branch penalty, calibration kernel. It is this one
// file, for x86 and Linux, and needs nothing else:
//
//   g++ -O2 -march=core2 celeron_probe.cc -o celeron_probe && ./celeron_probe > constants.json
//
//   --calibration SECONDS   runs the calibration kernel for so long; its rounds a second
//   --rounds N              runs it N times and says nothing: for callgrind
#include <cpuid.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint64_t kSeed = 20090217;

uint64_t Now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

// xorshift64*
class Random {
 public:
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717ULL;
  }

 private:
  uint64_t state_ = kSeed;
};

// The shortest of many short runs: whoever takes the core away only makes runs longer.
template <typename Run>
double BestNs(int runs, const Run& run) {
  double best = 1e300;
  for (int i = 0; i < runs; ++i) {
    const uint64_t begin = Now();
    run();
    best = std::min(best, static_cast<double>(Now() - begin));
  }
  return best;
}

// --- Clock: additions that wait for one another take a cycle each ---

double MeasureGhz() {
  constexpr int kLoops = 5'000;
  uint64_t sum = 1;
  uint64_t by = 3;
  const double ns = BestNs(60, [&sum, &by] {
    for (int i = 0; i < kLoops; ++i)
      asm volatile(".rept 64\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(by));
  });
  return kLoops * 64 / ns;
}

// --- Latency ladder: one load waits for the next, in an order that no prefetcher guesses ---

struct Node {
  Node* next;
  uint64_t padding[7];
};

double MeasureLatencyNs(size_t bytes) {
  const size_t count = bytes / sizeof(Node);
  std::vector<Node> nodes(count);
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  Random random;
  for (size_t i = count - 1; i > 0; --i) std::swap(order[i], order[random.Next() % (i + 1)]);
  for (size_t i = 0; i < count; ++i) nodes[order[i]].next = &nodes[order[(i + 1) % count]];
  Node* at = &nodes[order[0]];
  const auto walk = [&at](size_t steps) {
    for (size_t i = 0; i < steps; ++i) at = at->next;
    asm volatile("" : "+r"(at));
  };
  walk(count);
  constexpr size_t kSteps = 20'000;
  return BestNs(40, [&walk] { walk(kSteps); }) / kSteps;
}

// --- Branch penalty: the same loop over random and over constant bits ---

uint64_t CountOnes(const std::vector<uint8_t>& bits) {
  uint64_t sum = 1;
  for (const uint8_t bit : bits) {
    if (bit != 0) {
      sum += sum >> 3;
      asm volatile("" : "+r"(sum));
    } else {
      sum ^= 0x55;
      asm volatile("" : "+r"(sum));
    }
  }
  return sum;
}

double MeasureBranchMissNs() {
  constexpr size_t kBits = 1 << 18;
  std::vector<uint8_t> same(kBits, 1);
  std::vector<uint8_t> random_bits(kBits);
  Random random;
  for (uint8_t& bit : random_bits) bit = static_cast<uint8_t>(random.Next() >> 63);
  volatile uint64_t sink = 0;
  const double easy = BestNs(30, [&] { sink = CountOnes(same); });
  const double hard = BestNs(30, [&] { sink = CountOnes(random_bits); });
  // Half of the random ones are predicted wrongly.
  return (hard - easy) / (kBits / 2);
}

// --- Calibration kernel: work of the kind that a network stack does ---

struct Flow {
  uint64_t key;
  uint64_t bytes;
  uint32_t state;
  uint32_t turns;
  uint8_t rest[40];
};

struct Calibration {
  static constexpr size_t kFlows = 2048;
  static constexpr size_t kFrames = 64;
  static constexpr size_t kFrameBytes = 512;
  std::vector<Flow> flows{kFlows};
  std::vector<uint8_t> frames;
  std::vector<uint8_t> out;
  Random random;
  uint64_t sum = 0;

  Calibration() : frames(kFrames * kFrameBytes), out(kFrameBytes) {
    for (uint8_t& byte : frames) byte = static_cast<uint8_t>(random.Next() >> 40);
  }
};

uint32_t Fold(const uint8_t* from, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 4 <= size; i += 4) {
    uint32_t word = 0;
    std::memcpy(&word, from + i, 4);
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint32_t>(sum);
}

Flow& Find(Calibration& all, uint64_t key) {
  size_t slot = (key * 0x9e3779b97f4a7c15ULL) >> 53;
  while (all.flows[slot].key != 0 && all.flows[slot].key != key)
    slot = (slot + 1) % Calibration::kFlows;
  all.flows[slot].key = key;
  return all.flows[slot];
}

void Step(Calibration& all) {
  const uint64_t drawn = all.random.Next();
  Flow& flow = Find(all, 1 + drawn % (Calibration::kFlows / 2));
  const uint8_t* frame =
      &all.frames[(drawn >> 32) % Calibration::kFrames * Calibration::kFrameBytes];
  const size_t size = 40 + (drawn >> 40) % 400;
  ++flow.turns;
  switch (flow.state) {
    case 0:
      flow.state = (drawn >> 60) < 9 ? 1 : 2;
      break;
    case 1:
      std::memcpy(all.out.data(), frame, size);
      flow.bytes += size;
      flow.state = all.out[size / 2] < 100 ? 2 : 3;
      break;
    case 2:
      flow.bytes += Fold(frame, size) & 1;
      flow.state = 3;
      break;
    default:
      all.sum += Fold(frame, 40) + flow.bytes;
      flow.state = (flow.turns & 7) == 0 ? 0 : 1;
  }
}

constexpr int kStepsPerRound = 2'000;

}  // namespace

// Tools are told to count in this function.
extern "C" __attribute__((noinline)) void celeron_calibration(void* state) {
  auto& all = *static_cast<Calibration*>(state);
  for (int i = 0; i < kStepsPerRound; ++i) Step(all);
  asm volatile("" : : "r"(all.sum));
}

namespace {

double MeasureCalibrationNs() {
  Calibration all;
  for (int i = 0; i < 20; ++i) celeron_calibration(&all);
  return BestNs(400, [&all] { celeron_calibration(&all); });
}

void PrintCpuId() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  char brand[49] = {};
  if (__get_cpuid(0x80000000, &a, &b, &c, &d) != 0 && a >= 0x80000004) {
    for (unsigned leaf = 0; leaf < 3; ++leaf) {
      __get_cpuid(0x80000002 + leaf, &a, &b, &c, &d);
      const unsigned words[4] = {a, b, c, d};
      std::memcpy(brand + leaf * 16, words, 16);
    }
  }
  std::string name;
  for (const char* at = brand; *at != 0; ++at)
    if (*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\') name += *at;
  __get_cpuid(1, &a, &b, &c, &d);
  std::printf("  \"cpu_brand\": \"%s\",\n", name.c_str());
  std::printf("  \"cpuid_signature\": %u,\n  \"cpuid_features_ecx\": %u,\n", a, c);
  std::printf("  \"cpuid_features_edx\": %u,\n", d);
  std::printf("  \"cpu_family\": %u,\n  \"cpu_model\": %u,\n", (a >> 8 & 15) + (a >> 20 & 255),
              (a >> 4 & 15) | (a >> 12 & 240));
}

int PrintAll() {
  const double ghz = MeasureGhz();
  std::printf("{\n");
  PrintCpuId();
  std::printf("  \"clock_ghz\": %.4f,\n", ghz);
  for (const size_t kib : {16u, 128u, 256u, 512u, 1024u, 4096u, 16384u, 65536u}) {
    std::printf("  \"latency_%zu_kib_cycles\": %.1f,\n", kib, MeasureLatencyNs(kib * 1024) * ghz);
    std::fflush(stdout);
  }
  std::printf("  \"branch_miss_cycles\": %.1f,\n", MeasureBranchMissNs() * ghz);
  std::printf("  \"calibration_steps_per_round\": %d,\n", kStepsPerRound);
  std::printf("  \"calibration_round_ns\": %.0f\n}\n", MeasureCalibrationNs());
  return 0;
}

int RunFor(double seconds) {
  Calibration all;
  for (int i = 0; i < 20; ++i) celeron_calibration(&all);
  const uint64_t begin = Now();
  const uint64_t length = static_cast<uint64_t>(seconds * 1e9);
  uint64_t rounds = 0;
  while (Now() - begin < length) {
    celeron_calibration(&all);
    ++rounds;
  }
  std::printf("{\"rounds_per_second\": %.2f}\n",
              static_cast<double>(rounds) / (static_cast<double>(Now() - begin) / 1e9));
  return 0;
}

int RunRounds(int rounds) {
  Calibration all;
  for (int i = 0; i < rounds; ++i) celeron_calibration(&all);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return PrintAll();
  const std::string flag = argv[1];
  const double value = argc == 3 ? std::atof(argv[2]) : 0;
  if (flag == "--calibration" && value > 0 && value <= 600) return RunFor(value);
  if (flag == "--rounds" && value >= 1 && value <= 1e6) return RunRounds(static_cast<int>(value));
  std::fprintf(stderr, "usage: celeron_probe [--calibration SECONDS | --rounds N]\n");
  return 2;
}
