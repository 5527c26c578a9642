#include "bench/report/charts.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/report/html.h"

namespace aether::perf {

namespace {

std::string At(double value) { return absl::StrFormat("%.1f", value); }

// From a range of values to places; a range of nothing gets some width.
class Scale {
 public:
  Scale(double from, double to, double begin, double end)
      : from_(from), to_(to > from ? to : from + 1), begin_(begin), end_(end) {}
  double operator()(double value) const {
    return begin_ + (value - from_) / (to_ - from_) * (end_ - begin_);
  }

 private:
  double from_;
  double to_;
  double begin_;
  double end_;
};

}  // namespace

std::string IntervalBar(double ratio, double low, double high, double effect,
                        const std::string& kind) {
  constexpr double kHalf = 0.12;
  constexpr double kWidth = 160;
  const Scale scale(-kHalf, kHalf, 0, kWidth);
  const auto x = [&](double value) { return std::clamp(scale(std::log(value)), 2.0, kWidth - 2); };
  std::string svg = absl::StrCat(
      "<svg class=\"interval ", kind, "\" viewBox=\"0 0 160 20\" role=\"img\" aria-label=\"",
      absl::StrFormat("%.1f %%, from %.1f %% to %.1f %%", 100 * (ratio - 1), 100 * (low - 1),
                      100 * (high - 1)),
      "\">");
  absl::StrAppend(&svg, "<rect class=\"band\" x=\"", At(x(1 / (1 + effect))), "\" y=\"0\" width=\"",
                  At(x(1 + effect) - x(1 / (1 + effect))), "\" height=\"20\"/>",
                  "<line class=\"one\" x1=\"80\" y1=\"0\" x2=\"80\" y2=\"20\"/>");
  absl::StrAppend(&svg, "<line class=\"range\" x1=\"", At(x(low)), "\" y1=\"10\" x2=\"",
                  At(x(high)), "\" y2=\"10\"/>");
  for (const double end : {low, high}) {
    const bool is_cut = std::abs(std::log(end)) > kHalf;
    if (!is_cut)
      absl::StrAppend(&svg, "<line class=\"range\" x1=\"", At(x(end)), "\" y1=\"6\" x2=\"",
                      At(x(end)), "\" y2=\"14\"/>");
  }
  absl::StrAppend(&svg, "<circle class=\"middle\" cx=\"", At(x(ratio)),
                  "\" cy=\"10\" r=\"4\"/></svg>");
  return svg;
}

std::string Sparkline(const std::vector<double>& values) {
  if (values.size() < 2) return "";
  const auto [low, high] = std::ranges::minmax(values);
  const Scale x(0, static_cast<double>(values.size() - 1), 2, 78);
  const Scale y(low, high, 18, 4);
  std::vector<std::string> points;
  for (size_t i = 0; i < values.size(); ++i)
    points.push_back(absl::StrCat(At(x(static_cast<double>(i))), ",", At(y(values[i]))));
  return absl::StrCat(
      "<svg class=\"spark\" viewBox=\"0 0 80 22\" role=\"img\" aria-label=\"the last ",
      values.size(), " runs\"><polyline points=\"", absl::StrJoin(points, " "), "\"/></svg>");
}

std::string BarChart(const std::vector<Bar>& bars) {
  if (bars.empty()) return "";
  double low = 0;
  double high = 0;
  for (const Bar& bar : bars) {
    low = std::min(low, bar.value);
    high = std::max(high, bar.value);
  }
  const double height = 22 * static_cast<double>(bars.size());
  const Scale x(low, high, 180, 470);
  std::string svg =
      absl::StrCat("<svg class=\"bars\" viewBox=\"0 0 640 ", At(height), "\" role=\"img\">");
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = 22 * static_cast<double>(i);
    const double left = std::min(x(0), x(bars[i].value));
    absl::StrAppend(&svg, "<text x=\"172\" y=\"", At(y + 15), "\" text-anchor=\"end\">",
                    Escape(bars[i].label), "</text><rect class=\"",
                    bars[i].value < 0 ? "less" : "more", "\" x=\"", At(left), "\" y=\"", At(y + 4),
                    "\" width=\"", At(std::abs(x(bars[i].value) - x(0))),
                    "\" height=\"14\"/><text x=\"", At(std::max(x(bars[i].value), x(0)) + 6),
                    "\" y=\"", At(y + 15), "\">", Escape(bars[i].text), "</text>");
  }
  return absl::StrCat(svg, "</svg>");
}

std::string CurveChart(const std::vector<Curve>& curves, const std::string& x_title,
                       const std::string& y_title) {
  double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_low = HUGE_VAL, y_high = -HUGE_VAL;
  for (const Curve& curve : curves) {
    for (const CurvePoint& point : curve.points) {
      x_low = std::min(x_low, std::log10(point.x));
      x_high = std::max(x_high, std::log10(point.x));
      y_low = std::min(y_low, std::log10(point.y));
      y_high = std::max(y_high, std::log10(point.y));
    }
  }
  if (x_high < x_low) return "";
  x_low = std::floor(x_low);
  x_high = std::ceil(x_high);
  y_low = std::floor(y_low);
  y_high = std::ceil(y_high);
  const Scale x(x_low, x_high, 60, 560);
  const Scale y(y_low, y_high, 300, 20);
  std::string svg = "<svg class=\"curves\" viewBox=\"0 0 720 350\" role=\"img\">";
  for (double decade = x_low; decade <= x_high; ++decade)
    absl::StrAppend(&svg, "<line class=\"grid\" x1=\"", At(x(decade)), "\" y1=\"20\" x2=\"",
                    At(x(decade)), "\" y2=\"300\"/><text x=\"", At(x(decade)),
                    "\" y=\"316\" text-anchor=\"middle\">",
                    absl::StrFormat("%g", std::pow(10, decade)), "</text>");
  for (double decade = y_low; decade <= y_high; ++decade)
    absl::StrAppend(&svg, "<line class=\"grid\" x1=\"60\" y1=\"", At(y(decade)),
                    "\" x2=\"560\" y2=\"", At(y(decade)), "\"/><text x=\"54\" y=\"",
                    At(y(decade) + 4), "\" text-anchor=\"end\">",
                    absl::StrFormat("%g", std::pow(10, decade)), "</text>");
  absl::StrAppend(&svg, "<text x=\"310\" y=\"340\" text-anchor=\"middle\">", Escape(x_title),
                  "</text><text x=\"60\" y=\"12\">", Escape(y_title), "</text>");
  for (size_t i = 0; i < curves.size(); ++i) {
    std::vector<std::string> line;
    std::string dots;
    for (const CurvePoint& point : curves[i].points) {
      const std::string px = At(x(std::log10(point.x)));
      const std::string py = At(y(std::log10(point.y)));
      line.push_back(absl::StrCat(px, ",", py));
      absl::StrAppend(&dots, "<circle cx=\"", px, "\" cy=\"", py, "\" r=\"4\"><title>",
                      Escape(point.title), "</title></circle>");
    }
    const double legend = 30 + 20 * static_cast<double>(i);
    absl::StrAppend(&svg, "<g class=\"curve c", i % 8, "\"><polyline points=\"",
                    absl::StrJoin(line, " "), "\"/>", dots, "<circle cx=\"574\" cy=\"", At(legend),
                    "\" r=\"5\"/><text x=\"586\" y=\"", At(legend + 4), "\">",
                    Escape(curves[i].label), "</text></g>");
  }
  return absl::StrCat(svg, "</svg>");
}

}  // namespace aether::perf
