#include "bench/report/html.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace aether::perf {

namespace {

// `code` and **bold** of text that is escaped already.
std::string Inline(const std::string& text) {
  std::string out;
  bool is_code = false;
  bool is_bold = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '`' && (is_code || text.find('`', at + 1) != text.npos)) {
      out += is_code ? "</code>" : "<code>";
      is_code = !is_code;
    } else if (!is_code && text.compare(at, 2, "**") == 0 &&
               (is_bold || text.find("**", at + 2) != text.npos)) {
      out += is_bold ? "</b>" : "<b>";
      is_bold = !is_bold;
      ++at;
    } else {
      out += text[at];
    }
  }
  if (is_bold) out += "</b>";
  if (is_code) out += "</code>";
  return out;
}

std::string Line(absl::string_view text) {
  return Inline(Escape(std::string_view(text.data(), text.size())));
}

class Markdown {
 public:
  std::string Convert(const std::string& text) {
    for (const absl::string_view line : absl::StrSplit(text, '\n')) Take(line);
    Switch("");
    return std::move(html_);
  }

 private:
  void Take(absl::string_view line) {
    if (absl::StartsWith(line, "```")) {
      const bool begins = block_ != "pre";
      Switch(begins ? "pre" : "");
      return;
    }
    if (block_ == "pre") {
      absl::StrAppend(&html_, Escape(std::string_view(line.data(), line.size())), "\n");
      return;
    }
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty()) {
      Switch("");
    } else if (text[0] == '#') {
      Switch("");
      absl::StrAppend(&html_, "<h4>", Line(text.substr(text.find_first_not_of("# "))), "</h4>\n");
    } else if (text[0] == '|') {
      TakeRow(text);
    } else if (absl::StartsWith(text, "- ")) {
      Switch("ul");
      absl::StrAppend(&html_, "<li>", Line(text.substr(2)), "</li>\n");
    } else {
      Switch("p");
      absl::StrAppend(&html_, Line(text), "\n");
    }
  }

  void TakeRow(absl::string_view text) {
    const bool is_head = block_ != "table";
    Switch("table");
    if (text.find_first_not_of("|-: ") == text.npos) return;
    text.remove_prefix(1);
    absl::ConsumeSuffix(&text, "|");
    absl::StrAppend(&html_, "<tr>");
    for (const absl::string_view cell : absl::StrSplit(text, '|'))
      absl::StrAppend(&html_, is_head ? "<th>" : "<td>", Line(absl::StripAsciiWhitespace(cell)),
                      is_head ? "</th>" : "</td>");
    absl::StrAppend(&html_, "</tr>\n");
  }

  void Switch(const std::string& block) {
    if (block == block_) return;
    if (!block_.empty())
      absl::StrAppend(&html_, "</", block_, ">", block_ == "table" ? "</div>" : "", "\n");
    if (!block.empty())
      absl::StrAppend(&html_, block == "table" ? "<div class=\"scroll\">" : "", "<", block, ">");
    block_ = block;
  }

  std::string html_;
  std::string block_;
};

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\0':
        out += "\xEF\xBF\xBD";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string EscapeScript(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string MarkdownToHtml(const std::string& markdown) { return Markdown().Convert(markdown); }

std::string Figure(double value, const std::string& unit) {
  const std::string number =
      std::abs(value) >= 1000 ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.4g", value);
  return unit.empty() ? number : absl::StrCat(number, " ", unit);
}

}  // namespace aether::perf
