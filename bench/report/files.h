// Whole files in and out, and tables of tabulators. Every failure is a sentence with the file's
// name and, for a table, the line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace aether::perf {

absl::StatusOr<std::string> ReadFile(const std::string& path);

// Through a new file beside it that takes its place once everything is on disk: whoever reads sees
// the old text or the new one.
absl::Status WriteFile(const std::string& path, const std::string& text);

bool FileExists(const std::string& path);

absl::Status MakeDirectories(const std::string& path);

// Rows of a table whose first line that is neither empty nor a comment (#) is `header`. All rows
// have as many fields.
struct TableRow {
  size_t line = 0;
  std::vector<std::string> fields;
};
absl::StatusOr<std::vector<TableRow>> ReadTable(const std::string& path,
                                                const std::vector<std::string>& header);

}  // namespace aether::perf
