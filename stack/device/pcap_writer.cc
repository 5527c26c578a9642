#include "stack/device/pcap_writer.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "stack/device/device.h"

namespace aether::device {

std::expected<std::unique_ptr<PcapWriter>, std::string> PcapWriter::Create(
    const std::string& path, const PcapWriterOptions& options) {
  if (path.empty()) return std::unexpected("The name of the capture file is empty.");
  if (options.bytes_max != 0 && options.bytes_max < kFileHeaderBytes) {
    return std::unexpected("A capture file needs at least " + std::to_string(kFileHeaderBytes) +
                           " bytes, the limit is " + std::to_string(options.bytes_max) + ".");
  }
  std::unique_ptr<PcapWriter> writer(new PcapWriter(path, options));
  writer->format_ = pcap_open_dead_with_tstamp_precision(
      DLT_EN10MB, static_cast<int>(kFrameBytesMax), PCAP_TSTAMP_PRECISION_NANO);
  if (writer->format_ == nullptr) return std::unexpected("libpcap has no memory for " + path + ".");
  // To libpcap "-" is the standard output; to us it is a name like any other.
  const std::string name = path == "-" ? "./-" : path;
  writer->file_ = pcap_dump_open(writer->format_, name.c_str());
  if (writer->file_ == nullptr) {
    return std::unexpected(
        "Cannot write the capture file: " + std::string(pcap_geterr(writer->format_)) + ".");
  }
  return writer;
}

PcapWriter::PcapWriter(std::string path, const PcapWriterOptions& options)
    : path_(std::move(path)), options_(options) {}

PcapWriter::~PcapWriter() {
  if (file_ != nullptr) pcap_dump_close(file_);
  if (format_ != nullptr) pcap_close(format_);
}

void PcapWriter::Write(Instant when, Bytes frame) {
  const uint64_t record_bytes = kRecordHeaderBytes + frame.size();
  const bool fits = options_.bytes_max == 0 || record_bytes <= options_.bytes_max - bytes_written_;
  if (!error_.empty() || !fits || frame.size() > kFrameBytesMax) {
    ++frames_left_out_;
    return;
  }
  // The file has no time before 1970.
  const int64_t nanoseconds =
      std::max<int64_t>((when + options_.since_1970).time_since_epoch().count(), 0);
  pcap_pkthdr header{};
  header.ts.tv_sec = nanoseconds / 1'000'000'000;
  header.ts.tv_usec = nanoseconds % 1'000'000'000;
  header.caplen = static_cast<bpf_u_int32>(frame.size());
  header.len = header.caplen;
  pcap_dump(reinterpret_cast<u_char*>(file_), &header, frame.data());
  // pcap_dump tells no errors; the stream does.
  if (std::ferror(pcap_dump_file(file_)) != 0) {
    error_ = "Cannot write to the capture file " + path_ + ": " + std::strerror(errno) + ".";
    ++frames_left_out_;
    return;
  }
  ++frames_written_;
  bytes_written_ += record_bytes;
}

void PcapWriter::Flush() {
  if (!error_.empty()) return;
  if (pcap_dump_flush(file_) != 0) {
    error_ = "Cannot write to the capture file " + path_ + ": " + std::strerror(errno) + ".";
  }
}

}  // namespace aether::device
