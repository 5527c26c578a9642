#include "replay/recording_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace aether::replay {
namespace {

using Outcome = device::RecordingDecoder::Outcome;
constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

bool RecordingFile::Is(const std::string& path) {
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rb"));
  char magic[device::kRecordingMagic.size()] = {};
  return file != nullptr && std::fread(magic, 1, sizeof magic, file.get()) == sizeof magic &&
         std::string_view(magic, sizeof magic) == device::kRecordingMagic;
}

std::expected<RecordingFile, std::string> RecordingFile::Open(const std::string& path) {
  RecordingFile file;
  if (std::string wrong = file.Begin(path); !wrong.empty()) return std::unexpected(wrong);
  return file;
}

std::string RecordingFile::Begin(const std::string& path) {
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (file_ == nullptr)
    return "Cannot read the recording " + path + ": " + std::strerror(errno) + ".";
  if (std::fseek(file_.get(), 0, SEEK_END) == 0) {
    const long size = std::ftell(file_.get());
    if (size > 0) file_bytes_ = static_cast<uint64_t>(size);
    std::rewind(file_.get());
  }
  size_t used = 0;
  Outcome outcome = Outcome::kNeedsMore;
  while (outcome == Outcome::kNeedsMore && Fill())
    outcome = decoder_.Begin(buffer_, settings_, start_, used);
  if (outcome == Outcome::kRecord) {
    at_ = used;
    return {};
  }
  if (outcome == Outcome::kNeedsMore && !buffer_.empty())
    return "The recording " + path + " ends within its first lines.";
  return path + " is no recording of aether-run --record.";
}

bool RecordingFile::Fill() {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  const size_t had = buffer_.size();
  buffer_.resize(had + kPieceBytes);
  const size_t got = std::fread(buffer_.data() + had, 1, kPieceBytes, file_.get());
  buffer_.resize(had + got);
  read_ += got;
  return got > 0;
}

bool RecordingFile::Next(device::Record& record) {
  while (!damaged_) {
    size_t used = 0;
    const Outcome outcome = decoder_.Next(Bytes(buffer_).subspan(at_), record, used);
    if (outcome == Outcome::kRecord) {
      at_ += used;
      ++records_;
      return true;
    }
    // A record that does not end within the largest one is none.
    damaged_ = outcome == Outcome::kDamaged || buffer_.size() - at_ > 4 * device::kRecordBytesMax;
    if (damaged_ || !Fill()) return false;
  }
  return false;
}

}  // namespace aether::replay
