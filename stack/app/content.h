// Where the HTTP server gets its files from. Applications make no system calls; the runtime has the
// version that reads a directory, tests have one in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "stack/base/bytes.h"

namespace aether::app {

// An open file. Its size does not change; if the thing behind it shrinks, Read falls short.
class Content {
 public:
  virtual ~Content() = default;
  virtual uint64_t size() const = 0;
  virtual std::string_view media_type() const = 0;
  // Copies up to out.size() bytes from `offset` on; how many, 0 at the end or on an error.
  virtual size_t Read(uint64_t offset, MutableBytes out) = 0;
};

class ContentSource {
 public:
  virtual ~ContentSource() = default;
  // `path` is decoded and normalised: absolute, no "." or "..", no NUL, no empty segment. "/" and
  // directories mean their index.html. Null when there is no such file.
  virtual std::unique_ptr<Content> Open(std::string_view path) = 0;
};

}  // namespace aether::app
