// A probe: what each segment of each connection did, in the order of the segments, with a snapshot
// of the connection after it. The stack writes, the owner of the probe reads; nobody is called
// back. A stack without a probe pays one test of a pointer per segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/drop.h"
#include "stack/base/time.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/snapshot.h"
#include "stack/wire/address.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

struct ProbeRecord {
  enum class Kind : uint8_t { kReceived, kSent, kRetransmitted };
  Kind kind = Kind::kReceived;
  Instant at{};
  ConnectionId connection;
  Ipv4Endpoint local;
  Ipv4Endpoint remote;
  Seq seq;
  Seq ack;  // counts with the ACK flag only
  uint8_t flags = 0;
  uint16_t window = 0;  // as in the header, not scaled
  uint32_t payload_bytes = 0;
  Drop drop = Drop::kNone;        // of what was received
  std::optional<Snapshot> after;  // nothing when the connection ended with it
};

class Probe {
 public:
  // Room for `records_max` records that nobody has read yet; later ones are lost and counted.
  explicit Probe(size_t records_max) : ring_(records_max) {}

  // Only the segments of this remote port (0: all); the others are passed over.
  void Watch(uint16_t remote_port) { remote_port_ = remote_port; }
  bool Wants(uint16_t remote_port) const {
    return remote_port_ == 0 || remote_port_ == remote_port;
  }

  void Add(const ProbeRecord& record) {
    if (size_ == ring_.size()) {
      ++lost_;
      return;
    }
    ring_[(head_ + size_) % ring_.size()] = record;
    ++size_;
  }
  // The oldest record; nothing when there is none.
  std::optional<ProbeRecord> Take() {
    if (size_ == 0) return std::nullopt;
    const ProbeRecord record = ring_[head_];
    head_ = (head_ + 1) % ring_.size();
    --size_;
    return record;
  }
  size_t size() const { return size_; }
  uint64_t lost() const { return lost_; }

 private:
  std::vector<ProbeRecord> ring_;
  size_t head_ = 0;
  size_t size_ = 0;
  uint64_t lost_ = 0;
  uint16_t remote_port_ = 0;
};

}  // namespace aether::tcp
