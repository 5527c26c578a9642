#include "replay/exact_replay.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/frame_batch.h"
#include "replay/recording_file.h"
#include "stack/app/content.h"
#include "stack/app/host.h"
#include "stack/tcp/profile_text.h"
#include "stack/wire/address_text.h"

namespace aether::replay {
namespace {

using device::Record;
using device::RecordKind;

// What the host is served is what its content source answered then.
class ReplayedContent final : public app::ContentSource {
 public:
  explicit ReplayedContent(RecordingFile& file) : file_(file) {}
  std::unique_ptr<app::Content> Open(std::string_view) override {
    if (!Take(RecordKind::kOpen) || !record_.found) return nullptr;
    return std::make_unique<OpenContent>(*this, record_.size,
                                         std::string(record_.data.begin(), record_.data.end()));
  }
  // The host asked for something else than it did then.
  bool parted() const { return parted_; }
  // The recording ended within what the host asked for.
  bool ran_out() const { return ran_out_; }

 private:
  class OpenContent final : public app::Content {
   public:
    OpenContent(ReplayedContent& source, uint64_t size, std::string media_type)
        : source_(source), size_(size), media_type_(std::move(media_type)) {}
    uint64_t size() const override { return size_; }
    std::string_view media_type() const override { return media_type_; }
    size_t Read(uint64_t, MutableBytes out) override {
      if (!source_.Take(RecordKind::kRead)) return 0;
      const Bytes data = source_.record_.data;
      if (data.size() > out.size()) {
        source_.parted_ = true;
        return 0;
      }
      std::copy(data.begin(), data.end(), out.begin());
      return data.size();
    }

   private:
    ReplayedContent& source_;
    uint64_t size_;
    std::string media_type_;
  };

  bool Take(RecordKind wanted) {
    if (parted_ || ran_out_) return false;
    if (!file_.Next(record_)) {
      ran_out_ = true;
    } else if (record_.kind != wanted) {
      parted_ = true;
    }
    return !parted_ && !ran_out_;
  }

  RecordingFile& file_;
  Record record_;
  bool parted_ = false;
  bool ran_out_ = false;
};

using Settings = std::map<std::string, std::string, std::less<>>;

Settings SettingsOf(std::string_view text) {
  Settings settings;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t equals = line.find('=');
    if (equals != line.npos) settings.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return settings;
}

template <typename T>
bool ReadNumber(const Settings& settings, std::string_view name, T& value) {
  const auto found = settings.find(name);
  if (found == settings.end()) return false;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadSeed(const Settings& settings, Seed& seed) {
  const auto found = settings.find("seed");
  if (found == settings.end()) return false;
  const std::string& text = found->second;
  const auto [comma, error] = std::from_chars(text.data(), text.data() + text.size(), seed[0]);
  if (error != std::errc() || comma == text.data() + text.size() || *comma != ',') return false;
  return std::from_chars(comma + 1, text.data() + text.size(), seed[1]).ec == std::errc();
}

// Nothing when a setting is missing or is none.
std::optional<app::HostOptions> HostOf(const Settings& settings, app::ContentSource& content) {
  app::HostOptions host;
  Config& stack = host.stack;
  uint32_t dhcp = 0;
  uint32_t original_echo = 0;
  uint32_t has_content = 0;
  const auto text = [&](std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string_view() : std::string_view(found->second);
  };
  const auto mac = ParseMac(text("mac"));
  const auto profile = tcp::ProfileOfText(text("profile"));
  const bool good =
      mac && profile && ReadSeed(settings, stack.seed) && ReadNumber(settings, "mtu", stack.mtu) &&
      ReadNumber(settings, "reassembly", stack.net.reassembly_datagrams_max) &&
      ReadNumber(settings, "dhcp", dhcp) && ReadNumber(settings, "http_port", host.http_port) &&
      ReadNumber(settings, "echo_port", host.echo_port) &&
      ReadNumber(settings, "original_echo", original_echo) &&
      ReadNumber(settings, "content", has_content);
  // A damaged line must not make a host of any size.
  if (!good || stack.net.reassembly_datagrams_max > NetLimits{}.reassembly_datagrams_max)
    return std::nullopt;
  stack.mac = *mac;
  stack.profile = *profile;
  host.dhcp = dhcp != 0;
  host.original_echo = original_echo != 0;
  if (has_content != 0) host.content = &content;
  if (!text("address").empty()) host.address = ParseNetwork(text("address"));
  if (!text("gateway").empty()) host.gateway = ParseAddress(text("gateway"));
  return host;
}

class ExactReplay {
 public:
  ExactReplay(const ExactSetup& setup, RecordingFile& file, ReplayedContent& content,
              app::Host& host)
      : setup_(setup),
        file_(file),
        content_(content),
        host_(host),
        buffer_(host.stack().frame_size_max()) {
    result_.mode = "exact";
  }

  ReplayResult Run() {
    Record record;
    while (result_.exact.empty() && !ended_ && !content_.ran_out() && file_.Next(record))
      Play(record);
    Conclude();
    result_.trace_hash = hash_;
    result_.stack = host_.stack().counters();
    if (host_.http() != nullptr) result_.http = host_.http()->counters();
    result_.packets = result_.frames_in;
    return std::move(result_);
  }

 private:
  void Play(const Record& record) {
    result_.virtual_time = record.now - file_.start();
    switch (record.kind) {
      case RecordKind::kReceive:
        Receive(record);
        break;
      case RecordKind::kTransmit:
        Transmit(record);
        break;
      case RecordKind::kStop:
        host_.Stop(record.now);
        break;
      case RecordKind::kCheck:
      case RecordKind::kEnd:
        Check(record);
        break;
      case RecordKind::kOpen:
      case RecordKind::kRead:
        // The host should have taken it.
        Part("The host asks its content source for less than it did then");
        break;
    }
    if (content_.parted()) Part("The host asks its content source for something else");
    if (setup_.pace) setup_.pace(result_.virtual_time, file_.bytes_read(), file_.file_bytes());
  }

  // The frames are copied: the host's content comes from the file that they stand in.
  void Receive(const Record& record) {
    frames_.Clear();
    for (const Bytes frame : record.frames) frames_.Add(frame);
    batch_.clear();
    for (size_t i = 0; i < frames_.size(); ++i) {
      batch_.push_back(frames_[i]);
      if (setup_.out != nullptr) setup_.out->Write(record.now, frames_[i]);
    }
    result_.frames_in += batch_.size();
    result_.bytes_in += frames_.bytes();
    host_.Receive(batch_, record.now);
  }

  void Transmit(const Record& record) {
    for (uint64_t i = 0; i < record.count; ++i) {
      const size_t size = host_.Transmit(buffer_, record.now);
      // Nothing is due: that often more makes no difference, and the number may be damaged.
      if (size == 0) break;
      const Bytes frame = Bytes(buffer_).first(size);
      hash_ = device::RecordingHash(hash_, record.now, frame);
      ++result_.frames_out;
      result_.bytes_out += size;
      if (setup_.out != nullptr) setup_.out->Write(record.now, frame);
    }
  }

  void Check(const Record& record) {
    if (record.count != result_.frames_out || record.hash != hash_) {
      Part("The host sends something else than it did then");
      return;
    }
    checked_frames_ = result_.frames_out;
    ended_ = record.kind == RecordKind::kEnd;
  }

  void Part(const std::string& what) {
    if (!result_.exact.empty()) return;
    result_.exact_differs = true;
    result_.exact = what + ", between frame " + std::to_string(checked_frames_) +
                    " that it sent and frame " + std::to_string(result_.frames_out) + ".";
  }

  void Conclude() {
    if (!result_.exact.empty()) return;
    const std::string same = "The same " + std::to_string(checked_frames_) + " frames";
    if (ended_) {
      result_.exact = same + " went out as in the recording, to the last bit.";
      return;
    }
    result_.damage = "The recording " + setup_.path +
                     (file_.damaged() ? " is damaged after " : " breaks off after ") +
                     std::to_string(file_.records()) + " records.";
    result_.exact = same + " went out as in the recording; of " +
                    std::to_string(result_.frames_out - checked_frames_) +
                    " more it does not say what they were.";
  }

  const ExactSetup& setup_;
  RecordingFile& file_;
  ReplayedContent& content_;
  app::Host& host_;
  std::vector<uint8_t> buffer_;
  FrameBatch frames_;
  std::vector<Bytes> batch_;
  uint64_t hash_ = 0;
  uint64_t checked_frames_ = 0;
  bool ended_ = false;
  ReplayResult result_;
};

}  // namespace

std::expected<ReplayResult, std::string> RunExactReplay(const ExactSetup& setup) {
  auto file = RecordingFile::Open(setup.path);
  if (!file) return std::unexpected(file.error());
  ReplayedContent content(*file);
  const std::optional<app::HostOptions> options = HostOf(SettingsOf(file->settings()), content);
  if (!options)
    return std::unexpected("The recording " + setup.path +
                           " does not say how its host was made; was it made by another version?");
  auto host = app::Host::Create(*options, file->start());
  if (!host) return std::unexpected("The recording " + setup.path + ": " + host.error());
  return ExactReplay(setup, *file, content, **host).Run();
}

}  // namespace aether::replay
