#include "replay/captured_content.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "stack/app/http_responses.h"
#include "stack/wire/http_path.h"

namespace aether::replay {

class CapturedContent::OpenFile final : public app::Content {
 public:
  explicit OpenFile(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  uint64_t size() const override { return file_->size; }
  std::string_view media_type() const override { return "text/html; charset=utf-8"; }
  size_t Read(uint64_t offset, MutableBytes out) override {
    if (offset >= file_->size) return 0;
    const size_t size = std::min<uint64_t>(out.size(), file_->size - offset);
    const size_t kept = offset < file_->beginning.size()
                            ? std::min<uint64_t>(size, file_->beginning.size() - offset)
                            : 0;
    std::memcpy(out.data(), file_->beginning.data() + (kept > 0 ? offset : 0), kept);
    std::memset(out.data() + kept, 'y', size - kept);
    return size;
  }

 private:
  std::shared_ptr<const File> file_;
};

void CapturedContent::Learn(const HttpExchange& exchange) {
  if (exchange.status != 200 || files_.size() >= kFilesMax) return;
  std::vector<char> decoded(exchange.target.size() + 1);
  const auto path = DecodeHttpPath(exchange.target, decoded);
  if (!path) return;
  std::string name(path->path);
  if (path->directory && name.size() > 1) name += "/index.html";
  if (files_.contains(name)) return;
  const auto& page = app::HttpResponses::Instance();
  const auto bytes = [&](bool head) {
    return page.Get(app::HttpStatus::kOk, app::HttpPersistence::kDefault, head).bytes.size();
  };
  // The built-in page is already there.
  if (name == "/" && exchange.body_bytes == bytes(false) - bytes(true)) return;
  File file{.size = exchange.body_bytes, .beginning = {}};
  if (exchange.body.size() <= kKeptBytesInAllMax - kept_bytes_) file.beginning = exchange.body;
  kept_bytes_ += file.beginning.size();
  files_.emplace(std::move(name), std::make_shared<const File>(std::move(file)));
}

std::unique_ptr<app::Content> CapturedContent::Open(std::string_view path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return nullptr;
  return std::make_unique<OpenFile>(found->second);
}

}  // namespace aether::replay
