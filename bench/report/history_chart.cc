// The chart of one row through the recorded runs: the band that half of a run's samples lie in, the
// medians, the change points. Points carry what a pointer or the arrow keys show.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/report/charts.h"
#include "bench/report/html.h"

namespace aether::perf {

namespace {

constexpr size_t kRunsMax = 200;
constexpr double kLeft = 64;
constexpr double kRight = 552;
constexpr double kTop = 12;
constexpr double kBottom = 142;

std::string At(double value) { return absl::StrFormat("%.1f", value); }

class Chart {
 public:
  Chart(const std::vector<HistoryEntry>& history, const std::vector<const Series*>& series)
      : history_(history), series_(series) {
    if (history.size() > kRunsMax) first_ = history.size() - kRunsMax;
    for (const Series* one : series) {
      for (size_t i = 0; i < one->runs.size(); ++i) {
        if (one->runs[i] < first_) continue;
        low_ = std::min(low_, one->lows[i]);
        high_ = std::max(high_, one->highs[i]);
      }
    }
    if (high_ < low_) low_ = high_ = 0;
    // What changes by less than a per cent is not blown up to the full height.
    const double middle = (low_ + high_) / 2;
    const double half = std::max({(high_ - low_) * 0.6, std::abs(middle) * 0.01, 1e-9});
    low_ = middle - half;
    high_ = middle + half;
  }

  std::string Draw() {
    const Series& first = *series_.front();
    std::string svg = absl::StrCat(
        "<svg class=\"history\" viewBox=\"0 0 560 160\" tabindex=\"0\" role=\"img\" aria-label=\"",
        Escape(first.row), ", ", Escape(first.unit), ", ", history_.size(), " runs\">");
    for (const double value : {low_, (low_ + high_) / 2, high_})
      absl::StrAppend(&svg, "<line class=\"grid\" x1=\"64\" y1=\"", At(Y(value)),
                      "\" x2=\"552\" y2=\"", At(Y(value)), "\"/><text x=\"58\" y=\"",
                      At(Y(value) + 4), "\" text-anchor=\"end\">", absl::StrFormat("%.4g", value),
                      "</text>");
    for (const Series* one : series_) DrawSeries(*one, svg);
    return absl::StrCat(svg, "</svg>");
  }

 private:
  double X(size_t run) const {
    const double last = std::max(1.0, static_cast<double>(history_.size() - 1 - first_));
    return kLeft + 6 + static_cast<double>(run - first_) / last * (kRight - kLeft - 12);
  }
  double Y(double value) const {
    return kBottom - (value - low_) / (high_ - low_) * (kBottom - kTop);
  }
  std::string Place(size_t run, double value) const {
    return absl::StrCat(At(X(run)), ",", At(Y(value)));
  }

  // Where runs of another machine or build lie between, the line is broken: a gap is no step.
  void DrawSeries(const Series& one, std::string& svg) const {
    size_t begin = 0;
    while (begin < one.runs.size() && one.runs[begin] < first_) ++begin;
    const size_t shown = begin;
    for (size_t i = begin + 1; i <= one.runs.size(); ++i) {
      if (i < one.runs.size() && one.runs[i] == one.runs[i - 1] + 1) continue;
      DrawPart(one, begin, i, svg);
      begin = i;
    }
    for (const ChangePoint& change : one.changes)
      if (change.index > shown) DrawChange(one, change, svg);
    for (size_t i = shown; i < one.runs.size(); ++i) DrawRun(one, i, svg);
  }

  void DrawPart(const Series& one, size_t begin, size_t end, std::string& svg) const {
    std::vector<std::string> band;
    std::vector<std::string> line;
    for (size_t i = begin; i < end; ++i) {
      band.push_back(Place(one.runs[i], one.highs[i]));
      line.push_back(Place(one.runs[i], one.values[i]));
    }
    for (size_t i = end; i > begin; --i) band.push_back(Place(one.runs[i - 1], one.lows[i - 1]));
    absl::StrAppend(&svg, "<polygon class=\"noise\" points=\"", absl::StrJoin(band, " "),
                    "\"/><polyline class=\"line\" points=\"", absl::StrJoin(line, " "), "\"/>");
  }

  void DrawRun(const Series& one, size_t i, std::string& svg) const {
    const HistoryEntry& entry = history_[one.runs[i]];
    const std::string tip = absl::StrCat(
        entry.commit, ", ", entry.date, ": ", Figure(one.values[i], one.unit), " (half of it in ",
        Figure(one.lows[i], ""), " to ", Figure(one.highs[i], ""), "), machine ", one.machine);
    absl::StrAppend(&svg, "<circle class=\"run\" r=\"3\" cx=\"", At(X(one.runs[i])), "\" cy=\"",
                    At(Y(one.values[i])), "\"><title>", Escape(tip), "</title></circle>");
  }

  void DrawChange(const Series& one, const ChangePoint& change, std::string& svg) const {
    const double x = (X(one.runs[change.index - 1]) + X(one.runs[change.index])) / 2;
    const std::string tip = absl::StrCat("between ", history_[one.runs[change.index - 1]].commit,
                                         " and ", history_[one.runs[change.index]].commit);
    absl::StrAppend(&svg, "<g class=\"change\"><title>", Escape(tip), "</title><line x1=\"", At(x),
                    "\" y1=\"12\" x2=\"", At(x), "\" y2=\"142\"/><text x=\"", At(x),
                    "\" y=\"156\" text-anchor=\"middle\">",
                    absl::StrFormat("%+.1f %%", 100 * (change.after / change.before - 1)),
                    "</text></g>");
  }

  const std::vector<HistoryEntry>& history_;
  const std::vector<const Series*>& series_;
  // Runs before it are not shown.
  size_t first_ = 0;
  double low_ = HUGE_VAL;
  double high_ = -HUGE_VAL;
};

}  // namespace

std::string HistoryChart(const std::vector<HistoryEntry>& history,
                         const std::vector<const Series*>& series) {
  if (series.empty()) return "";
  return Chart(history, series).Draw();
}

}  // namespace aether::perf
