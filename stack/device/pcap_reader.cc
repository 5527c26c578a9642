#include "stack/device/pcap_reader.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace aether::device {
namespace {

// Saturates: a damaged file may hold any number.
Instant InstantOf(const timeval& time) {
  constexpr int64_t kSecondsMax = Duration::max().count() / 1'000'000'000 - 1;
  const int64_t seconds = std::clamp<int64_t>(time.tv_sec, 0, kSecondsMax);
  const int64_t nanoseconds = std::clamp<int64_t>(time.tv_usec, 0, 999'999'999);
  return Instant(Duration(seconds * 1'000'000'000 + nanoseconds));
}

// In one piece of memory.
std::string Joined(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view part : parts) out += part;
  return out;
}

}  // namespace

void PcapReader::Closer::operator()(pcap* file) const { pcap_close(file); }

std::expected<PcapReader, std::string> PcapReader::Open(const std::string& path,
                                                        CaptureSink* sink) {
  if (path.empty()) return std::unexpected("The name of the capture file is empty.");
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  // To libpcap "-" is the standard input; to us it is a name like any other.
  const std::string name = path == "-" ? "./-" : path;
  std::unique_ptr<pcap, Closer> file(pcap_open_offline_with_tstamp_precision(
      name.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()));
  return FromFile(std::move(file), error.data(), path, sink);
}

std::expected<PcapReader, std::string> PcapReader::FromStream(std::FILE* stream,
                                                              const std::string& name,
                                                              CaptureSink* sink) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  std::unique_ptr<pcap, Closer> file(
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data()));
  // libpcap closes only what it has taken over.
  if (file == nullptr) std::fclose(stream);
  return FromFile(std::move(file), error.data(), name, sink);
}

std::expected<PcapReader, std::string> PcapReader::FromFile(std::unique_ptr<pcap, Closer> file,
                                                            const char* error,
                                                            const std::string& path,
                                                            CaptureSink* sink) {
  if (file == nullptr) {
    return std::unexpected(Joined({"Cannot read the capture file ", path, ": ", error, "."}));
  }
  const int link_type = pcap_datalink(file.get());
  if (link_type != DLT_EN10MB) {
    const char* link_name = pcap_datalink_val_to_name(link_type);
    return std::unexpected(Joined({"The capture file ", path, " has the link type ",
                                   link_name != nullptr ? link_name : std::to_string(link_type),
                                   "; only Ethernet can be read."}));
  }
  PcapReader reader(path, std::move(file), sink);
  reader.ReadAhead();
  return reader;
}

PcapReader::PcapReader(std::string path, std::unique_ptr<pcap, Closer> file, CaptureSink* sink)
    : path_(std::move(path)), file_(std::move(file)), sink_(sink) {}

size_t PcapReader::Receive(MutableBytes into) {
  while (!next_.empty()) {
    const size_t size = next_.size();
    const bool fits = size <= into.size();
    if (fits) {
      std::memcpy(into.data(), next_.data(), size);
      last_time_ = next_time_;
      ++frames_received_;
      if (next_is_cut_) ++frames_cut_;
    } else {
      ++frames_left_out_;
    }
    ReadAhead();
    if (fits) return size;
  }
  return 0;
}

bool PcapReader::Send(Bytes frame) {
  ++frames_sent_;
  // A recording has no time of its own while it stands still: what is sent belongs to the frame
  // before.
  if (sink_ != nullptr) sink_->Write(last_time_, frame);
  return true;
}

void PcapReader::ReadAhead() {
  next_ = {};
  while (error_.empty()) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = pcap_next_ex(file_.get(), &header, &data);
    if (result == PCAP_ERROR_BREAK) return;
    if (result != 1) {
      error_ = Joined({"The capture file ", path_, " is damaged: ", pcap_geterr(file_.get()), "."});
      return;
    }
    if (header->caplen == 0) {
      ++frames_left_out_;
      continue;
    }
    next_ = Bytes(data, header->caplen);
    next_is_cut_ = header->caplen < header->len;
    next_time_ = InstantOf(header->ts);
    return;
  }
}

}  // namespace aether::device
