#include "replay/celeron/validation.h"

#include <array>
#include <cmath>

namespace aether::celeron {
namespace {

constexpr size_t kCasesMin = 5;

// Values of a range, close together where it is small.
std::vector<double> Steps(double low, double high, int count) {
  std::vector<double> steps;
  for (int i = 0; i < count; ++i) steps.push_back(low * std::pow(high / low, i / (count - 1.0)));
  return steps;
}

// Everything that the fit may choose.
std::vector<Coefficients> Candidates(const HereConstants& here, const Priors& priors) {
  const auto range = [&priors](const char* name, int count) {
    return Steps(priors.at(name).low, priors.at(name).high, count);
  };
  std::vector<Coefficients> candidates;
  for (const double b : range("here_b", 24))
    for (const double cbr : Steps(0.7 * here.cbr, 1.2 * here.cbr, 5))
      for (const double h : range("here_h", 12))
        for (const double x : range("here_x", 14))
          candidates.push_back(
              {.b = b, .cbr = cbr, .c2 = here.c2, .h = h, .cmem = here.cmem, .x = x});
  return candidates;
}

double Predict(const ValidationCase& one, Coefficients with) {
  if (one.is_chain) with.h = with.x = 1;
  return Cycles(one.counts, with);
}

struct Best {
  double squares = INFINITY;
  Coefficients coefficients = {};

  void Offer(double offered, const Coefficients& candidate) {
    if (offered >= squares) return;
    squares = offered;
    coefficients = candidate;
  }
};

}  // namespace

std::expected<Validation, std::string> Validate(const std::vector<ValidationCase>& cases,
                                                const HereConstants& here, const Priors& priors) {
  if (cases.size() < kCasesMin)
    return std::unexpected("with fewer than five kernels nothing can be left out");
  Best of_all;
  std::vector<Best> without(cases.size());
  std::vector<double> squares(cases.size());
  for (const Coefficients& candidate : Candidates(here, priors)) {
    double sum = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
      const double error = std::log(Predict(cases[i], candidate) / cases[i].measured_cycles);
      squares[i] = error * error;
      sum += squares[i];
    }
    of_all.Offer(sum, candidate);
    for (size_t i = 0; i < cases.size(); ++i) without[i].Offer(sum - squares[i], candidate);
  }
  Validation validation{.here = of_all.coefficients};
  double sum = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const double predicted = Predict(cases[i], without[i].coefficients);
    validation.rows.push_back({cases[i].name, cases[i].measured_cycles, predicted});
    sum += std::pow(std::log(predicted / cases[i].measured_cycles), 2);
  }
  validation.error = std::sqrt(sum / static_cast<double>(cases.size()));
  return validation;
}

}  // namespace aether::celeron
