#include "bench/report/statistics_answer.h"

#include <algorithm>

#include "bench/report/change_points.h"
#include "bench/report/holm.h"
#include "bench/report/json.h"
#include "bench/report/median_interval.h"

namespace aether::perf {

absl::StatusOr<std::string> AnswerStatistics(const std::string& cases) {
  return ReadJson<std::string>("the cases", cases, [](const Json& json) {
    Json answers = Json::array();
    for (const Json& one : json) {
      const auto values = one.at("values").get<std::vector<double>>();
      const double threshold = one.at("threshold").get<double>();
      const Interval interval = MedianInterval(values, one.at("alpha").get<double>());
      const auto not_above =
          std::ranges::count_if(values, [&](double v) { return v <= threshold; });
      answers.push_back(
          {{"median", interval.median},
           {"low", interval.low},
           {"high", interval.high},
           {"is_reached", interval.is_reached},
           {"sign_p", MedianTail(values.size(), static_cast<size_t>(not_above))},
           {"adjusted_p", Holm(one.at("p").get<std::vector<double>>(), 0.05).adjusted_p},
           {"energy", EnergyStatistic(values, one.at("split").get<size_t>())}});
    }
    return answers.dump() + "\n";
  });
}

}  // namespace aether::perf
