// A web server on an lwIP of its own, frames in and frames out: to every segment with text it
// answers the whole response, and closes where it is told to. Every frame is copied into a buffer
// of lwIP's, as its drivers do, and out of one. lwIP's timers run on the time that is given.
//
// lwIP keeps TIME-WAIT connections for two minutes and looks through all of them for every SYN.
// Debian's build has no limit on their number; beyond `time_wait_max` the oldest go, as they would
// in a build with a limit.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "bench/peers/lwip_library.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/wire/address.h"

namespace aether::bench {

class LwipHost {
 public:
  struct Options {
    MacAddress mac;
    Ipv4Network network;
    Ipv4Address gateway;
    Bytes response;  // outlives the host
    bool close = false;
    uint32_t time_wait_max = 1024;
  };

  // Says what is missing.
  static std::expected<std::unique_ptr<LwipHost>, std::string> Create(const Options& options,
                                                                      Instant now);
  ~LwipHost();
  LwipHost(const LwipHost&) = delete;
  LwipHost& operator=(const LwipHost&) = delete;

  // Runs the timers that are due.
  void Advance(Instant now);
  // What lwIP sends meanwhile is written to `out` when it is one frame; the size of that frame.
  // What it sends beyond waits for Transmit.
  size_t Receive(Bytes frame, MutableBytes out);
  // The next frame that waits; 0 when none does.
  size_t Transmit(MutableBytes out);

  uint64_t requests() const { return requests_; }
  // An operation of lwIP's that failed: memory, or a queue that is full.
  uint64_t failures() const { return failures_; }

 private:
  explicit LwipHost(const Options& options) : options_(options) {}
  void Begin(Instant now);
  void LimitTimeWait();
  static err_t OnInit(netif* interface);
  static err_t OnOutput(netif* interface, pbuf* frame);
  static err_t OnAccept(void* host, tcp_pcb* connection, err_t error);
  static err_t OnReceive(void* host, tcp_pcb* connection, pbuf* text, err_t error);

  Options options_;
  std::unique_ptr<LwipLibrary> lwip_;
  netif interface_{};
  MutableBytes out_;
  size_t out_bytes_ = 0;
  std::vector<std::vector<uint8_t>> waiting_;
  size_t waiting_at_ = 0;
  Instant next_tcp_{};
  Instant next_arp_{};
  uint64_t requests_ = 0;
  uint64_t failures_ = 0;
  uint32_t closed_ = 0;  // since TIME-WAIT was limited last
};

}  // namespace aether::bench
