#include "fuzz/decode.h"

#include <array>
#include <cstdio>
#include <memory>
#include <sstream>

#include "fuzz/naive.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/target.h"
#include "stack/device/describe.h"
#include "stack/device/pcap_writer.h"

namespace aether::fuzz {
namespace {

// --- Targets with a grammar ---

class Printer final : public Observer {
 public:
  explicit Printer(device::PcapWriter* pcap) : pcap_(pcap) {}
  void OnRecord(std::string_view text, Instant now) override {
    std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    now_ = now;
  }
  void OnFrame(int host, bool in, Bytes frame, Instant now) override {
    std::string line = device::TraceLine(now, in ? '<' : '>', frame);
    if (host != 0) line = "host " + std::to_string(host) + " " + line;
    std::printf("    # %s\n", line.c_str());
    if (pcap_ != nullptr) pcap_->Write(now, frame);
  }
  void OnNote(std::string_view text, Instant) override {
    std::printf("    # %.*s\n", static_cast<int>(text.size()), text.data());
  }

 private:
  device::PcapWriter* pcap_;
  Instant now_;
};

void DecodeScenario(const Grammar& grammar, Bytes input, device::PcapWriter* pcap) {
  for (size_t i = 0; i < grammar.head.size() && i < input.size(); ++i) {
    const std::string head = PrintInput(grammar, input.first(i + 1));
    std::printf("%s", head.substr(head.rfind('\n', head.size() - 2) + 1).c_str());
  }
  std::fflush(stdout);
  Printer printer(pcap);
  CurrentObserver() = &printer;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  CurrentObserver() = nullptr;
  // Where a target stops early, the rest belongs to the input as well.
  RecordReader reader(grammar, input);
  Record record;
  size_t records = 0;
  while (reader.Next(record)) ++records;
  std::printf("# %zu bytes, %zu records\n", input.size(), records);
}

// --- Targets without: bytes ---

std::string Hex(Bytes input) {
  std::string all;
  for (size_t at = 0; at < input.size(); at += 16) {
    std::string line;
    std::string text;
    for (const uint8_t byte : input.subspan(at, std::min<size_t>(16, input.size() - at))) {
      std::array<char, 4> digits{};
      std::snprintf(digits.data(), digits.size(), "%02x ", byte);
      line += digits.data();
      text += byte >= ' ' && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    line.resize(48, ' ');
    std::array<char, 20> place{};
    std::snprintf(place.data(), place.size(), "%04zx", at);
    all += line + " # " + place.data() + "  " + text + "\n";
  }
  return all;
}

using Buffer = std::vector<uint8_t>;

void AppendWord(Buffer& out, size_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

Buffer InEthernet(uint16_t type, Bytes packet) {
  Buffer frame = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  AppendWord(frame, type);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

Buffer InIpv4(uint8_t protocol, Bytes addresses, Bytes payload) {
  Buffer packet = {0x45, 0};
  AppendWord(packet, 20 + payload.size());
  packet.insert(packet.end(), {0, 0, 0, 0, 64, protocol, 0, 0});
  packet.insert(packet.end(), addresses.begin(), addresses.end());
  NaiveRepair(packet, 10);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return InEthernet(0x0800, packet);
}

Buffer InUdp(uint16_t source, uint16_t destination, Bytes payload) {
  constexpr std::array<uint8_t, 8> kAddresses = {10, 0, 0, 1, 10, 0, 0, 2};
  Buffer datagram;
  AppendWord(datagram, source);
  AppendWord(datagram, destination);
  AppendWord(datagram, 8 + payload.size());
  AppendWord(datagram, 0);
  datagram.insert(datagram.end(), payload.begin(), payload.end());
  return InIpv4(17, kAddresses, datagram);
}

// The frame around an input of a parser target; empty where there is none that it could stand in.
Buffer FrameOf(const std::string& target, Bytes input) {
  constexpr std::array<uint8_t, 8> kAddresses = {10, 0, 0, 1, 10, 0, 0, 2};
  if (target == "ethernet") return {input.begin(), input.end()};
  if (target == "arp") return InEthernet(0x0806, input);
  if (target == "ipv4") return InEthernet(0x0800, input);
  if (target == "icmp") return InIpv4(1, kAddresses, input);
  if (target == "dns") return InUdp(53, 40000, input);
  if (target == "dhcp") return InUdp(67, 68, input);
  if (input.size() >= 8 && target == "udp") return InIpv4(17, input.first(8), input.subspan(8));
  if (input.size() >= 8 && target == "tcp") return InIpv4(6, input.first(8), input.subspan(8));
  return {};
}

}  // namespace

std::string Decode(const std::string& target, Bytes input, const std::string& pcap) {
  std::unique_ptr<device::PcapWriter> writer;
  if (!pcap.empty()) {
    auto created = device::PcapWriter::Create(pcap, {});
    if (!created) return created.error();
    writer = std::move(*created);
  }
  if (const Grammar* const grammar = TargetGrammar()) {
    DecodeScenario(*grammar, input, writer.get());
    return writer ? writer->error() : std::string();
  }
  std::printf("%s", Hex(input).c_str());
  if (!writer) return {};
  const Buffer frame = FrameOf(target, input);
  if (frame.empty()) return "inputs of " + target + " are no frames, and so there is no pcap";
  std::printf("# %s\n", device::DescribeFrame(frame).c_str());
  writer->Write({}, frame);
  return writer->error();
}

std::string TextOf(Bytes input) {
  const Grammar* const grammar = TargetGrammar();
  return grammar != nullptr ? PrintInput(*grammar, input) : Hex(input);
}

std::string Encode(const std::string& text, std::vector<uint8_t>& out) {
  if (const Grammar* const grammar = TargetGrammar()) {
    auto input = ParseInput(*grammar, text);
    if (!input) return input.error();
    out = std::move(*input);
    return {};
  }
  std::istringstream lines(text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) {
      char* end = nullptr;
      const unsigned long byte = std::strtoul(word.c_str(), &end, 16);
      if (*end != '\0' || byte > 0xff)
        return "line " + std::to_string(number) + ": no byte: '" + word + "'";
      out.push_back(static_cast<uint8_t>(byte));
    }
  }
  return {};
}

}  // namespace aether::fuzz
