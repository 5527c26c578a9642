// The files of the server, as stateful/http_model.h lists them: what is asked for must not lead out
// of the root (HTP004), and what was opened is counted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "fuzz/pattern.h"
#include "fuzz/stateful/http_model.h"
#include "fuzz/target.h"
#include "stack/app/content.h"
#include "stack/base/bytes.h"

namespace aether::fuzz::http_server {

class HttpContent final : public app::ContentSource {
 public:
  std::unique_ptr<app::Content> Open(std::string_view path) override {
    // HTP004: nothing that could lead out of the root.
    FUZZ_CHECK(P10, path.starts_with('/') && path.find('\0') == path.npos);
    for (std::string_view rest = path; !rest.empty() && path != "/";) {
      rest.remove_prefix(1);
      const std::string_view segment = rest.substr(0, rest.find('/'));
      FUZZ_CHECK(P10, !segment.empty() && segment != "." && segment != "..");
      rest.remove_prefix(segment.size());
    }
    const int file = FindHttpFile(path == "/" ? std::string_view("/index.html") : path);
    if (file < 0) return nullptr;
    return std::make_unique<File>(*this, static_cast<size_t>(file));
  }
  size_t open_count() const { return open_count_; }

 private:
  class File final : public app::Content {
   public:
    File(HttpContent& owner, size_t index) : owner_(owner), index_(index) { ++owner_.open_count_; }
    ~File() override { --owner_.open_count_; }
    uint64_t size() const override { return kHttpFiles[index_].bytes; }
    std::string_view media_type() const override { return kHttpFiles[index_].media_type; }
    size_t Read(uint64_t offset, MutableBytes out) override {
      const uint64_t end = kHttpFiles[index_].readable_bytes;
      if (offset >= end) return 0;
      const size_t size = static_cast<size_t>(std::min<uint64_t>(out.size(), end - offset));
      std::ranges::copy(Pattern::At(index_ * kHttpFileStride + offset, size), out.begin());
      return size;
    }

   private:
    HttpContent& owner_;
    const size_t index_;
  };
  size_t open_count_ = 0;
};

}  // namespace aether::fuzz::http_server
