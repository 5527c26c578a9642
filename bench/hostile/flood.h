// Hostile frames, as many as are asked for: the floods that a server on an open network meets. A
// flood goes on for ever and is determined by its seed and the server's answers, so that a twin of
// the server sees the same one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/stack/frame_log.h"
#include "stack/base/counters.h"
#include "stack/base/memory_use.h"
#include "stack/base/siphash.h"
#include "stack/base/time.h"
#include "stack/wire/address.h"

namespace aether::bench {

enum class FloodKind : uint8_t {
  kNone,
  kSyn,             // from forged addresses
  kAck,             // from forged addresses, and in the name of real clients
  kRst,             // in the name of real clients, one in four inside of the window
  kFragment,        // of datagrams that never become whole
  kReorderingHole,  // text ahead of gaps that are never closed
  kSackHole,        // SACK blocks all over a flight that is never acknowledged
  kTinyWindow,      // responses asked for by the dozen and taken a few bytes at a time
  kSlowReader,      // responses asked for by the dozen and not taken at all
  kSlowCrowd,       // the same by so many that the server has no room to queue anything more
  kHashCollision,   // flows whose hashes collide under a key that the attacker believes in
};

struct FloodName {
  FloodKind kind;
  std::string_view name;
};
inline constexpr std::array kFloods = {FloodName{FloodKind::kSyn, "syn"},
                                       FloodName{FloodKind::kAck, "ack"},
                                       FloodName{FloodKind::kRst, "rst"},
                                       FloodName{FloodKind::kFragment, "fragment"},
                                       FloodName{FloodKind::kReorderingHole, "reordering_hole"},
                                       FloodName{FloodKind::kSackHole, "sack_hole"},
                                       FloodName{FloodKind::kTinyWindow, "tiny_window"},
                                       FloodName{FloodKind::kSlowReader, "slow_reader"},
                                       FloodName{FloodKind::kSlowCrowd, "slow_crowd"},
                                       FloodName{FloodKind::kHashCollision, "hash_collision"}};
std::optional<FloodKind> FloodOfName(std::string_view name);

// A connection of a real client's, for those who forge segments of it.
struct RealFlow {
  Ipv4Endpoint client;
  uint32_t next_sequence = 0;
};

struct FloodOptions {
  FloodKind kind = FloodKind::kSyn;
  std::function<RealFlow()> real_flow;  // a random one
  // kHashCollision: the key that the attacker believes in, and the table that he knows.
  SipKey guessed_key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  uint32_t table_entries = 0;
};

class Flood {
 public:
  virtual ~Flood() = default;
  virtual void Add(FrameLog& log, Instant now) = 0;
  // A frame that the server sent to one of the attackers.
  virtual void OnFrame(Bytes) {}
  // After so many frames the server holds what it will ever hold for the flood.
  virtual uint32_t frames_until_steady() const = 0;
};

std::unique_ptr<Flood> MakeFlood(const FloodOptions& options);

// Attackers have addresses of their own, 20.0.0.0/8; real clients have those of ClientOf.
inline bool IsAttacker(Ipv4Address address) { return address.value >> 24 == 20; }

// What the flood was there for, as the server counted it and held it; what is missing, or empty. A
// flood that the server does not feel measures nothing.
std::string MissedAim(FloodKind kind, const Counters& counters, const MemoryUse& high_water);

}  // namespace aether::bench
