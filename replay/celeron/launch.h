// `aether-replay --celeron`: which arguments belong to it, what a build was made for, and the start
// of the program that measures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aether::celeron {

// Whether the arguments ask for the measurement, or for what the build was made for.
bool IsAsked(const std::vector<std::string_view>& arguments);

// "core2", "x86-64" (the base that every compiler starts from), or "other": code that a Celeron
// does not run, such as -march=native makes.
std::string BuildTarget();

// Empty, or a sentence that says why the measurement does not take these arguments.
std::string Refusal(const std::vector<std::string_view>& arguments);

// Becomes replay/celeron/measure, which stands in the tree that `program` was built in; returns an
// exit code only when that did not work.
int Launch(const std::string& program, const std::vector<std::string_view>& arguments);

}  // namespace aether::celeron
