#include "stack/runtime/workers.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "stack/base/check.h"
#include "stack/base/random.h"
#include "stack/runtime/directory_content.h"
#include "stack/runtime/link_state.h"
#include "stack/runtime/recording_host.h"
#include "stack/runtime/steady_clock.h"

namespace aether::runtime {

absl::StatusOr<std::unique_ptr<Workers>> Workers::Create(const WorkersOptions& options) {
  AETHER_CHECK(options.workers > 0 && (options.record.empty() || options.workers == 1));
  std::unique_ptr<Workers> workers(new Workers(options));
  // Before the TAP: a wrong directory must not even make it appear.
  if (!options.http_root.empty()) {
    if (absl::Status root = DirectoryContent::OpenRoot(options.http_root).status(); !root.ok())
      return root;
  }
  if (absl::Status opened = workers->OpenQueues(); !opened.ok()) return opened;
  if (absl::Status made = workers->MakeWorkers(); !made.ok()) return made;
  return workers;
}

Workers::Workers(const WorkersOptions& options)
    : options_(options), notice_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  AETHER_CHECK(notice_.IsOpen());
  Random random(options.seed);
  key_ = {random.Next64(), random.Next64()};
}

Workers::~Workers() { Stop(); }

absl::Status Workers::OpenQueues() {
  if (options_.workers > 1 && !options_.dispatch_only) {
    absl::StatusOr<std::vector<Tap>> queues = OpenTapQueues(options_.tap, options_.workers);
    if (queues.ok() && AttachSteering(queues->front().fd(), key_, options_.workers).ok()) {
      sharing_ = Sharing::kSteered;
      queues_ = *std::move(queues);
      return absl::OkStatus();
    }
    // A device that cannot have several queues, or a kernel that does not steer: worker 0 will
    // dispatch. What else is wrong shows below again.
  }
  absl::StatusOr<std::vector<Tap>> queue = OpenTapQueues(options_.tap, 1);
  if (!queue.ok()) return queue.status();
  queues_ = *std::move(queue);
  if (options_.workers == 1) return absl::OkStatus();
  sharing_ = Sharing::kDispatched;
  while (queues_.size() < options_.workers) {
    absl::StatusOr<Tap> copy = queues_.front().Duplicate();
    if (!copy.ok()) return copy.status();
    queues_.push_back(*std::move(copy));
  }
  return absl::OkStatus();
}

absl::Status Workers::MakeWorkers() {
  const absl::StatusOr<LinkState> link = ReadLinkState(options_.tap.name);
  if (!link.ok()) return link.status();
  Random random(options_.seed);
  random.NextSeed();  // the steering key
  const Instant now = SteadyClock().Now();
  // Worker 0 is made last: by then the inboxes of the others are there.
  for (uint32_t index = options_.workers; index-- > 0;) {
    app::HostOptions host = options_.host;
    host.stack.seed = random.NextSeed();
    host.stack.sharded = options_.workers > 1;
    host.stack.mtu = static_cast<uint16_t>(std::clamp<uint32_t>(link->mtu_bytes, 68, 65535));
    Worker::Options worker;
    worker.backoff = options_.backoff;
    worker.key = key_;
    worker.faults = options_.faults;
    worker.notice = [this] {
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(notice_.get(), &one, sizeof one);
    };
    if (sharing_ == Sharing::kDispatched)
      worker.source = index == 0 ? Worker::Source::kDispatch : Worker::Source::kRing;
    if (worker.faults) worker.faults->seed += index;
    if (index == 0) {
      worker.peers = inboxes_;
      if (host.dhcp) worker.watch = &address_;
    } else {
      host.stack.announce = false;
      host.dhcp = false;
    }
    std::unique_ptr<app::ContentSource> content;
    std::unique_ptr<Recorder> recorder;
    if (!options_.record.empty()) recorder = std::make_unique<Recorder>();
    if (!options_.http_root.empty()) {
      absl::StatusOr<std::unique_ptr<DirectoryContent>> opened =
          DirectoryContent::OpenRoot(options_.http_root);
      if (!opened.ok()) return opened.status();
      content = *std::move(opened);
      if (recorder != nullptr)
        content = std::make_unique<RecordedContent>(std::move(content), *recorder);
      host.content = content.get();
    }
    std::expected<std::unique_ptr<app::Host>, std::string> made = app::Host::Create(host, now);
    if (!made) return absl::FailedPreconditionError(made.error());
    // Last, so that a start that fails leaves no file behind.
    if (recorder != nullptr) {
      const absl::Status opened = recorder->Open(options_.record, host, options_.profile_name, now);
      if (!opened.ok()) return opened;
    }
    workers_.insert(workers_.begin(),
                    std::make_unique<Worker>(worker, std::move(queues_[index]), std::move(content),
                                             *std::move(made), std::move(recorder)));
    if (index > 0) inboxes_.insert(inboxes_.begin(), &workers_.front()->inbox());
  }
  return absl::OkStatus();
}

void Workers::Start(device::CaptureSink* capture) {
  if (capture != nullptr) capture_ = std::make_unique<LockedCapture>(*capture);
  running_ = true;
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Start(capture_.get());
}

void Workers::Stop() {
  if (!std::exchange(running_, false)) return;
  for (const std::unique_ptr<Worker>& worker : workers_) worker->AskToStop();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Join();
}

Report Workers::Collect() {
  Report sum;
  for (const std::unique_ptr<Worker>& worker : workers_) sum.Add(worker->Collect());
  return sum;
}

bool Workers::Gone() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& worker) { return worker->gone(); });
}

}  // namespace aether::runtime
