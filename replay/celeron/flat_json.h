// One flat JSON object of numbers and strings: what celeron_probe and the measurement write.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace aether::celeron {

struct FlatJson {
  std::map<std::string, double> numbers = {};
  std::map<std::string, std::string> texts = {};
};

// Or a sentence. Nothing but one object is taken: no lists, no objects inside, no key twice.
std::expected<FlatJson, std::string> ReadFlatJson(std::string_view text);

}  // namespace aether::celeron
