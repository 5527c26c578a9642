// Files for the HTTP server out of a directory. No path leaves the directory, neither by ".." nor
// by symbolic links: the kernel resolves every path beneath it (openat2), and where it cannot, we
// refuse links altogether. Only regular files are served. A file is opened anew for each request,
// so that edits show at once.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stack/app/content.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {

class DirectoryContent : public app::ContentSource {
 public:
  struct Options {
    // Files that may be open at the same time; more are answered as if they did not exist.
    uint32_t open_files_max = 512;
    // Walk the path step by step, as on kernels without openat2 (before 5.6).
    bool without_openat2 = false;
  };

  static absl::StatusOr<std::unique_ptr<DirectoryContent>> OpenRoot(const std::string& root,
                                                                    Options options);
  static absl::StatusOr<std::unique_ptr<DirectoryContent>> OpenRoot(const std::string& root) {
    return OpenRoot(root, Options{});
  }

  std::unique_ptr<app::Content> Open(std::string_view path) override;
  uint32_t open_files() const { return open_files_->load(std::memory_order_relaxed); }

 private:
  DirectoryContent(FileDescriptor root, Options options)
      : root_(std::move(root)),
        options_(options),
        open_files_(std::make_shared<std::atomic<uint32_t>>(0)) {}
  // A descriptor for `relative` (no leading slash) as it stands, or -1.
  FileDescriptor OpenBeneath(const std::string& relative);
  FileDescriptor OpenStepwise(const std::string& relative) const;

  const FileDescriptor root_;
  Options options_;
  // Shared with the open files, which count themselves out, also from other threads and after we
  // are gone.
  const std::shared_ptr<std::atomic<uint32_t>> open_files_;
};

// By the extension of the file's name; application/octet-stream for what is not known.
std::string_view MediaTypeOf(std::string_view path);

}  // namespace aether::runtime
