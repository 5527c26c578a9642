// Pictures as SVG, without a library: they stand in the page, take its colours from its style sheet
// and can be read without a script. Every text in them is escaped here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/report/history.h"

namespace aether::perf {

// A ratio with its interval on a scale that is the same in every row, beside the band of the
// minimum effect. `kind` is a class of the style sheet.
std::string IntervalBar(double ratio, double low, double high, double effect,
                        const std::string& kind);

// The last values, without axes.
std::string Sparkline(const std::vector<double>& values);

// One row through all runs. Series of other machines and builds stand apart: a gap lies between.
std::string HistoryChart(const std::vector<HistoryEntry>& history,
                         const std::vector<const Series*>& series);

struct Bar {
  std::string label;
  double value = 0;
  // What stands behind it.
  std::string text = {};
};
std::string BarChart(const std::vector<Bar>& bars);

struct CurvePoint {
  double x = 0;
  double y = 0;
  std::string title = {};
};
struct Curve {
  std::string label;
  std::vector<CurvePoint> points = {};
};
// Both axes logarithmic.
std::string CurveChart(const std::vector<Curve>& curves, const std::string& x_title,
                       const std::string& y_title);

}  // namespace aether::perf
