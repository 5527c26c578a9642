#include "replay/celeron/flat_json.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace aether::celeron {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // False: what is wrong is in wrong().
  bool Read(FlatJson& json) {
    if (!Take('{')) return Fail("an object");
    if (!Take('}')) {
      do {
        if (!ReadMember(json)) return false;
      } while (Take(','));
      if (!Take('}')) return Fail("a comma or the end of the object");
    }
    Skip();
    return at_ == text_.size() || Fail("nothing after the object");
  }
  const std::string& wrong() const { return wrong_; }

 private:
  bool ReadMember(FlatJson& json) {
    std::string key;
    if (!ReadString(key)) return false;
    if (json.numbers.contains(key) || json.texts.contains(key)) return Fail("each key once");
    if (!Take(':')) return Fail("a colon");
    Skip();
    if (at_ < text_.size() && text_[at_] == '"') return ReadString(json.texts[key]);
    double number = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc() || !std::isfinite(number)) return Fail("a number or a string");
    at_ += static_cast<size_t>(end - begin);
    json.numbers[key] = number;
    return true;
  }

  bool ReadString(std::string& value) {
    if (!Take('"')) return Fail("a string");
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' &&
          (++at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\')))
        return Fail("no escapes but of quotes");
      if (static_cast<unsigned char>(text_[at_]) < ' ') return Fail("a string on one line");
      value += text_[at_++];
    }
    return Take('"') || Fail("the end of the string");
  }

  void Skip() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }

  bool Take(char wanted) {
    Skip();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool Fail(std::string_view wanted) {
    wrong_ = "at byte " + std::to_string(at_) + " it wants " + std::string(wanted);
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string wrong_;
};

}  // namespace

std::expected<FlatJson, std::string> ReadFlatJson(std::string_view text) {
  FlatJson json;
  Reader reader(text);
  if (!reader.Read(json)) return std::unexpected(reader.wrong());
  return json;
}

}  // namespace aether::celeron
