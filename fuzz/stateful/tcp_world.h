// A stack with a TCP application, and the two peers that the fuzzer plays: what tcp_passive and
// tcp_active share. It keeps what the application owns, reads and writes Pattern, and checks what
// comes out of both ends (P1) and that the stack's own view agrees with what was seen on the wire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "fuzz/stateful/tcp_flow.h"
#include "fuzz/stateful/tcp_judge.h"
#include "fuzz/stateful/world.h"
#include "stack/stack.h"

namespace aether::fuzz {

inline constexpr uint16_t kListenPort = 80;
inline constexpr size_t kFlows = 2;
inline constexpr std::array<Ipv4Endpoint, kFlows> kPeers = {
    {{kPeerIp, 40000}, {Ipv4Address::Of(10, 0, 0, 3), 40001}}};

// How the application behaves, bit by bit.
namespace tcp_app {
inline constexpr uint8_t kLazyAccept = 0x01;  // takes connections only when told
inline constexpr uint8_t kLazyRead = 0x02;    // reads only when told
inline constexpr uint8_t kLingers = 0x04;     // keeps what has ended until the end
inline constexpr uint8_t kAnswers = 0x08;     // writes as much as it reads
inline constexpr uint8_t kHangsUp = 0x10;     // closes when the peer does
inline constexpr uint8_t kUnjudged = 0x80;    // without the model of P2
inline constexpr uint8_t kCloses = 0x40;      // lets go with Close at the end, otherwise with Abort
}  // namespace tcp_app

struct TcpSetup {
  Config config;
  Instant start = kWorldStart;
  TcpFlow::Offer offer;
  std::array<uint32_t, kFlows> initial_sequence{};
  uint32_t clock_ms = 1000;  // the peers' clock of timestamps
  // Whether times count as behaviour (P11). Deadlines in the millisecond that the stack's 32-bit
  // clock calls 0 are one late.
  bool times_count = true;
  uint8_t app = 0;
};

class TcpWorld : public World {
 public:
  explicit TcpWorld(const TcpSetup& setup);
  ~TcpWorld() override = default;

  TcpFlow& flow(size_t i) { return flows_[i % kFlows]; }

  // --- Frames, made by a flow ---

  // Moves the flow's clock; before Build.
  TcpFlow& Ready(size_t i);
  // Takes it in; after Build. Several at once: in one batch.
  void Arrive(Bytes frame) { Arrive(std::span<const Bytes>(&frame, 1)); }
  void Arrive(std::span<const Bytes> frames);
  // An ICMP error that quotes a segment of the stack's to `flow` with this number.
  void ArriveIcmp(Bytes frame, const TcpFlow& flow, uint32_t quoted_seq);

  // --- The application ---

  void Listen(uint32_t backlog);
  void Unlisten();
  bool IsListening() const { return listener_.has_value(); }
  // Takes what waits.
  void AcceptAll();
  // Opens a connection to flow `i`'s peer.
  void Connect(size_t i, const SocketOptions& options);
  size_t owned_count() const { return owned_count_; }
  ConnectionId owned_id(size_t which) const { return owned_[which].id; }
  // Of what it owns the `which`-th, modulo; nothing happens where there is none.
  void Read(size_t which, size_t most_bytes);
  void Write(size_t which, size_t bytes);
  enum class End : uint8_t { kShutdown, kClose, kAbort };
  void EndOwned(size_t which, End end);
  void SetOptions(size_t which, const SocketOptions& options);
  uint8_t app() const { return app_; }
  void set_app(uint8_t app) { app_ = app; }

  // Reads what is left, lets go of everything, and P5.
  void Finish();

  // The last frame that the stack sent, empty before.
  Bytes last_frame() const { return Bytes(last_frame_).first(last_frame_size_); }
  // P11: what happened, relative to the start and to the numbers of each flow.
  const Trace& behaviour() const { return behaviour_; }

 protected:
  void OnEvent(const Event& event) override;
  void OnSent(const testing::NaiveFrame& frame, Bytes raw) override;
  void OnRest() override;

 private:
  struct Owned {
    ConnectionId id;
    size_t flow = kFlows;  // kFlows: of neither
    // The number of the next byte to be read.
    uint32_t next_seq = 0;
    bool has_seq = false;
    uint64_t read_bytes = 0;
    uint64_t written_bytes = 0;
    bool peer_closed = false;
    bool is_over = false;  // reset, timed out, finished
    bool is_shut = false;
    // P7: at the end of the step before.
    uint32_t cwnd_bytes = 0;
    uint32_t mss_bytes = 0;
    // P4: no message of a router makes segments smaller than this.
    uint32_t mss_floor = 0;
    std::optional<tcp::State> seen_state{};
  };

  void Own(ConnectionId id);
  Owned* Find(ConnectionId id);
  Owned* OwnedAt(size_t which) {
    return owned_count_ == 0 ? nullptr : &owned_[which % owned_count_];
  }
  void Forget(Owned& owned);
  void ReadSome(Owned& owned, size_t most_bytes);
  void WriteSome(Owned& owned, size_t bytes);
  void FindFirstByte(Owned& owned);
  void CheckOwned(Owned& owned);
  // A segment that says what it cannot know, and what must not come of it (tcp_guesses.cc).
  struct Guess {
    bool ends_time_wait = false;
    uint64_t time_wait_records = 0;
    std::optional<ConnectionId> sacks;
    uint32_t sacked_bytes = 0;
  };
  Guess GuessOf(Bytes frame);
  void CheckGuess(const Guess& guess);
  bool IsGuessedNumber(const TcpFlow& flow, uint32_t quoted_seq);
  // P2: of each flow the connection that was begun last.
  struct Seat {
    TcpJudge judge;
    ConnectionId id;
    uint64_t no_buffer_drops = 0;
  };

  // P7: what one step sent of a flow's text.
  struct Sent {
    uint64_t frames = 0;  // with something new in them
    uint64_t bytes = 0;
  };
  void CheckBurst(Owned& owned, const tcp::Snapshot& snapshot) const;
  void BeginJudging(const Owned& owned, bool active);
  // Nothing when `id` is not judged.
  Seat* SeatOf(ConnectionId id);
  void Judge(Seat& seat);

  std::array<TcpFlow, kFlows> flows_;
  const Instant start_;
  const uint32_t clock_ms_;
  const bool times_count_;
  uint8_t app_;
  std::optional<ListenerId> listener_;
  std::array<Owned, 16> owned_;
  size_t owned_count_ = 0;
  std::array<uint8_t, 2048> last_frame_;
  size_t last_frame_size_ = 0;
  Trace behaviour_;
  std::array<Seat, kFlows> seats_;
  std::array<Sent, kFlows> sent_;
  size_t batch_size_ = 0;
  uint64_t cookies_before_ = 0;  // accepted before the batch
};

}  // namespace aether::fuzz
