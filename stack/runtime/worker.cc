#include "stack/runtime/worker.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <utility>

#include "stack/device/capture.h"
#include "stack/device/fault.h"
#include "stack/runtime/dispatch.h"
#include "stack/runtime/loop.h"
#include "stack/runtime/recording_host.h"
#include "stack/runtime/steady_clock.h"
#include "stack/runtime/waiter.h"
#include "stack/runtime/worker_host.h"

namespace aether::runtime {
namespace {

// The thread sanitizer takes two descriptors with one number, in the tables of two threads, for the
// same descriptor, and reports a race that there is not.
#if defined(__SANITIZE_THREAD__)
constexpr bool kMayOwnDescriptors = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kMayOwnDescriptors = false;
#else
constexpr bool kMayOwnDescriptors = true;
#endif
#else
constexpr bool kMayOwnDescriptors = true;
#endif

}  // namespace

Worker::Worker(const Options& options, Tap tap, std::unique_ptr<app::ContentSource> content,
               std::unique_ptr<app::Host> host, std::unique_ptr<Recorder> recorder)
    : options_(options),
      tap_(std::move(tap)),
      recorder_(std::move(recorder)),
      content_(std::move(content)),
      host_(std::move(host)) {}

void Worker::Start(device::CaptureSink* capture) {
  ended_ = false;
  thread_ = std::thread([this, capture] { Run(capture); });
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::Order(uint32_t order) {
  orders_.fetch_or(order, std::memory_order_acq_rel);
  inbox_.bell().Ring();
}

Report Worker::Collect() {
  std::unique_lock lock(report_mutex_);
  if (ended_) return report_;
  const uint64_t before = reports_;
  lock.unlock();
  Order(kReport);
  lock.lock();
  report_ready_.wait(lock, [&] { return reports_ != before || ended_; });
  return report_;
}

void Worker::Run(device::CaptureSink* capture) {
  // A table of descriptors that no other thread uses is read without counting references, in every
  // single read and write. Nothing that the thread needs is opened after this by others; without
  // the right to do so all works as well.
  const bool own_descriptors = kMayOwnDescriptors && ::unshare(CLONE_FILES) == 0;
  // Sleeps of 50 us mean 50, not 100.
  ::prctl(PR_SET_TIMERSLACK, 1ul);
  switch (options_.source) {
    case Source::kQueue:
      RunOn(tap_, capture);
      break;
    case Source::kDispatch: {
      DispatchDevice<Tap> dispatch(tap_, options_.key, options_.peers);
      RunOn(dispatch, capture);
      break;
    }
    case Source::kRing: {
      RingDevice<Tap> ring(tap_, inbox_);
      RunOn(ring, capture);
      break;
    }
  }
  // What the host opened in this thread's table must be closed in it.
  host_.reset();
  // Join returns before the kernel has dropped the table, and with it the last hold on a TAP that
  // we made.
  if (own_descriptors) ::close_range(3, ~0u, 0);
}

// Wrapped only when somebody wants it: the plain loop is the fast one. The capture sees what the
// host sees, faults included.
template <typename Frames>
void Worker::RunOn(Frames& source, device::CaptureSink* capture) {
  if (capture == nullptr && !options_.faults) {
    RunLoop(source);
  } else {
    const SteadyClock clock;
    device::FaultDevice<Frames, SteadyClock> fault(
        source, clock, options_.faults.value_or(device::FaultOptions{}));
    device::CaptureDevice<decltype(fault), SteadyClock> captured(fault, clock, capture);
    RunLoop(captured);
  }
}

template <typename Device>
void Worker::RunLoop(Device& device) {
  WorkerHost host(*host_, inbox_, orders_,
                  {.peers = options_.peers,
                   .key = options_.key,
                   .watch = options_.watch,
                   .notice = options_.notice});
  if (recorder_ == nullptr) {
    RunHost(host, device);
  } else {
    RecordingHost<WorkerHost> recording(host, *recorder_);
    RunHost(recording, device);
    recorder_->End();
  }
}

template <typename Host, typename Device>
void Worker::RunHost(Host& host, Device& device) {
  SteadyClock clock;
  Waiter waiter(options_.source == Source::kRing ? -1 : tap_.fd(), tap_.fd(), inbox_.bell());
  Loop loop(host, clock, device, waiter, options_.backoff, host_->stack().frame_size_max());
  while (true) {
    loop.Turn();
    if (tap_.gone()) [[unlikely]]
      break;
    if (orders_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      const uint32_t orders = orders_.exchange(0, std::memory_order_acq_rel);
      if ((orders & kStop) != 0) break;
      PublishReport(loop, false);
    }
  }
  if (tap_.gone()) {
    gone_.store(true, std::memory_order_release);
    options_.notice();
  } else {
    const Instant now = clock.Now();
    if (recorder_ != nullptr) recorder_->Stop(now);
    host_->Stop(now);
    loop.Flush();
  }
  PublishReport(loop, true);
}

template <typename Loop>
void Worker::PublishReport(const Loop& loop, bool last) {
  Report report;
  report.stack = host_->stack().counters();
  if (host_->http() != nullptr) report.http = host_->http()->counters();
  report.loop = loop.counters();
  report.tap = tap_.failures();
  report.wake_ups = inbox_.bell().rings();
  report.ring_overflows = inbox_.lost();
  report.connections = host_->stack().connection_count();
  report.time_wait = host_->stack().time_wait_count();
  const std::lock_guard lock(report_mutex_);
  report_ = report;
  ++reports_;
  ended_ = last;
  report_ready_.notify_all();
}

}  // namespace aether::runtime
