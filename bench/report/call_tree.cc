#include "bench/report/call_tree.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bench/report/html.h"

namespace aether::perf {

namespace {

// What is counted happens in it; its callers are of the bench.
constexpr const char* kRegion = "aether_counted_region";
constexpr double kWidth = 1000;
constexpr double kRow = 20;
constexpr size_t kDepthMax = 30;

// The format of callgrind.out files; only function names, costs and calls are of interest.
class Parser {
 public:
  absl::Status Take(absl::string_view line) {
    if (line.empty()) return absl::OkStatus();
    if (absl::StartsWith(line, "positions:"))
      positions_ = std::vector<absl::string_view>(absl::StrSplit(line, ' ')).size() - 1;
    else if (absl::StartsWith(line, "fn="))
      current_ = Name(line.substr(3));
    else if (absl::StartsWith(line, "cfn="))
      callee_ = Name(line.substr(4));
    else if (absl::StartsWith(line, "calls="))
      is_call_ = true;
    else if (absl::ascii_isdigit(static_cast<unsigned char>(line[0])) || line[0] == '+' ||
             line[0] == '-' || line[0] == '*')
      return TakeCost(line);
    return absl::OkStatus();
  }

  CallProfile profile;

 private:
  // "(12) name" the first time, "(12)" from then on.
  std::string Name(absl::string_view text) {
    const size_t end = text.find(')');
    if (text.empty() || text[0] != '(' || end == text.npos) return std::string(text);
    const std::string id(text.substr(0, end + 1));
    if (end + 2 < text.size()) names_[id] = std::string(text.substr(end + 2));
    return names_[id];
  }

  absl::Status TakeCost(absl::string_view line) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    double cost = 0;
    if (fields.size() <= positions_) return absl::OkStatus();
    if (current_.empty() || !absl::SimpleAtod(fields[positions_], &cost))
      return absl::InvalidArgumentError("a cost that is none");
    CallProfile::Function& function = profile.functions[current_];
    if (is_call_)
      function.calls[callee_] += cost;
    else
      function.self += cost;
    is_call_ = false;
    return absl::OkStatus();
  }

  std::map<std::string, std::string> names_;
  std::string current_;
  std::string callee_;
  size_t positions_ = 1;
  bool is_call_ = false;
};

class Drawer {
 public:
  Drawer(const CallProfile& head, const CallProfile* base) : head_(head), base_(base) {
    for (const auto& [name, function] : head.functions) inclusive_[name] = function.inclusive();
  }

  std::string Draw() {
    std::set<std::string> callees;
    for (const auto& [name, function] : head_.functions)
      for (const auto& [callee, cost] : function.calls)
        if (callee != name) callees.insert(callee);
    std::vector<std::pair<double, std::string>> roots;
    for (const auto& [name, cost] : inclusive_)
      if (name == kRegion && cost > 0) roots.emplace_back(cost, name);
    if (roots.empty())
      for (const auto& [name, cost] : inclusive_)
        if (!callees.contains(name) && cost > 0) roots.emplace_back(cost, name);
    std::ranges::sort(roots, std::greater<>());
    for (const auto& [cost, name] : roots) total_ += cost;
    if (total_ <= 0) return "";
    double x = 0;
    for (const auto& [cost, name] : roots) {
      Node(name, x, cost, 0);
      x += cost / total_ * kWidth;
    }
    return absl::StrCat("<svg class=\"icicle\" viewBox=\"0 0 1000 ",
                        absl::StrFormat("%.0f", kRow * static_cast<double>(depth_ + 1)),
                        "\" role=\"img\" aria-label=\"instructions by function and caller\">", svg_,
                        "</svg>");
  }

 private:
  void Node(const std::string& name, double x, double cost, size_t depth) {
    const double width = cost / total_ * kWidth;
    if (width < 2 || depth > kDepthMax || std::ranges::find(path_, name) != path_.end()) return;
    depth_ = std::max(depth_, depth);
    DrawBar(name, x, width, cost, depth);
    const CallProfile::Function& function = head_.functions.at(name);
    const double scale = cost / inclusive_[name];
    std::vector<std::pair<double, std::string>> calls;
    for (const auto& [callee, of_call] : function.calls)
      if (head_.functions.contains(callee)) calls.emplace_back(of_call, callee);
    std::ranges::sort(calls, std::greater<>());
    path_.push_back(name);
    for (const auto& [of_call, callee] : calls) {
      Node(callee, x, of_call * scale, depth + 1);
      x += of_call * scale / total_ * kWidth;
    }
    path_.pop_back();
  }

  void DrawBar(const std::string& name, double x, double width, double cost, size_t depth) {
    const double here = cost / head_.operations;
    const double head = inclusive_[name] / head_.operations;
    std::string title =
        absl::StrFormat("%s: %.1f instructions an operation here, %.1f in all, %.1f of its own",
                        name, here, head, head_.functions.at(name).self / head_.operations);
    std::string kind = depth % 2 == 0 ? "even" : "odd";
    if (base_ != nullptr) {
      const auto found = base_->functions.find(name);
      const double before =
          found == base_->functions.end() ? 0 : found->second.inclusive() / base_->operations;
      absl::StrAppend(&title, absl::StrFormat("; base %.1f", before));
      const double change = before == 0 ? 1 : head / before - 1;
      kind = std::abs(change) < 0.002 ? "same" : change > 0 ? "dearer" : "cheaper";
      if (std::abs(change) > 0.05) kind += " much";
    }
    const double y = kRow * static_cast<double>(depth);
    absl::StrAppend(&svg_, "<g class=\"", kind, "\"><title>", Escape(title), "</title>",
                    absl::StrFormat("<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"19\"/>", x,
                                    y, width - 0.5));
    // A letter is some 6.5 wide.
    const size_t letters = static_cast<size_t>(width / 6.5);
    if (letters >= 5) {
      std::string label = ShortName(name);
      if (label.size() > letters)
        label = absl::StrCat(label.substr(0, letters - 1), "\xE2\x80\xA6");
      absl::StrAppend(&svg_, absl::StrFormat("<text x=\"%.1f\" y=\"%.0f\">", x + 4, y + 14),
                      Escape(label), "</text>");
    }
    absl::StrAppend(&svg_, "</g>");
  }

  const CallProfile& head_;
  const CallProfile* base_;
  std::map<std::string, double> inclusive_;
  std::vector<std::string> path_;
  std::string svg_;
  double total_ = 0;
  size_t depth_ = 0;
};

}  // namespace

double CallProfile::Function::inclusive() const {
  double sum = self;
  for (const auto& [callee, cost] : calls) sum += cost;
  return sum;
}

absl::StatusOr<CallProfile> ParseCallgrind(const std::string& where, const std::string& text) {
  Parser parser;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::Status taken = parser.Take(line); !taken.ok())
      return absl::InvalidArgumentError(absl::StrCat(where, ":", number, ": ", taken.message()));
  }
  if (parser.profile.functions.empty())
    return absl::InvalidArgumentError(absl::StrCat(where, ": no function in it"));
  return std::move(parser.profile);
}

std::string ShortName(const std::string& name) {
  std::string out;
  int depth = 0;
  for (size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    if (c == '(' && depth == 0 && absl::StartsWith(name.substr(at), "(anonymous namespace)::")) {
      at += 22;
      continue;
    }
    if (c == '(' && depth == 0 && !out.empty()) break;
    if (c == '<') ++depth;
    if (depth == 0) out += c;
    if (c == '>' && depth > 0) --depth;
  }
  const std::string mark = "aether::";
  for (size_t at = out.find(mark); at != out.npos; at = out.find(mark)) out.erase(at, mark.size());
  return out.empty() ? name : out;
}

std::string Icicle(const CallProfile& head, const CallProfile* base) {
  return Drawer(head, base).Draw();
}

}  // namespace aether::perf
