// What the main programs have in common: exit codes, what they print, the descriptors they start
// with and the signals that end them.
#pragma once

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {

// 0: a clean end. 1: the world is wrong, one sentence says what to do. 2: usage.
inline constexpr int kExitWorld = 1;
inline constexpr int kExitUsage = 2;

// Prints the sentence of `status`; returns `code`.
inline int Fail(const char* program, const absl::Status& status, int code) {
  const std::string sentence(status.message());
  std::fprintf(stderr, "%s: %s\n", program, sentence.c_str());
  return code;
}

// Whoever reads our output may be gone; that is no reason to stop.
inline void Say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// A program that is started with standard descriptors closed would get them back as its TAP, and
// print into it.
inline void FillStandardDescriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

// SIGINT and SIGTERM become readable here and reach no thread; called before there is any.
inline FileDescriptor TakeSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return FileDescriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace aether::runtime
