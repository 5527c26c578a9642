// Whether two programs are the same machine code and data: what is loaded into memory, without the
// linker's build number and without the name of the commit, which every build has in it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace aether::perf {

// What counts of an ELF file of 64 bits; of anything else all of it.
absl::StatusOr<std::string> LoadedContent(const std::string& path, const std::string& commit);

// 16 hexadecimal digits of FNV-1a, to show.
std::string Digest(const std::string& content);

}  // namespace aether::perf
