#include "replay/celeron/callgrind_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace aether::celeron {
namespace {

constexpr std::array<const char*, 9> kNeeded = {"Ir",   "I1mr", "D1mr", "D1mw", "ILmr",
                                                "DLmr", "DLmw", "Bcm",  "Bim"};

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = line.find_first_not_of(' ', at)) != line.npos) {
    const size_t end = std::min(line.find(' ', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

class Parser {
 public:
  // Empty, or what is wrong with the line.
  std::string Take(std::string_view line) {
    if (line.empty() || line[0] == '#') return "";
    if (line.starts_with("events: ")) return TakeEvents(Words(line.substr(8)));
    if (line.starts_with("totals: ")) return Add(Words(line.substr(8)), 0, totals_);
    for (const std::string_view kind : {"fl=", "fi=", "fe="})
      if (line.starts_with(kind)) source_ = Name(line.substr(3));
    for (const std::string_view kind : {"cfi=", "cfl="})
      if (line.starts_with(kind)) Name(line.substr(4));
    if (line.starts_with("calls=")) {
      is_call_ = true;
      return "";
    }
    if (!std::string_view("0123456789+-*").contains(line[0])) return "";
    if (is_call_) {
      is_call_ = false;
      return "";
    }
    return Add(Words(line), 1, file_.by_source[source_]);
  }

  std::expected<CallgrindFile, std::string> Result() {
    if (places_.empty()) return std::unexpected("it is no output of callgrind: no events");
    for (const auto& [source, counts] : file_.by_source) file_.total += counts;
    if (file_.total.instructions <= 0) return std::unexpected("callgrind counted nothing");
    if (std::abs(file_.total.instructions - totals_.instructions) > 0.5)
      return std::unexpected("its parts do not add up to its total");
    return std::move(file_);
  }

 private:
  std::string TakeEvents(const std::vector<std::string_view>& events) {
    for (const char* needed : kNeeded) {
      const auto found = std::find(events.begin(), events.end(), needed);
      if (found == events.end())
        return std::string("event ") + needed +
               " was not counted: --cache-sim=yes --branch-sim=yes";
      places_.push_back(static_cast<size_t>(found - events.begin()));
    }
    return "";
  }

  // Zeros at the end of a line are left out.
  std::string Add(const std::vector<std::string_view>& words, size_t first, Counts& counts) {
    if (places_.empty()) return "costs before the names of events";
    std::array<double, kNeeded.size()> events{};
    for (size_t i = 0; i < events.size(); ++i) {
      if (first + places_[i] >= words.size()) continue;
      const std::string_view word = words[first + places_[i]];
      uint64_t number = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (error != std::errc() || end != word.data() + word.size())
        return "a cost that is no number: " + std::string(word);
      events[i] = static_cast<double>(number);
    }
    counts += {.instructions = events[0],
               .branch_misses = events[7] + events[8],
               .l1_misses = events[1] + events[2] + events[3],
               .ll_misses = events[4] + events[5] + events[6]};
    return "";
  }

  // "(3) name" names a file and "(3)" means it again.
  std::string Name(std::string_view text) {
    const size_t end = text.find(')');
    if (!text.starts_with('(') || end == text.npos) return std::string(text);
    std::string& name = names_[std::string(text.substr(0, end + 1))];
    if (end + 2 < text.size()) name = text.substr(end + 2);
    return name;
  }

  CallgrindFile file_;
  Counts totals_;
  std::map<std::string, std::string> names_;
  std::string source_;
  // Where the needed events stand among all.
  std::vector<size_t> places_;
  bool is_call_ = false;
};

}  // namespace

std::expected<CallgrindFile, std::string> ReadCallgrind(std::string_view text) {
  Parser parser;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const std::string wrong = parser.Take(text.substr(0, end)); !wrong.empty())
      return std::unexpected(wrong);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.Result();
}

}  // namespace aether::celeron
