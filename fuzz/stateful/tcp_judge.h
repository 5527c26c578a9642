// P2: the connection of the first flow beside the slow model of testing/receive_model.h. The judge
// hears of every segment that arrives, of what leaves and of the application's CLOSE, and compares
// states and numbers when all has come to rest. It retires where the model does: when memory was
// short, a timer ended the connection, or the RFCs leave a choice.
#pragma once

#include <cstdint>
#include <optional>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/tcp/profile.h"
#include "stack/tcp/snapshot.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/receive_model.h"
#include "stack/wire/address.h"

namespace aether::fuzz {

class TcpJudge {
 public:
  // The stack has called a peer: SYN-SENT.
  void BeginActive(const tcp::Snapshot& snapshot, const tcp::Profile& profile);
  // A connection was accepted; without effect unless it has carried nothing yet.
  void BeginPassive(const tcp::Snapshot& snapshot, const tcp::Profile& profile, uint8_t peer_scale,
                    Instant now);
  void Retire() { model_.reset(); }
  bool is_sitting() const { return model_.has_value(); }

  // A frame reaches the stack; whatever is for another connection or is sure to be dropped does not
  // count.
  struct Link {
    Ipv4Endpoint peer;
    Ipv4Endpoint stack;
    size_t mtu = 0;
  };
  void OnArrival(Bytes frame, const Link& link, Instant now);
  // `window_bytes` as the stack means it.
  void OnSent(const testing::NaiveTcp& tcp, uint32_t window_bytes);
  void OnShutdown() {
    if (model_) model_->OnShutdown();
  }
  // When all has come to rest.
  void Check(const tcp::Snapshot& snapshot);

 private:
  std::optional<testing::ReceiveModel> model_;
  std::optional<uint32_t> last_timestamp_;
  uint32_t text_bytes_ = 0;
  // Of the last SYN, and what came since.
  uint16_t syn_window_ = 0;
  uint32_t segments_ = 0;
  bool has_fin_ = false;
};

}  // namespace aether::fuzz
