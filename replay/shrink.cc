#include "replay/shrink.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "replay/capture_reader.h"
#include "replay/flow_key.h"
#include "replay/packet.h"
#include "replay/replay_run.h"
#include "stack/device/pcap_writer.h"

namespace aether::replay {
namespace {

struct Kept {
  Instant at;
  std::vector<uint8_t> frame;
};

using Units = std::vector<std::vector<uint32_t>>;

class Shrinker {
 public:
  Shrinker(const ReplayOptions& options, const ShrinkLimits& limits)
      : options_(options), limits_(limits), try_path_(options.shrink + ".try") {
    options_.shrink.clear();
    options_.filter.clear();
    options_.out.clear();
    options_.speed.reset();
    options_.rounds = 0;
    options_.workers = 1;
  }
  ~Shrinker() { std::remove(try_path_.c_str()); }
  Shrinker(const Shrinker&) = delete;
  Shrinker& operator=(const Shrinker&) = delete;

  std::string Read(const std::string& filter);
  std::expected<Verdict, std::string> Try(const std::vector<uint32_t>& packets);
  // Leaves out of the units what is not needed for `whole`.
  std::expected<Units, std::string> Reduce(Units units, const Verdict& whole);
  // One unit per connection and one for each other packet; and every packet of `units` alone.
  Units Connections() const;
  static Units Singles(const Units& units);
  static std::vector<uint32_t> Joined(const Units& units);

  std::string Write(const std::string& path, const std::vector<uint32_t>& packets) const;
  size_t packets() const { return packets_.size(); }
  uint32_t tries() const { return tries_; }

 private:
  // In the child.
  [[noreturn]] void RunTry(int out) const;

  ReplayOptions options_;
  const ShrinkLimits& limits_;
  std::string try_path_;
  std::vector<Kept> packets_;
  uint32_t tries_ = 0;
};

std::string Shrinker::Read(const std::string& filter) {
  auto reader = CaptureReader::Open(options_.capture, filter);
  if (!reader) return reader.error();
  uint64_t bytes = 0;
  while (const auto captured = reader->Next()) {
    bytes += captured->frame.size();
    if (bytes > limits_.capture_bytes_max)
      return "The capture is too large to be shrunk: leave packets out with --filter.";
    packets_.push_back({captured->at, {captured->frame.begin(), captured->frame.end()}});
  }
  options_.capture = try_path_;
  return {};
}

std::string Shrinker::Write(const std::string& path, const std::vector<uint32_t>& packets) const {
  auto writer = device::PcapWriter::Create(path, {});
  if (!writer) return writer.error();
  for (const uint32_t index : packets) (*writer)->Write(packets_[index].at, packets_[index].frame);
  (*writer)->Flush();
  return (*writer)->error();
}

void Shrinker::RunTry(int out) const {
  // Its words would be those of failures that are looked for.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(1);
  ::alarm(limits_.try_seconds_max);
  const auto result = limits_.run ? limits_.run(options_) : RunReplay(options_, {});
  if (!result) ::_exit(1);
  const Verdict verdict = Verdict::Of(*result);
  const bool written = ::write(out, &verdict, sizeof verdict) == ssize_t{sizeof verdict};
  ::_exit(written ? 0 : 1);
}

std::expected<Verdict, std::string> Shrinker::Try(const std::vector<uint32_t>& packets) {
  ++tries_;
  if (std::string wrong = Write(try_path_, packets); !wrong.empty()) return std::unexpected(wrong);
  int ends[2];
  if (::pipe(ends) != 0) return std::unexpected("There are no more descriptors for a pipe.");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) RunTry(ends[1]);
  ::close(ends[1]);
  Verdict verdict;
  const bool told =
      child > 0 && ::read(ends[0], &verdict, sizeof verdict) == ssize_t{sizeof verdict};
  ::close(ends[0]);
  if (child < 0) return std::unexpected("No process can be made to try a part of the capture in.");
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return Verdict{number == SIGALRM ? Verdict::Kind::kHang : Verdict::Kind::kCrash,
                   static_cast<uint32_t>(number == SIGALRM ? 0 : number)};
  }
  // The end of a sanitizer is one by exit.
  if (!told) return Verdict{Verdict::Kind::kCrash, 0};
  return verdict;
}

Units Shrinker::Connections() const {
  std::map<std::pair<Ipv4Endpoint, Ipv4Endpoint>, size_t> places;
  Units units;
  for (uint32_t i = 0; i < packets_.size(); ++i) {
    const Packet packet = ParsePacket(packets_[i].frame);
    if (packet.kind == Packet::Kind::kTcp) {
      const FlowKey key = FlowKey::Of(packet.source, packet.destination);
      const auto [place, fresh] = places.try_emplace({key.low, key.high}, units.size());
      if (!fresh) {
        units[place->second].push_back(i);
        continue;
      }
    }
    units.push_back({i});
  }
  return units;
}

Units Shrinker::Singles(const Units& units) {
  Units singles;
  for (const uint32_t index : Joined(units)) singles.push_back({index});
  return singles;
}

std::vector<uint32_t> Shrinker::Joined(const Units& units) {
  std::vector<uint32_t> packets;
  for (const std::vector<uint32_t>& unit : units)
    packets.insert(packets.end(), unit.begin(), unit.end());
  std::ranges::sort(packets);
  return packets;
}

// Pieces are left out, large ones first, as long as what is left shows the same.
std::expected<Units, std::string> Shrinker::Reduce(Units units, const Verdict& whole) {
  for (size_t piece = std::max<size_t>(units.size() / 2, 1); !units.empty(); piece /= 2) {
    bool again = true;
    while (again) {
      again = false;
      for (size_t at = 0; at < units.size() && tries_ < limits_.tries_max;) {
        Units rest(units.begin(), units.begin() + static_cast<std::ptrdiff_t>(at));
        const size_t end = std::min(at + piece, units.size());
        rest.insert(rest.end(), units.begin() + static_cast<std::ptrdiff_t>(end), units.end());
        const auto verdict = Try(Joined(rest));
        if (!verdict) return std::unexpected(verdict.error());
        if (verdict->Covers(whole)) {
          units = std::move(rest);
          again = piece == 1;
        } else {
          at = end;
        }
      }
    }
    if (piece == 1) break;
  }
  return units;
}

}  // namespace

Verdict Verdict::Of(const ReplayResult& result) {
  if (result.HasFailure()) return {Kind::kFailure, 0};
  uint32_t kinds = 0;
  for (size_t i = 0; i < Difference::kKinds; ++i) {
    if (result.differences_by_kind[i] > 0) kinds |= 1u << i;
  }
  return kinds == 0 ? Verdict{} : Verdict{Kind::kDifference, kinds};
}

bool Verdict::Covers(const Verdict& whole) const {
  if (kind != whole.kind) return false;
  if (kind == Kind::kDifference) {
    // The worst of them: kinds stand in that order.
    const uint32_t worst = whole.detail & (~whole.detail + 1);
    return (detail & worst) != 0;
  }
  return kind != Kind::kCrash || detail == whole.detail;
}

std::string Describe(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::kClean:
      return "nothing fails and nothing differs";
    case Verdict::Kind::kDifference:
      return "a difference (" +
             std::string(Difference::Name(
                 static_cast<Difference::Kind>(std::countr_zero(verdict.detail)))) +
             ")";
    case Verdict::Kind::kFailure:
      return "a request that is not answered";
    case Verdict::Kind::kHang:
      return "a replay without end";
    case Verdict::Kind::kCrash:
      return "a crash (signal " + std::to_string(verdict.detail) + ")";
  }
  return {};
}

std::expected<Shrunk, std::string> Shrink(const ReplayOptions& options,
                                          const ShrinkLimits& limits) {
  Shrinker shrinker(options, limits);
  if (std::string wrong = shrinker.Read(options.filter); !wrong.empty())
    return std::unexpected(wrong);
  Units units = shrinker.Connections();
  const auto whole = shrinker.Try(Shrinker::Joined(units));
  if (!whole) return std::unexpected(whole.error());
  Shrunk shrunk{.verdict = *whole, .packets_before = shrinker.packets()};
  if (whole->kind != Verdict::Kind::kClean) {
    for (const bool singles : {false, true}) {
      if (singles) units = Shrinker::Singles(units);
      auto reduced = shrinker.Reduce(std::move(units), *whole);
      if (!reduced) return std::unexpected(reduced.error());
      units = *std::move(reduced);
    }
    const std::vector<uint32_t> packets = Shrinker::Joined(units);
    shrunk.packets = packets.size();
    if (std::string wrong = shrinker.Write(options.shrink, packets); !wrong.empty())
      return std::unexpected(wrong);
  }
  shrunk.tries = shrinker.tries();
  return shrunk;
}

}  // namespace aether::replay
