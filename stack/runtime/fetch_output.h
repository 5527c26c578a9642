// Where a fetch puts what it gets: a file, or the standard output. Writing never waits: a pipe that
// is full takes nothing, and the caller comes again.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stack/base/bytes.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {

class FetchOutput {
 public:
  // "-" is the standard output. Nothing is opened yet.
  explicit FetchOutput(std::string path) : path_(std::move(path)) {}

  // Creates or empties the file, the first time it is called. Errors are sentences without a full
  // stop.
  absl::Status Open();
  bool is_open() const { return fd_ >= 0; }
  // Writes some of the pieces, in order; how many bytes, 0 when it would have to wait.
  absl::StatusOr<size_t> Write(std::span<const Bytes> pieces);
  // What the file system says at the end.
  absl::Status Close();

 private:
  absl::Status Failure(int error) const;

  const std::string path_;
  FileDescriptor file_;
  int fd_ = -1;
  bool may_wait_ = false;
};

}  // namespace aether::runtime
