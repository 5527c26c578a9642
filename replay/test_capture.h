// For tests: captures of a client and a server, written segment by segment as a test says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replay/adaptive_replay.h"
#include "replay/survey.h"
#include "stack/device/pcap_writer.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/temporary_file.h"

namespace aether::replay {

inline constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// One connection's two sides, with their numbers.
class TestConnection {
 public:
  uint16_t port = 40000;
  uint16_t server_port = 80;
  uint32_t client = 1000;  // the next number
  uint32_t server = 70000;
};

class TestCapture {
 public:
  TestCapture() : writer_(*device::PcapWriter::Create(file_.path(), {})) {}

  void At(int64_t microseconds) { now_ = Instant(std::chrono::microseconds(microseconds)); }
  void After(int64_t microseconds) { now_ += std::chrono::microseconds(microseconds); }
  void Add(Bytes frame) { writer_->Write(now_, frame); }

  // Segments; each leaves the numbers behind it, unless `keep`.
  void Client(TestConnection& of, uint8_t flags, std::string_view text = "", bool keep = false) {
    After(10);
    Add(testing::BuildTcp(
        {.source_port = of.port,
         .destination_port = of.server_port,
         .sequence = of.client,
         .acknowledgment = (flags & tcp_flags::kAck) != 0 ? of.server : 0,
         .flags = flags,
         .options = (flags & tcp_flags::kSyn) != 0 ? testing::FullSynOptions(5) : testing::Frame{},
         .payload = testing::ToFrame(text)}));
    if (!keep) of.client += Size(flags, text);
  }
  void Server(TestConnection& of, uint8_t flags, std::string_view text = "") {
    After(10);
    testing::TcpSpec spec{.source_port = of.server_port,
                          .destination_port = of.port,
                          .sequence = of.server,
                          .acknowledgment = of.client,
                          .flags = flags,
                          .payload = testing::ToFrame(text)};
    spec.ip.source = testing::kOurIp;
    spec.ip.destination = testing::kPeerIp;
    spec.ip.ethernet.source = testing::kOurMac;
    spec.ip.ethernet.destination = testing::kPeerMac;
    if ((flags & tcp_flags::kSyn) != 0) spec.options = testing::FullSynOptions(5);
    Add(testing::BuildTcp(spec));
    of.server += Size(flags, text);
  }

  void Open(TestConnection& of) {
    Client(of, tcp_flags::kSyn);
    Server(of, tcp_flags::kSyn | tcp_flags::kAck);
    Client(of, tcp_flags::kAck);
  }
  // The server answers with content of `size` bytes.
  void Answer(TestConnection& of, size_t size = 5) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    text.append(size, 'y');
    for (size_t at = 0; at < text.size(); at += 1400)
      Server(of, tcp_flags::kAck | tcp_flags::kPsh, std::string_view(text).substr(at, 1400));
  }
  void Close(TestConnection& of) {
    Client(of, tcp_flags::kFin | tcp_flags::kAck);
    Server(of, tcp_flags::kFin | tcp_flags::kAck);
    Client(of, tcp_flags::kAck);
  }

  const std::string& path() {
    writer_->Flush();
    return file_.path();
  }

  // Plays it; `summary` says what went wrong, if anything.
  ReplayResult Play(ReplaySetup setup = {}) {
    setup.path = path();
    Survey survey;
    const auto read = ReadSurvey(setup, survey);
    EXPECT_TRUE(read.has_value());
    ReplayHostOptions host = HostOptionsFor(setup, survey);
    host.patient = true;
    SpeedLog log;
    auto result = AdaptiveReplay(setup, survey, host, &log).Run();
    EXPECT_TRUE(result.has_value());
    // Whatever the capture was: the frames alone give the same answers.
    EXPECT_EQ(log.Run(host, Instant{}, 1).wrong, "");
    return *result;
  }

 private:
  static uint32_t Size(uint8_t flags, std::string_view text) {
    return static_cast<uint32_t>(text.size()) + ((flags & tcp_flags::kSyn) != 0 ? 1 : 0) +
           ((flags & tcp_flags::kFin) != 0 ? 1 : 0);
  }

  testing::TemporaryFile file_;
  std::unique_ptr<device::PcapWriter> writer_;
  Instant now_{std::chrono::seconds(1'700'000'000)};
};

}  // namespace aether::replay
