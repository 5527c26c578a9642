#include "replay/capture_reader.h"

#include <pcap/pcap.h>
#include <pcap/sll.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "stack/wire/ethernet.h"

namespace aether::replay {
namespace {

constexpr size_t kSllHeaderBytes = 16;
constexpr size_t kSll2HeaderBytes = 20;
// A larger one is an attack on the reader, or no frame.
constexpr size_t kFrameBytesMax = 262144;

// Saturates: a damaged file may hold any number.
Instant InstantOf(const timeval& time) {
  constexpr int64_t kSecondsMax = 4'000'000'000;
  const int64_t seconds = std::clamp<int64_t>(time.tv_sec, 0, kSecondsMax);
  const int64_t nanoseconds = std::clamp<int64_t>(time.tv_usec, 0, 999'999'999);
  return Instant(Duration(seconds * 1'000'000'000 + nanoseconds));
}

bool IsKnown(int link_type) {
  return link_type == DLT_EN10MB || link_type == DLT_RAW || link_type == DLT_IPV4 ||
         link_type == DLT_LINUX_SLL || link_type == DLT_LINUX_SLL2;
}

std::string Sentence(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += part;
  return text;
}

uint64_t SizeOf(std::FILE* file) {
  const long here = std::ftell(file);
  if (here < 0 || std::fseek(file, 0, SEEK_END) != 0) return 0;
  const long size = std::ftell(file);
  if (std::fseek(file, here, SEEK_SET) != 0 || size < 0) return 0;
  return static_cast<uint64_t>(size);
}

}  // namespace

struct CaptureReader::Program {
  bpf_program code{};
};

void CaptureReader::Closer::operator()(pcap* file) const { pcap_close(file); }

void CaptureReader::ProgramFree::operator()(Program* program) const {
  pcap_freecode(&program->code);
  delete program;
}

std::array<uint8_t, 6> MadeUpMac(uint32_t ipv4_address) {
  return {2,
          0xae,
          static_cast<uint8_t>(ipv4_address >> 24),
          static_cast<uint8_t>(ipv4_address >> 16),
          static_cast<uint8_t>(ipv4_address >> 8),
          static_cast<uint8_t>(ipv4_address)};
}

std::expected<CaptureReader, std::string> CaptureReader::Open(const std::string& path,
                                                              const std::string& filter) {
  if (path.empty()) return std::unexpected("The name of the capture file is empty.");
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  // To libpcap "-" is the standard input; a capture is read twice, so it is a name like any other.
  const std::string name = path == "-" ? "./-" : path;
  std::unique_ptr<pcap, Closer> file(pcap_open_offline_with_tstamp_precision(
      name.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()));
  if (file == nullptr) {
    return std::unexpected(
        Sentence({"Cannot read the capture file ", path, ": ", error.data(), "."}));
  }
  const int link_type = pcap_datalink(file.get());
  if (!IsKnown(link_type)) {
    const char* link_name = pcap_datalink_val_to_name(link_type);
    return std::unexpected(Sentence({"The capture file ", path, " has the link type ",
                                     link_name != nullptr ? link_name : std::to_string(link_type),
                                     "; Ethernet, raw IP and Linux cooked captures can be read."}));
  }
  CaptureReader reader(path, std::move(file), link_type);
  if (std::string wrong = reader.SetFilter(filter); !wrong.empty()) return std::unexpected(wrong);
  return reader;
}

CaptureReader::CaptureReader(std::string path, std::unique_ptr<pcap, Closer> file, int link_type)
    : path_(std::move(path)),
      file_(std::move(file)),
      link_type_(link_type),
      file_bytes_(SizeOf(pcap_file(file_.get()))) {}

std::string CaptureReader::SetFilter(const std::string& filter) {
  if (filter.empty()) return {};
  auto program = std::make_unique<Program>();
  if (pcap_compile(file_.get(), &program->code, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return Sentence(
        {"--filter=", filter, " is no filter expression: ", pcap_geterr(file_.get()), "."});
  }
  program_.reset(program.release());
  return {};
}

uint64_t CaptureReader::bytes_read() const {
  const long here = std::ftell(pcap_file(file_.get()));
  return here < 0 ? 0 : static_cast<uint64_t>(here);
}

std::optional<CapturedFrame> CaptureReader::Next() {
  while (error_.empty()) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = pcap_next_ex(file_.get(), &header, &data);
    if (result == PCAP_ERROR_BREAK) return std::nullopt;
    if (result != 1) {
      error_ = Sentence({"The capture file ", path_, " is damaged after ", std::to_string(frames_),
                         " packets: ", pcap_geterr(file_.get()), "."});
      return std::nullopt;
    }
    ++frames_;
    if (program_ != nullptr && pcap_offline_filter(&program_->code, header, data) == 0) {
      ++filtered_;
      continue;
    }
    Bytes frame;
    if (header->caplen <= kFrameBytesMax) frame = ToEthernet(Bytes(data, header->caplen));
    if (frame.empty()) {
      ++unreadable_;
      continue;
    }
    const Instant at = InstantOf(header->ts);
    if (at < last_) ++out_of_order_;
    last_ = std::max(last_, at);
    return CapturedFrame{
        .at = last_,
        .frame = frame,
        .cut_bytes = header->len > header->caplen ? header->len - header->caplen : 0};
  }
  return std::nullopt;
}

Bytes CaptureReader::ToEthernet(Bytes packet) {
  switch (link_type_) {
    case DLT_EN10MB:
      if (packet.size() < EthernetView::kHeaderSize) return {};
      return WithoutVlan(packet);
    case DLT_LINUX_SLL:
      if (packet.size() <= kSllHeaderBytes) return {};
      return WithHeader(packet.subspan(kSllHeaderBytes), LoadBe<uint16_t>(packet.data() + 14));
    case DLT_LINUX_SLL2:
      if (packet.size() <= kSll2HeaderBytes) return {};
      return WithHeader(packet.subspan(kSll2HeaderBytes), LoadBe<uint16_t>(packet.data()));
    default: {
      if (packet.empty()) return {};
      const bool is_ipv6 = packet[0] >> 4 == 6;
      return WithHeader(packet,
                        static_cast<uint16_t>(is_ipv6 ? EtherType::kIpv6 : EtherType::kIpv4));
    }
  }
}

Bytes CaptureReader::WithHeader(Bytes packet, uint16_t type) {
  EthernetHeader header{.type = type};
  if (type == static_cast<uint16_t>(EtherType::kIpv4) && packet.size() >= 20) {
    header.source.octets = MadeUpMac(LoadBe<uint32_t>(packet.data() + 12));
    header.destination.octets = MadeUpMac(LoadBe<uint32_t>(packet.data() + 16));
  }
  made_.resize(EthernetHeader::kSize + packet.size());
  header.Emit(made_);
  std::memcpy(made_.data() + EthernetHeader::kSize, packet.data(), packet.size());
  return made_;
}

Bytes CaptureReader::WithoutVlan(Bytes frame) {
  constexpr size_t kTagBytes = 4;
  size_t tags = 0;
  while (frame.size() >= EthernetView::kHeaderSize + (tags + 1) * kTagBytes && tags < 2) {
    const uint16_t type = LoadBe<uint16_t>(frame.data() + 12 + tags * kTagBytes);
    if (type != 0x8100 && type != 0x88a8) break;
    ++tags;
  }
  if (tags == 0) return frame;
  made_.assign(frame.begin(), frame.begin() + 12);
  const Bytes rest = frame.subspan(12 + tags * kTagBytes);
  made_.insert(made_.end(), rest.begin(), rest.end());
  return made_;
}

}  // namespace aether::replay
