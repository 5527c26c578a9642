// Files in memory, for the tests of what serves files.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "stack/app/content.h"

namespace aether::testing {

class MemoryContent final : public app::ContentSource {
 public:
  // `path` as ContentSource::Open gets it; "/a/index.html" also answers to "/a" and "/a/".
  void Add(std::string path, std::string body, std::string media_type = "text/html") {
    files_[std::move(path)] =
        std::make_shared<const File>(File{std::move(body), std::move(media_type)});
  }
  void Remove(const std::string& path) { files_.erase(path); }

  std::unique_ptr<app::Content> Open(std::string_view path) override {
    ++opened_;
    for (const std::string_view suffix : {"", "index.html", "/index.html"}) {
      const auto found = files_.find(std::string(path) + std::string(suffix));
      if (found != files_.end()) return std::make_unique<OpenFile>(found->second);
    }
    return nullptr;
  }

  // Calls of Open.
  int opened() const { return opened_; }

 private:
  struct File {
    std::string body;
    std::string media_type;
  };

  // Keeps its file although it is removed or replaced meanwhile.
  class OpenFile final : public app::Content {
   public:
    explicit OpenFile(std::shared_ptr<const File> file) : file_(std::move(file)) {}
    uint64_t size() const override { return file_->body.size(); }
    std::string_view media_type() const override { return file_->media_type; }
    size_t Read(uint64_t offset, MutableBytes out) override {
      if (offset >= file_->body.size()) return 0;
      const size_t size = std::min<size_t>(out.size(), file_->body.size() - offset);
      std::memcpy(out.data(), file_->body.data() + offset, size);
      return size;
    }

   private:
    std::shared_ptr<const File> file_;
  };

  std::map<std::string, std::shared_ptr<const File>> files_;
  int opened_ = 0;
};

}  // namespace aether::testing
