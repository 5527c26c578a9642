#include "replay/celeron/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace aether::celeron {
namespace {

constexpr double kHzPerGhz = 1e9;
// Of a normal distribution, where 5 % and 95 % lie.
constexpr double kNinetyPercent = 1.6449;

// The same draws from the same seed with every C++ library (splitmix64).
class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}

  // In (0, 1).
  double Uniform() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
  }
  double In(const Range& range) { return range.low + (range.high - range.low) * Uniform(); }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(2 * std::numbers::pi * Uniform());
  }

 private:
  uint64_t state_;
};

// One processor that the priors allow.
struct Processor {
  Coefficients coefficients;
  double clock_ghz = 0;
  double kernel = 0;
  // What the model itself is off by.
  double error = 1;
};

struct Assumption {
  const char* name;
  double Coefficients::* member;
};
constexpr std::array<Assumption, 7> kCoefficients = {{{"b", &Coefficients::b},
                                                      {"cbr", &Coefficients::cbr},
                                                      {"c2", &Coefficients::c2},
                                                      {"h", &Coefficients::h},
                                                      {"cmem", &Coefficients::cmem},
                                                      {"x", &Coefficients::x},
                                                      {"tlb", &Coefficients::tlb}}};

Processor Draw(Draws& draws, const Priors& priors, double model_error) {
  Processor one;
  for (const Assumption& each : kCoefficients)
    one.coefficients.*each.member = draws.In(priors.at(each.name));
  one.clock_ghz = draws.In(priors.at("clock"));
  one.kernel = draws.In(priors.at("kernel"));
  one.error = std::exp(model_error * draws.Normal());
  return one;
}

Processor Middle(const Priors& priors) {
  Processor one;
  for (const Assumption& each : kCoefficients)
    one.coefficients.*each.member = priors.at(each.name).Middle();
  one.clock_ghz = priors.at("clock").Middle();
  one.kernel = priors.at("kernel").Middle();
  return one;
}

// Cycles of stack, application, kernel and client.
constexpr size_t kParts = 4;
constexpr std::array<const char*, kParts> kPartNames = {"stack", "application", "kernel crossings",
                                                        "client"};

std::array<double, kParts> CyclesOf(const Workload& workload, const Processor& on) {
  const double client = Cycles(workload.client, on.coefficients);
  const double kernel = client * workload.kernel_ns / workload.client_user_ns * on.kernel;
  std::array<double, kParts> cycles = {Cycles(workload.stack, on.coefficients),
                                       Cycles(workload.application, on.coefficients), kernel,
                                       client};
  for (double& each : cycles) each *= on.error;
  return cycles;
}

double Sum(const std::array<double, kParts>& cycles) {
  return cycles[0] + cycles[1] + cycles[2] + cycles[3];
}

double RateOf(const Workload& workload, const Processor& on) {
  return on.clock_ghz * kHzPerGhz / Sum(CyclesOf(workload, on));
}

Interval IntervalOf(std::vector<double>& draws) {
  std::sort(draws.begin(), draws.end());
  const auto at = [&draws](double share) {
    return draws[static_cast<size_t>(share * static_cast<double>(draws.size() - 1) + 0.5)];
  };
  return {at(0.05), at(0.5), at(0.95)};
}

std::vector<Swing> SwingsOf(const Workload& workload, const Priors& priors, double model_error) {
  std::vector<Swing> swings;
  for (const Assumption& each : kCoefficients) {
    Processor low = Middle(priors);
    Processor high = low;
    low.coefficients.*each.member = priors.at(each.name).low;
    high.coefficients.*each.member = priors.at(each.name).high;
    swings.push_back({each.name, RateOf(workload, low), RateOf(workload, high)});
  }
  Processor low = Middle(priors);
  Processor high = low;
  low.kernel = priors.at("kernel").low;
  high.kernel = priors.at("kernel").high;
  swings.push_back({"kernel", RateOf(workload, low), RateOf(workload, high)});
  low = high = Middle(priors);
  low.error = std::exp(-kNinetyPercent * model_error);
  high.error = std::exp(kNinetyPercent * model_error);
  swings.push_back({"model error", RateOf(workload, low), RateOf(workload, high)});
  std::sort(swings.begin(), swings.end(), [](const Swing& a, const Swing& b) {
    const double left = std::abs(a.at_low - a.at_high);
    const double right = std::abs(b.at_low - b.at_high);
    return left != right ? left > right : a.name < b.name;
  });
  return swings;
}

}  // namespace

Estimate EstimateRate(const Workload& workload, const Priors& priors,
                      const EstimateOptions& options) {
  Draws draws(options.seed);
  std::array<std::vector<double>, kParts> parts;
  std::vector<double> totals;
  std::vector<double> rates;
  std::vector<double> stack_rates;
  for (int i = 0; i < options.draws; ++i) {
    const Processor one = Draw(draws, priors, options.model_error);
    const auto cycles = CyclesOf(workload, one);
    for (size_t part = 0; part < kParts; ++part) parts[part].push_back(cycles[part]);
    totals.push_back(Sum(cycles));
    rates.push_back(one.clock_ghz * kHzPerGhz / Sum(cycles));
    stack_rates.push_back(one.clock_ghz * kHzPerGhz / (cycles[0] + cycles[1]));
  }
  Estimate estimate{.cycles = IntervalOf(totals),
                    .rate_per_s = IntervalOf(rates),
                    .stack_rate_per_s = IntervalOf(stack_rates),
                    .swings = SwingsOf(workload, priors, options.model_error)};
  for (size_t part = 0; part < kParts; ++part)
    estimate.parts.push_back({kPartNames[part], IntervalOf(parts[part])});
  return estimate;
}

Interval EstimateNs(const Counts& counts, const Priors& priors, const EstimateOptions& options) {
  Draws draws(options.seed);
  std::vector<double> all_ns;
  for (int i = 0; i < options.draws; ++i) {
    const Processor one = Draw(draws, priors, options.model_error);
    all_ns.push_back(Cycles(counts, one.coefficients) * one.error / one.clock_ghz);
  }
  return IntervalOf(all_ns);
}

}  // namespace aether::celeron
