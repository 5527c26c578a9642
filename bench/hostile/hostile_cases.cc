// The cases of bench_hostile that callgrind counts; bench/floods drives it.
#include <algorithm>
#include <utility>

#include "bench/hostile/rows.h"
#include "bench/stack/counted_region.h"

namespace aether::bench {
namespace {

constexpr std::string_view kKnownKey = "hash_collision_known_key";

// The server, and a list of everybody whom it ever heard of, in which it looks each one up: what a
// flood must not find.
class Hoarder : public Server {
 public:
  explicit Hoarder(std::unique_ptr<Server> server) : server_(std::move(server)) {}
  void Receive(std::span<const Bytes> frames, Instant now) override {
    for (const Bytes frame : frames) {
      // One in 16 is kept, so that the bench comes to its end.
      const uint32_t key = static_cast<uint32_t>(FrameLog::HashOf(frame));
      known_ += static_cast<uint64_t>(std::ranges::count(keys_, key));
      if (++seen_ % 16 == 0) keys_.push_back(key);
    }
    server_->Receive(frames, now);
  }
  size_t Transmit(MutableBytes out, Instant now) override { return server_->Transmit(out, now); }
  const Stack* stack() const override { return server_->stack(); }

 private:
  std::unique_ptr<Server> server_;
  std::vector<uint32_t> keys_;
  uint64_t seen_ = 0;
  uint64_t known_ = 0;
};

bool TakeTraffic(std::string_view text, SiegeOptions& options) {
  options.close = text == "close";
  return options.close || text == "keepalive";
}

bool TakeFloodAndTraffic(std::string_view text, SiegeOptions& options) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const std::string_view name = text.substr(0, slash);
  options.knows_key = name == kKnownKey;
  const auto kind = options.knows_key ? FloodKind::kHashCollision : FloodOfName(name);
  if (!kind) return false;
  options.flood = *kind;
  return TakeTraffic(text.substr(slash + 1), options);
}

std::optional<SiegeOptions> ParseCase(std::string_view text) {
  SiegeOptions options{.frames_per_chunk = 2048};
  if (TakePrefix(text, "hoarder/")) {
    options.make_server = [](const ServerOptions& server) -> std::unique_ptr<Server> {
      return std::make_unique<Hoarder>(MakeServer(server));
    };
  }
  if (TakePrefix(text, "unattacked/")) {
    if (TakeTraffic(text, options)) return options;
    return std::nullopt;
  }
  options.real_requests = !TakePrefix(text, "flood_alone/");
  if (options.real_requests && !TakePrefix(text, "under_flood/")) return std::nullopt;
  if (TakeFloodAndTraffic(text, options)) return options;
  return std::nullopt;
}

}  // namespace

// An operation is a real request, its share of the flood, or both.
std::optional<std::string> RunHostileCase(std::string_view name, uint64_t operations,
                                          OperationTotals& totals) {
  const std::optional<SiegeOptions> options = ParseCase(name);
  if (!options) return std::nullopt;
  Siege siege(*options);
  totals.answered = 0;
  while (totals.operations < operations) {
    siege.Record();
    aether_counted_region([&] { siege.RunWhole(); });
    totals.operations += siege.operations_per_chunk();
    totals.frames_in += siege.frames_in();
    totals.frames_out += siege.frames_out();
    *totals.answered += siege.answered();
  }
  return siege.Wrong();
}

}  // namespace aether::bench
