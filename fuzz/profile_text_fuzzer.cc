// TCP profiles as a command line says them: "full,sack=off,congestion=newreno". The input is the
// text.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "stack/tcp/profile.h"
#include "stack/tcp/profile_text.h"

namespace aether::fuzz {
namespace {

using tcp::Profile;

constexpr size_t kInputBytesMax = 160;

// What stands before the next `end`, which is cut off with it; the whole when there is none.
std::string_view NaiveTake(std::string_view& text, char end) {
  const size_t size = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return taken;
}

// Sets what is an enumeration or a switch to the place of its value in the list.
template <typename T>
bool NaiveChoice(T& member, std::string_view value,
                 std::initializer_list<std::string_view> values) {
  size_t index = 0;
  for (const std::string_view each : values) {
    if (each == value) {
      member = static_cast<T>(index);
      return true;
    }
    ++index;
  }
  return false;
}

// A number from 1 to 255, with zeros before it or without.
bool NaiveWindow(std::string_view value, uint8_t& segments) {
  unsigned number = 0;
  for (const char c : value) {
    if (!NaiveIsDigit(c)) return false;
    number = std::min(number * 10 + static_cast<unsigned>(c - '0'), 1000u);
  }
  segments = static_cast<uint8_t>(number);
  return number > 0 && number < 256;
}

bool NaiveChange(std::string_view name, std::string_view value, Profile& profile) {
  if (name == "congestion")
    return NaiveChoice(profile.congestion, value, {"none", "newreno", "cubic"});
  if (name == "syn_cookies")
    return NaiveChoice(profile.syn_cookies, value, {"never", "under-pressure", "always"});
  if (name == "initial_window") return NaiveWindow(value, profile.initial_window_segments);
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) {
    if (each.name == name) return NaiveChoice(profile.*each.member, value, {"off", "on"});
  }
  return false;
}

bool NaiveProfile(std::string_view text, Profile& profile) {
  const bool is_open = text.ends_with(',');
  const std::string_view name = NaiveTake(text, ',');
  if (is_open || (name != "full" && name != "classic")) return false;
  profile = name == "full" ? tcp::kFull : tcp::kClassic;
  while (!text.empty()) {
    std::string_view value = NaiveTake(text, ',');
    const bool has_value = value.find('=') != value.npos;
    const std::string_view key = NaiveTake(value, '=');
    if (!has_value || !NaiveChange(key, value, profile)) return false;
  }
  return true;
}

// A text with everything in it, in a place of its own.
class Writer {
 public:
  void Put(std::string_view text) {
    std::ranges::copy(text, text_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += text.size();
  }
  void Number(unsigned number) {
    const char digits[] = {static_cast<char>('0' + number / 100),
                           static_cast<char>('0' + number / 10 % 10),
                           static_cast<char>('0' + number % 10)};
    Put({digits, sizeof digits});
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 640> text_;
  size_t size_ = 0;
};

// Whatever was said before, a text that says everything gives the profile again.
void CheckRoundTrip(const Profile& profile, std::string_view name) {
  constexpr std::string_view kCongestion[] = {"none", "newreno", "cubic"};
  constexpr std::string_view kCookies[] = {"never", "under-pressure", "always"};
  Writer out;
  out.Put(name);
  out.Put(",congestion=");
  out.Put(kCongestion[static_cast<size_t>(profile.congestion)]);
  out.Put(",syn_cookies=");
  out.Put(kCookies[static_cast<size_t>(profile.syn_cookies)]);
  out.Put(",initial_window=");
  out.Number(profile.initial_window_segments);
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) {
    out.Put(",");
    out.Put(each.name);
    out.Put(profile.*each.member ? "=on" : "=off");
  }
  const auto again = tcp::ProfileOfText(out.text());
  FUZZ_CHECK(P9, again.has_value() && *again == profile);
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const std::string_view text = TextOf(copy.bytes());
  Profile naive;
  const auto profile = tcp::ProfileOfText(text);
  FUZZ_CHECK(P10, profile.has_value() == NaiveProfile(text, naive));
  CurrentTrace().Add(profile.has_value() ? 1 : 0);
  if (!profile) return;
  FUZZ_CHECK(P10, *profile == naive);
  CheckRoundTrip(*profile, "full");
  CheckRoundTrip(*profile, "classic");
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
