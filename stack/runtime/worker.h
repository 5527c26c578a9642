// One worker: a thread that owns a host and drives it on its part of the TAP.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "stack/app/content.h"
#include "stack/app/host.h"
#include "stack/device/capture_sink.h"
#include "stack/device/fault_options.h"
#include "stack/runtime/address_board.h"
#include "stack/runtime/backoff.h"
#include "stack/runtime/inbox.h"
#include "stack/runtime/recorder.h"
#include "stack/runtime/report.h"
#include "stack/runtime/steering.h"
#include "stack/runtime/tap.h"

namespace aether::runtime {

class Worker {
 public:
  // Where its frames come from.
  enum class Source : uint8_t {
    kQueue,     // its own queue of the TAP
    kDispatch,  // the one queue, whose other frames it hands on
    kRing,      // its inbox
  };
  struct Options {
    Source source = Source::kQueue;
    BackoffMode backoff = BackoffMode::kAdaptive;
    SteeringKey key;
    std::optional<device::FaultOptions> faults;
    // Worker 0 only: the other workers' inboxes, and where to tell of the address when DHCP sets
    // it.
    std::span<Inbox* const> peers;
    AddressBoard* watch = nullptr;
    // Called from the worker's thread when there is news for Workers.
    std::function<void()> notice;
  };

  // `content` (may be null) is what the host serves. `recorder` (may be null) was opened.
  Worker(const Options& options, Tap tap, std::unique_ptr<app::ContentSource> content,
         std::unique_ptr<app::Host> host, std::unique_ptr<Recorder> recorder);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `capture` (may be null) may be called from several threads.
  void Start(device::CaptureSink* capture);
  // Asks the thread to end; Join waits for it.
  void AskToStop() { Order(kStop); }
  void Join();

  // From another thread: what was counted until about now; when the thread has ended, until the
  // end.
  Report Collect();
  bool gone() const { return gone_.load(std::memory_order_acquire); }

  Inbox& inbox() { return inbox_; }
  const Tap& tap() const { return tap_; }
  // After Join.
  const Recorder* recorder() const { return recorder_.get(); }

 private:
  static constexpr uint32_t kStop = 1;
  static constexpr uint32_t kReport = 2;

  void Order(uint32_t order);
  void Run(device::CaptureSink* capture);
  template <typename Frames>
  void RunOn(Frames& source, device::CaptureSink* capture);
  template <typename Device>
  void RunLoop(Device& device);
  template <typename Host, typename Device>
  void RunHost(Host& host, Device& device);
  template <typename Loop>
  void PublishReport(const Loop& loop, bool last);

  const Options options_;
  Tap tap_;
  const std::unique_ptr<Recorder> recorder_;
  const std::unique_ptr<app::ContentSource> content_;
  std::unique_ptr<app::Host> host_;  // the thread's, which also ends it
  Inbox inbox_;
  std::thread thread_;

  std::atomic<uint32_t> orders_{0};
  std::atomic<bool> gone_{false};

  std::mutex report_mutex_;
  std::condition_variable report_ready_;
  Report report_;
  uint64_t reports_ = 0;
  bool ended_ = true;
};

}  // namespace aether::runtime
