// One program of the bench suite as `compare` uses it: a row at a time, a process for each sample,
// with a number of iterations that is given and not found out. A sample is the best of five
// repetitions in one process.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace aether::perf {

struct Sample {
  // CPU time of one operation in ns, or of a row about memory its bytes.
  double value = 0;
  uint64_t iterations = 0;
};

class BenchProgram {
 public:
  // `scratch` is a folder for output.
  BenchProgram(std::string folder, std::string name, std::string scratch);
  ~BenchProgram();
  BenchProgram(BenchProgram&&) = default;
  BenchProgram& operator=(BenchProgram&&) = delete;

  const std::string& path() const { return path_; }

  // It is there, its results are right and it takes a number of iterations. Reads the context.
  absl::Status Check();
  const std::vector<std::pair<std::string, std::string>>& context() const { return context_; }

  // How many iterations of a repetition make a run of the row last about so long.
  absl::StatusOr<uint64_t> Calibrate(const std::string& row, double seconds);
  // Results are not checked again.
  absl::StatusOr<Sample> Time(const std::string& row, uint64_t iterations);

 private:
  // Named after this process: a program that outlives one that was killed writes to another file.
  std::string ScratchFile(const std::string& file) const;
  absl::StatusOr<Sample> Execute(const std::string& row, std::vector<std::string> arguments);

  std::string path_;
  std::string name_;
  std::string scratch_;
  std::vector<std::pair<std::string, std::string>> context_;
};

// A pattern that finds this row alone, whatever it is made of.
std::string PatternOf(const std::string& row);

// The best repetition of a row in a document of Google Benchmark; an error when there is none.
absl::StatusOr<Sample> SampleFromJson(const std::string& where, const std::string& text,
                                      const std::string& row);

}  // namespace aether::perf
