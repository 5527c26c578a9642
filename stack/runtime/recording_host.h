// What records a host: a wrapper for the loop, and one for the host's content. Only who asks for a
// recording pays for them.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "stack/app/content.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/runtime/recorder.h"

namespace aether::runtime {

template <typename Host>
class RecordingHost {
 public:
  // Both outlive it.
  RecordingHost(Host& host, Recorder& recorder) : host_(host), recorder_(recorder) {}

  void Receive(std::span<const Bytes> frames, Instant now) {
    recorder_.Receive(frames, now);
    host_.Receive(frames, now);
  }
  size_t Transmit(MutableBytes out, Instant now) {
    const size_t size = host_.Transmit(out, now);
    recorder_.Transmit(Bytes(out).first(size), now);
    return size;
  }
  Instant NextDeadline() const { return host_.NextDeadline(); }
  bool HasWork() const { return host_.HasWork(); }
  bool IsQuiet() const { return host_.IsQuiet(); }

 private:
  Host& host_;
  Recorder& recorder_;
};

class RecordedContent final : public app::ContentSource {
 public:
  // `recorder` outlives it and what it opens.
  RecordedContent(std::unique_ptr<app::ContentSource> inner, Recorder& recorder)
      : inner_(std::move(inner)), recorder_(recorder) {}

  std::unique_ptr<app::Content> Open(std::string_view path) override {
    std::unique_ptr<app::Content> content = inner_->Open(path);
    recorder_.Opened(content.get());
    if (content == nullptr) return nullptr;
    return std::make_unique<OpenContent>(std::move(content), recorder_);
  }

 private:
  class OpenContent final : public app::Content {
   public:
    OpenContent(std::unique_ptr<app::Content> inner, Recorder& recorder)
        : inner_(std::move(inner)), recorder_(recorder) {}
    uint64_t size() const override { return inner_->size(); }
    std::string_view media_type() const override { return inner_->media_type(); }
    size_t Read(uint64_t offset, MutableBytes out) override {
      const size_t size = inner_->Read(offset, out);
      recorder_.Read(Bytes(out).first(size));
      return size;
    }

   private:
    std::unique_ptr<app::Content> inner_;
    Recorder& recorder_;
  };

  std::unique_ptr<app::ContentSource> inner_;
  Recorder& recorder_;
};

}  // namespace aether::runtime
