// Where instructions go: callgrind's call graph as a picture of nested bars (an icicle), and beside
// another build's in the colours of what became dearer and cheaper. A call graph does not know
// whole stacks: what a function costs is shared among its callers by what each of them caused, as
// gprof does it.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace aether::perf {

struct CallProfile {
  struct Function {
    double self = 0;
    // With everything below; by callee.
    std::map<std::string, double> calls = {};
    double inclusive() const;
  };
  std::map<std::string, Function> functions = {};
  // What everything is divided by.
  double operations = 1;
};

absl::StatusOr<CallProfile> ParseCallgrind(const std::string& where, const std::string& text);

// `base` may be null: then the colours say nothing but where one bar ends.
std::string Icicle(const CallProfile& head, const CallProfile* base);

// Name of a function without its parameters and the arguments of templates.
std::string ShortName(const std::string& name);

}  // namespace aether::perf
