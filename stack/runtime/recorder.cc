#include "stack/runtime/recorder.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "stack/device/describe.h"

namespace aether::runtime {

std::string RecordingSettings(const app::HostOptions& host, std::string_view profile_name) {
  const Config& stack = host.stack;
  const auto network = [](const Ipv4Network& own) {
    return absl::StrCat(device::ToString(own.address), "/", own.prefix_length);
  };
  std::string text = absl::StrCat(
      "mac=", device::ToString(stack.mac), "\nmtu=", stack.mtu, "\nseed=", stack.seed[0], ",",
      stack.seed[1], "\nprofile=", absl::string_view(profile_name.data(), profile_name.size()),
      "\nreassembly=", stack.net.reassembly_datagrams_max, "\ndhcp=", host.dhcp ? 1 : 0,
      "\nhttp_port=", host.http_port, "\necho_port=", host.echo_port,
      "\noriginal_echo=", host.original_echo ? 1 : 0, "\ncontent=", host.content != nullptr ? 1 : 0,
      "\n");
  if (host.address) absl::StrAppend(&text, "address=", network(*host.address), "\n");
  if (host.gateway) absl::StrAppend(&text, "gateway=", device::ToString(*host.gateway), "\n");
  return text;
}

absl::Status Recorder::Open(const std::string& path, const app::HostOptions& host,
                            std::string_view profile_name, Instant start) {
  path_ = path;
  file_.reset(std::fopen(path.c_str(), "wbe"));
  if (file_ == nullptr) {
    return absl::UnknownError(absl::StrCat("Cannot write the recording ", path, ": ",
                                           std::strerror(errno),
                                           ". Name another file with --record."));
  }
  encoder_.Begin(RecordingSettings(host, profile_name), start);
  Flush();
  return status_;
}

void Recorder::Receive(std::span<const Bytes> frames, Instant now) {
  FinishTransmits();
  encoder_.Receive(frames, now);
  AfterRecord();
}

// Calls at one time are one record, written when something else comes.
void Recorder::Transmit(Bytes frame, Instant now) {
  if (transmits_ > 0 && now != transmit_time_) FinishTransmits();
  transmit_time_ = now;
  ++transmits_;
  if (frame.empty()) return;
  ++frames_sent_;
  hash_ = device::RecordingHash(hash_, now, frame);
}

void Recorder::Opened(const app::Content* content) {
  FinishTransmits();
  if (content == nullptr) {
    encoder_.Open(false, 0, {});
  } else {
    encoder_.Open(true, content->size(), content->media_type());
  }
  AfterRecord();
}

void Recorder::Read(Bytes data) {
  FinishTransmits();
  encoder_.Read(data);
  AfterRecord();
}

void Recorder::Stop(Instant now) {
  FinishTransmits();
  encoder_.Stop(now);
  AfterRecord();
}

void Recorder::End() {
  FinishTransmits();
  encoder_.Check(device::RecordKind::kEnd, frames_sent_, hash_);
  Flush();
}

void Recorder::FinishTransmits() {
  if (transmits_ == 0) return;
  encoder_.Transmit(transmits_, transmit_time_);
  transmits_ = 0;
  // Between calls, when what was hashed and what is written are the same.
  if (++records_ >= kCheckEvery) {
    records_ = 0;
    encoder_.Check(device::RecordKind::kCheck, frames_sent_, hash_);
    Flush();
  }
}

void Recorder::AfterRecord() {
  ++records_;
  if (encoder_.bytes().size() >= kBufferBytes) Flush();
}

void Recorder::Flush() {
  std::vector<uint8_t>& bytes = encoder_.bytes();
  if (file_ != nullptr && status_.ok()) {
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size() &&
                         std::fflush(file_.get()) == 0;
    if (!written) {
      status_ = absl::UnknownError(absl::StrCat("Cannot write to the recording ", path_, ": ",
                                                std::strerror(errno),
                                                ". What is in it can be replayed."));
    }
  }
  bytes.clear();
}

}  // namespace aether::runtime
