// What the model assumes of a processor, as ranges with their sources (priors.tsv), and what the
// owner of one measured with celeron_probe instead.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "replay/celeron/flat_json.h"

namespace aether::celeron {

struct Range {
  double low = 0;
  double high = 0;
  std::string unit = {};
  std::string source = {};

  double Middle() const { return (low + high) / 2; }
};

using Priors = std::map<std::string, Range>;

// Or a sentence: a line without five fields, a range upside down, a name that is missing, unknown
// or there twice.
std::expected<Priors, std::string> ReadPriors(std::string_view text);

// The ranges that `constants` (celeron_probe's JSON) measured take the place of assumed ones.
std::expected<Priors, std::string> WithConstants(Priors priors, const FlatJson& constants);

}  // namespace aether::celeron
