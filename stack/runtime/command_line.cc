#include "stack/runtime/command_line.h"

#include <map>
#include <optional>
#include <string_view>

#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"

namespace aether::runtime {
namespace {

// On one line, whatever the user typed.
std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += c < ' ' || c > '~' ? '?' : c;
  return out;
}

absl::Status UnknownFlag(std::string_view program, std::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("unknown flag --", Printable(name), "; ",
                                                 std::string(program),
                                                 " --help lists the known ones"));
}

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

absl::Status SetFlag(absl::CommandLineFlag& flag, std::string_view value) {
  std::string error;
  if (flag.ParseFrom(Abseil(value), &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag.Name(), "=", Printable(value),
                                                 " is malformed: it takes ", flag.Help()));
}

}  // namespace

absl::Status ParseCommandLine(std::span<const char* const> arguments, CommandLine& result) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (argument == "--" && i + 1 == arguments.size()) return absl::OkStatus();
    if (argument == "--" && result.takes_arguments) {
      result.arguments.insert(result.arguments.end(),
                              arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
      return absl::OkStatus();
    }
    if (!argument.starts_with('-') && result.takes_arguments) {
      result.arguments.emplace_back(argument);
      continue;
    }
    if (!argument.starts_with('-') || argument == "-" || argument == "--") {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument \"", Printable(argument),
                                                     "\"; flags are given as --name=value"));
    }
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = argument.substr(equals + 1);
    if ((name == "help" || name == "h") && !value) {
      result.help = true;
      continue;
    }
    absl::CommandLineFlag* flag = absl::FindCommandLineFlag(Abseil(name));
    if (flag == nullptr && name.starts_with("no") && !value) {
      absl::CommandLineFlag* negated = absl::FindCommandLineFlag(Abseil(name.substr(2)));
      if (negated != nullptr && negated->IsOfType<bool>()) {
        flag = negated;
        value = "false";
      }
    }
    if (flag == nullptr) return UnknownFlag(result.program, name);
    if (!value && flag->IsOfType<bool>()) value = "true";
    if (!value) {
      if (i + 1 == arguments.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", flag->Name(), " needs a value: ", flag->Help()));
      }
      value = arguments[++i];
    }
    if (absl::Status set = SetFlag(*flag, *value); !set.ok()) return set;
  }
  return absl::OkStatus();
}

std::string FlagHelp() {
  std::map<std::string, std::string> lines;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    lines[std::string(name)] =
        absl::StrCat("  --", name, "=", flag->DefaultValue(), "\n      ", flag->Help(), "\n");
  }
  std::string text;
  for (const auto& [name, line] : lines) text += line;
  return text;
}

}  // namespace aether::runtime
