#include "bench/report/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/report/files.h"

namespace aether::perf {

namespace {

std::atomic<bool> stop_requested = false;

void OnSignal(int) { stop_requested = true; }

std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (const auto& [name, value] : added) all.push_back(absl::StrCat(name, "=", value));
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    bool is_replaced = false;
    for (const auto& [name, value] : added)
      is_replaced = is_replaced || entry.starts_with(absl::StrCat(name, "="));
    if (!is_replaced) all.emplace_back(entry);
  }
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string LastLines(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return "";
  const size_t from = text->size() > 2000 ? text->size() - 2000 : 0;
  return text->substr(from);
}

int WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    if (stop_requested) ::kill(child, SIGTERM);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void CatchStopSignals() {
  struct sigaction action{};
  action.sa_handler = OnSignal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool StopRequested() { return stop_requested; }

absl::StatusOr<int> Run(const Command& command) {
  if (stop_requested) return absl::CancelledError("stopped");
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = EnvironmentWith(command.environment);
  const std::string output = command.output.empty() ? "/dev/null" : command.output;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr,
                                   Pointers(arguments).data(), Pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return absl::NotFoundError(
        absl::StrCat(arguments[0], ": cannot be started: ", std::strerror(error)));
  const int code = WaitFor(child);
  if (stop_requested) return absl::CancelledError("stopped");
  return code;
}

absl::Status RunOrSay(const Command& command) {
  const absl::StatusOr<int> code = Run(command);
  if (!code.ok()) return code.status();
  if (*code == 0) return absl::OkStatus();
  std::string line;
  for (const std::string& argument : command.arguments) absl::StrAppend(&line, " ", argument);
  return absl::InternalError(
      absl::StrCat("`", line.substr(1), "`: exit code ", *code, "\n", LastLines(command.output)));
}

std::string FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    std::string file = absl::StrCat(folder, "/", name);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace aether::perf
