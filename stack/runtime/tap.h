// One queue of a TAP device: Ethernet frames to and from the kernel, one per system call, never
// waiting.
//
// Open creates the device when it is missing and the caller may (CAP_NET_ADMIN); a created device
// is brought up, so that only its address is left to the operator, and vanishes with its last
// queue. A device that exists is used as it is: its link is the operator's business. Every error is
// one sentence that says what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {

// The kernel's rules for an interface name, and no percent sign, which would make it a pattern.
bool IsTapName(std::string_view name);
inline constexpr char kTapNameRule[] =
    "1 to 15 characters without space, slash, colon or percent sign";

struct TapOptions {
  std::string name = "aether0";
  std::string node = "/dev/net/tun";
  // Several queues need a device that was made for it; a missing device is created accordingly.
  bool multi_queue = false;
};

class Tap {
 public:
  // Not all of what was sent or asked for got through: the link was down, or the kernel had no
  // memory.
  struct Failures {
    uint64_t reads = 0;
    uint64_t writes = 0;
  };

  // kInvalidArgument: the name cannot name an interface. kFailedPrecondition: exists, but cannot be
  // used this way. kUnavailable: busy. kPermissionDenied, kNotFound: what they say.
  static absl::StatusOr<Tap> Open(const TapOptions& options);

  // --- device::Device ---
  size_t Receive(MutableBytes into);
  // A frame that meets a link that is down is lost, as on a cable, and counted; false only when
  // there is no room now.
  bool Send(Bytes frame);
  Instant NextDeadline() const { return kNever; }

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  // The device did not exist before.
  bool created() const { return created_; }
  // The device was deleted while we had it; it never comes back.
  bool gone() const { return gone_; }
  const Failures& failures() const { return failures_; }
  // A second handle on the same queue, for threads that only write.
  absl::StatusOr<Tap> Duplicate() const;

 private:
  Tap(FileDescriptor fd, std::string name, bool created)
      : fd_(std::move(fd)), name_(std::move(name)), created_(created) {}
  // True when a call that failed with `error` may be tried again later.
  bool NoteFailure(int error, uint64_t& counter);

  FileDescriptor fd_;
  std::string name_;
  bool created_;
  bool gone_ = false;
  Failures failures_;
};

// Queues 0 .. count-1 of one device, in the order in which a steering program numbers them.
// kUnavailable also when another program has queues of it, which would take frames from us.
absl::StatusOr<std::vector<Tap>> OpenTapQueues(const TapOptions& options, size_t count);

}  // namespace aether::runtime
