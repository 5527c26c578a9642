// Files for the HTTP server as the captured server had them: paths, sizes, and the beginnings of
// what it said; behind that one letter. So answers have the length that they had.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "replay/http_progress.h"
#include "stack/app/content.h"

namespace aether::replay {

class CapturedContent final : public app::ContentSource {
 public:
  static constexpr size_t kFilesMax = 4096;
  // Of one file, and of all together.
  static constexpr size_t kKeptBytesMax = 64 * 1024;
  static constexpr size_t kKeptBytesInAllMax = 16 * 1024 * 1024;

  // A response that the captured server gave. Of one path the first counts.
  void Learn(const HttpExchange& exchange);
  size_t size() const { return files_.size(); }

  std::unique_ptr<app::Content> Open(std::string_view path) override;

 private:
  struct File {
    uint64_t size = 0;
    std::string beginning;
  };
  class OpenFile;

  std::map<std::string, std::shared_ptr<const File>, std::less<>> files_;
  size_t kept_bytes_ = 0;
};

}  // namespace aether::replay
