// The packets of a capture file, one after the other, as Ethernet frames: pcap and pcapng, micro-
// and nanoseconds, Ethernet, raw IP and Linux "cooked" (v1 and v2), through libpcap. Of the file no
// more than one packet is in memory. What has no Ethernet header gets one that says who the packet
// is from and for by the end of its addresses. VLAN tags are taken out.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

struct pcap;

namespace aether::replay {

struct CapturedFrame {
  Instant at{};  // since 1970; never before that of the frame before
  Bytes frame;   // until the next one is read
  // Bytes that the frame had on the wire and the file has not.
  uint32_t cut_bytes = 0;
};

class CaptureReader {
 public:
  // `filter` is an expression of libpcap, empty for everything. The error is a sentence.
  static std::expected<CaptureReader, std::string> Open(const std::string& path,
                                                        const std::string& filter);

  // Nothing at the end, and from where the file is damaged on: see error().
  std::optional<CapturedFrame> Next();

  // A sentence when the file broke off or is damaged, empty otherwise.
  const std::string& error() const { return error_; }
  uint64_t frames() const { return frames_; }
  // That the filter left out, that were empty, or that no Ethernet frame can be made of.
  uint64_t filtered() const { return filtered_; }
  uint64_t unreadable() const { return unreadable_; }
  // Whose time was before that of the one before.
  uint64_t out_of_order() const { return out_of_order_; }
  // Bytes of the file read and in all; 0 when that cannot be told.
  uint64_t file_bytes() const { return file_bytes_; }
  uint64_t bytes_read() const;

 private:
  struct Closer {
    void operator()(pcap* file) const;
  };
  struct Program;
  struct ProgramFree {
    void operator()(Program* program) const;
  };

  CaptureReader(std::string path, std::unique_ptr<pcap, Closer> file, int link_type);
  std::string SetFilter(const std::string& filter);
  // Empty when none can be made.
  Bytes ToEthernet(Bytes packet);
  Bytes WithHeader(Bytes packet, uint16_t type);
  Bytes WithoutVlan(Bytes frame);

  std::string path_;
  std::unique_ptr<pcap, Closer> file_;
  std::unique_ptr<Program, ProgramFree> program_;
  int link_type_;
  std::vector<uint8_t> made_;
  Instant last_{};
  std::string error_;
  uint64_t frames_ = 0;
  uint64_t filtered_ = 0;
  uint64_t unreadable_ = 0;
  uint64_t out_of_order_ = 0;
  uint64_t file_bytes_ = 0;
};

// The link address that a made-up Ethernet header has for a host.
std::array<uint8_t, 6> MadeUpMac(uint32_t ipv4_address);

}  // namespace aether::replay
