// What `compare` writes down while it runs, a line of JSON for every four runs, so that a run that
// is killed loses the line that it was at and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace aether::perf {

class Journal {
 public:
  struct Header {
    uint64_t seed = 0;
    std::string base = {};
    std::string head = {};
    std::string base_digest = {};
    std::string head_digest = {};
    bool operator==(const Header&) const = default;
  };
  struct Block {
    std::array<double, 4> values{};
    double bound = 0;
  };

  // A new one, in place of what is there.
  static absl::StatusOr<Journal> Create(const std::string& path, const Header& header);
  // What an earlier run left; it must be of the same two builds. A last line that was cut off is
  // dropped; any other unreadable line is an error.
  static absl::StatusOr<Journal> Resume(const std::string& path, const Header& header);
  // The header alone.
  static absl::StatusOr<Header> ReadHeader(const std::string& path);

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  absl::Status AddIterations(const std::string& row, uint64_t iterations);
  absl::Status AddBlock(const std::string& row, size_t block, const Block& values);
  // How many blocks of each row there shall be.
  absl::Status AddPlan(size_t blocks);

  // Zero when not known yet.
  uint64_t Iterations(const std::string& row) const;
  const Block* Find(const std::string& row, size_t block) const;
  size_t planned_blocks() const { return planned_blocks_; }

 private:
  Journal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Append(const std::string& line);
  absl::Status TakeLine(const std::string& line, size_t number);

  std::string path_;
  int fd_;
  size_t planned_blocks_ = 0;
  std::map<std::string, uint64_t> iterations_;
  std::map<std::pair<std::string, size_t>, Block> blocks_;
};

}  // namespace aether::perf
