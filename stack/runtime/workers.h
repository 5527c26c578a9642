// The engine: worker threads that share one TAP and nothing else. Every flow has one owner
// (runtime/steering.h).
//
//   one worker    one thread, one queue.
//   steered       each worker has a queue of a multi-queue TAP, and the kernel puts each frame into
//   its owner's. dispatched    where that is not to be had: worker 0 reads all frames and hands
//   them on through bounded rings.
//
// In all of them every worker sends by itself, and worker 0 is the one for ARP, ICMP and DHCP
// (runtime/worker_host.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "stack/app/host.h"
#include "stack/device/capture_sink.h"
#include "stack/device/fault_options.h"
#include "stack/runtime/address_board.h"
#include "stack/runtime/backoff.h"
#include "stack/runtime/file_descriptor.h"
#include "stack/runtime/locked_capture.h"
#include "stack/runtime/report.h"
#include "stack/runtime/steering.h"
#include "stack/runtime/tap.h"
#include "stack/runtime/worker.h"

namespace aether::runtime {

struct WorkersOptions {
  TapOptions tap;
  uint32_t workers = 1;
  // Dispatch even where the TAP could steer.
  bool dispatch_only = false;
  BackoffMode backoff = BackoffMode::kAdaptive;
  // Of the host as a whole; seeds, announcements, content and the interface's MTU are filled in for
  // each worker.
  app::HostOptions host;
  std::string http_root;  // empty: the built-in page alone
  Seed seed{};
  std::optional<device::FaultOptions> faults;
  // A file for a recording of all that the host is given; empty: none. One worker only.
  std::string record;
  std::string profile_name;  // stands in the recording
};

class Workers {
 public:
  enum class Sharing : uint8_t { kSingle, kSteered, kDispatched };

  // Opens the TAP and makes the hosts; nothing runs yet. Errors are sentences that say what to do.
  static absl::StatusOr<std::unique_ptr<Workers>> Create(const WorkersOptions& options);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Call once. `capture` (may be null) gets every frame of every worker, one at a time, until Stop
  // returns.
  void Start(device::CaptureSink* capture);
  // Ends all threads and waits for them; DHCP gives its lease back. Calling it again does nothing;
  // the destructor calls it.
  void Stop();

  // The sum over all workers, now; from any one thread.
  Report Collect();
  // Readable when something happened that Address() or Gone() tells.
  int notice_fd() const { return notice_.get(); }
  // Another version than before means that the host's address changed.
  const AddressBoard& address() const { return address_; }
  // The TAP was deleted under us; all that is left is to Stop.
  bool Gone() const;

  // Of the recording, when there is one; after Stop.
  const Recorder* recorder() const { return workers_.front()->recorder(); }

  Sharing sharing() const { return sharing_; }
  const Tap& tap() const { return workers_.front()->tap(); }
  size_t size() const { return workers_.size(); }

 private:
  explicit Workers(const WorkersOptions& options);
  absl::Status OpenQueues();
  absl::Status MakeWorkers();

  WorkersOptions options_;
  Sharing sharing_ = Sharing::kSingle;
  SteeringKey key_;
  FileDescriptor notice_;  // an eventfd
  AddressBoard address_;
  std::vector<Tap> queues_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Inbox*> inboxes_;  // of workers 1 and on
  std::unique_ptr<LockedCapture> capture_;
  bool running_ = false;
};

}  // namespace aether::runtime
