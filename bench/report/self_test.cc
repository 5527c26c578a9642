#include "bench/report/self_test.h"

#include <cmath>
#include <filesystem>
#include <numbers>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "bench/common/generators.h"
#include "bench/report/compare_run.h"
#include "bench/report/files.h"

namespace aether::perf {

namespace {

constexpr double kAlpha = 0.05;
constexpr double kNoise = 0.015;
constexpr size_t kRows = 20;
// The chance that a sample is one of a bad moment.
constexpr double kOutliers = 0.05;
constexpr const char* kProbeRows[] = {"probe/additions", "probe/checksum", "probe/chase"};

double Uniform(bench::Generator& generator) {
  return (static_cast<double>(generator.Next64() >> 11) + 0.5) * 0x1p-53;
}

double Normal(bench::Generator& generator) {
  return std::sqrt(-2 * std::log(Uniform(generator))) *
         std::cos(2 * std::numbers::pi * Uniform(generator));
}

// Now and then the machine stalls during one of the two runs.
std::vector<double> DrawLogRatios(bench::Generator& generator, double effect, size_t pairs) {
  std::vector<double> values;
  for (size_t i = 0; i < pairs; ++i) {
    double value = std::log1p(effect) + kNoise * Normal(generator);
    if (Uniform(generator) < kOutliers) value += (Uniform(generator) < 0.5 ? -0.3 : 0.3);
    values.push_back(value);
  }
  return values;
}

DrawnRate Draw(double effect, size_t repetitions, double minimum_effect, uint64_t seed) {
  DrawnRate rate{.effect = effect, .repetitions = repetitions};
  bench::Generator generator(seed);
  const size_t pairs = PairsFor(kRows, kAlpha);
  for (size_t repetition = 0; repetition < repetitions; ++repetition) {
    std::vector<RowSamples> rows;
    for (size_t row = 0; row < kRows; ++row)
      rows.push_back({.log_ratios = DrawLogRatios(generator, row == 0 ? effect : 0, pairs),
                      .minimum_effect = minimum_effect});
    const std::vector<RowVerdict> verdicts = Judge(rows, kAlpha);
    if (effect > 0 && verdicts[0].word == Word::kRegressed) ++rate.found;
    bool is_alarm = false;
    for (size_t row = effect > 0 ? 1 : 0; row < kRows; ++row)
      is_alarm = is_alarm || verdicts[row].word == Word::kRegressed ||
                 verdicts[row].word == Word::kImproved;
    if (is_alarm) ++rate.false_alarms;
  }
  return rate;
}

class SelfTest {
 public:
  explicit SelfTest(const SelfTestOptions& options) : options_(options) {}

  absl::StatusOr<SelfTestResult> Run() {
    result_.date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
    result_.seed = options_.seed;
    result_.noise = kNoise;
    result_.rows = kRows;
    result_.pairs = PairsFor(kRows, kAlpha);
    DrawAll();
    if (!options_.probe.empty()) {
      if (absl::Status probed = ProbeAll(); !probed.ok()) return probed;
    }
    return std::move(result_);
  }

 private:
  void Fail(std::string sentence) { result_.failures.push_back(std::move(sentence)); }

  void DrawAll() {
    const size_t n = options_.repetitions;
    // Three standard errors above what is promised.
    const double allowed = kAlpha + 3 * std::sqrt(kAlpha * (1 - kAlpha) / static_cast<double>(n));
    for (const double effect : {0.0, 0.01, 0.02, 0.05, 0.20}) {
      const DrawnRate rate = Draw(effect, n, 0.02, options_.seed);
      result_.drawn.push_back(rate);
      if (rate.false_alarm_rate() > allowed)
        Fail(absl::StrFormat(
            "drawn samples: alarms at rows that did not change in %.1f %% of the runs",
            100 * rate.false_alarm_rate()));
      if (effect >= kPromisedEffect && rate.power() < 0.95)
        Fail(absl::StrFormat(
            "drawn samples: a slowdown of %.0f %% was found in only %.1f %% of the runs",
            100 * effect, 100 * rate.power()));
      if (effect > 0 && effect < 0.02 && rate.power() > allowed)
        Fail("drawn samples: what is below the minimum effect is called REGRESSED");
    }
    result_.strict_false_alarm_rate = Draw(0, n, 1e-9, options_.seed + 1).false_alarm_rate();
    if (result_.strict_false_alarm_rate > allowed)
      Fail(absl::StrFormat("drawn samples: %.1f %% of A/A comparisons raise an alarm, %.0f %% may",
                           100 * result_.strict_false_alarm_rate, 100 * kAlpha));
  }

  absl::Status ProbeAll() {
    const auto base = FolderFor(0);
    if (!base.ok()) return base.status();
    std::vector<int> effects = {0};
    effects.insert(effects.end(), options_.effects.begin(), options_.effects.end());
    for (const int percent : effects)
      if (absl::Status probed = Probe(*base, percent); !probed.ok()) return probed;
    return absl::OkStatus();
  }

  // The probe reads from the name of its folder how much more it does: the machine code is the
  // same, so that nothing but the injected work differs.
  absl::StatusOr<std::string> FolderFor(int percent) {
    const std::string folder = absl::StrCat(options_.scratch, "/plus_", percent);
    if (absl::Status made = MakeDirectories(folder); !made.ok()) return made;
    const std::string link = absl::StrCat(folder, "/bench_probe");
    std::error_code error;
    std::filesystem::remove(link, error);
    std::filesystem::create_symlink(std::filesystem::absolute(options_.probe), link, error);
    if (error) return absl::UnavailableError(absl::StrCat(link, ": ", error.message()));
    return folder;
  }

  // Doubles the pairs as long as a row is not decided that has to be.
  absl::Status Probe(const std::string& base, int percent) {
    const auto head = FolderFor(percent);
    if (!head.ok()) return head.status();
    for (size_t pairs = 16;; pairs *= 2) {
      auto comparison = RunComparison(OptionsFor(base, *head, pairs));
      if (!comparison.ok()) return comparison.status();
      if (!comparison->is_complete) return absl::CancelledError("stopped");
      if (!IsDecided(*comparison, percent) && 2 * pairs <= options_.pairs_max) continue;
      Take(*comparison, percent);
      return absl::OkStatus();
    }
  }

  CompareOptions OptionsFor(const std::string& base, const std::string& head, size_t pairs) const {
    CompareOptions options{.base = base,
                           .head = head,
                           .out = absl::StrCat(options_.scratch, "/out"),
                           .pairs = pairs,
                           .seed = options_.seed,
                           .sample_seconds = 0.004,
                           .is_identical_timed = true,
                           .is_quiet = options_.is_quiet};
    for (const char* row : kProbeRows)
      options.rules.push_back({.row = row, .program = "bench_probe", .unit = "ns/operation"});
    return options;
  }

  static bool IsDecided(const Comparison& comparison, int percent) {
    const bool has_to_be_found = percent >= 100 * kPromisedEffect;
    return !has_to_be_found || comparison.Count(Word::kRegressed) == comparison.rows.size();
  }

  void Take(const Comparison& comparison, int percent) {
    result_.twin_alarms += comparison.twin_alarms();
    if (comparison.twin_alarms() != 0)
      Fail(absl::StrCat("probe: ", comparison.twin_alarms(), " rows differ from themselves"));
    for (const ComparedRow& row : comparison.rows) {
      const Word word = row.verdict.word;
      ProbeRow probe{.effect = percent / 100.0, .row = row.rule.row, .verdict = row.verdict};
      if (percent == 0)
        probe.is_right = word != Word::kRegressed && word != Word::kImproved;
      else if (probe.effect >= kPromisedEffect)
        probe.is_right = word == Word::kRegressed;
      else
        probe.is_right = word != Word::kImproved && !(percent == 1 && word == Word::kRegressed);
      if (!probe.is_right)
        Fail(absl::StrFormat("probe: %s with %d %% more work is %s (%.4f, %.4f to %.4f, %d pairs)",
                             probe.row, percent, NameOf(word), probe.verdict.ratio,
                             probe.verdict.low, probe.verdict.high, probe.verdict.pairs));
      result_.probes.push_back(std::move(probe));
    }
  }

  const SelfTestOptions& options_;
  SelfTestResult result_;
};

}  // namespace

absl::StatusOr<SelfTestResult> RunSelfTest(const SelfTestOptions& options) {
  return SelfTest(options).Run();
}

}  // namespace aether::perf
