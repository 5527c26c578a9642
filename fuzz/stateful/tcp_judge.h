// P2: a connection of a flow beside the slow model of testing/receive_model.h. The judge hears of
// every segment that arrives, of what leaves and of the application's CLOSE, and when all has come
// to rest it compares states and numbers, and whether what had to be answered was. It retires where
// the model does: when memory was short, a timer ended the connection, or the RFCs leave a choice.
#pragma once

#include <array>
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
  // A connection was accepted; without effect unless it has carried nothing yet. `from_cookie`: its
  // SYN left no state behind.
  void BeginPassive(const tcp::Snapshot& snapshot, const tcp::Profile& profile, uint8_t peer_scale,
                    bool from_cookie, Instant now);
  void Retire() { model_.reset(); }
  // What only one step can say is forgotten; after every step, when it was checked.
  void EndStep() { due_ = {}; }
  bool is_sitting() const { return model_.has_value(); }
  // What the peer's next number would be, when the last thing that was judged is TIME-WAIT, and no
  // SYN has come since.
  std::optional<uint32_t> time_wait_rcv_nxt() const { return time_wait_rcv_nxt_; }
  void ForgetTimeWait() { time_wait_rcv_nxt_.reset(); }

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
  // The same, of what was sent: `largest_segment_bytes` is what we offered to take in one.
  // `may_lack_reset`: more came at once than there is room for answers that belong to nobody.
  void CheckAnswers(uint32_t largest_segment_bytes, bool may_lack_reset, Instant now) const;

 private:
  void Begin(testing::ReceiveModel model);
  void CountDue(Instant now);
  bool CountChallenge(Instant now);

  std::optional<testing::ReceiveModel> model_;
  std::optional<uint32_t> time_wait_rcv_nxt_;
  std::optional<uint32_t> last_timestamp_;
  uint32_t text_bytes_ = 0;
  // Of the last SYN, and what came since.
  uint16_t syn_window_ = 0;
  uint16_t syn_window_max_ = 0;  // of those since a model began
  uint32_t segments_ = 0;
  bool has_fin_ = false;
  // What this step owes, and what it sent without owing it.
  struct Due {
    bool ack = false;
    bool reset = false;
    bool has_reset = false;
    bool stray_reset = false;
    // Whether it owed one at all, what arrived, and what left that nothing asked for.
    bool any_ack = false;
    uint32_t arrivals = 0;
    bool stray_ack = false;
  };
  Due due_;
  // The right edge of the window that was offered last.
  uint32_t window_end_ = 0;
  // Since when text waits for an acknowledgement.
  std::optional<Instant> text_waits_since_;
  // When the latest acknowledgements became due, the oldest of which comes next.
  static constexpr size_t kChallengesPerSecond = 10;
  std::array<Instant, kChallengesPerSecond> due_at_;
  size_t due_count_ = 0;
};

}  // namespace aether::fuzz
