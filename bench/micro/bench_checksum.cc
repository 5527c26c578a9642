// The Internet checksum: all units, sizes from a header to 64 KiB, working sets in the first and
// second cache and in memory, alignments, the copy that sums, the incremental update. Bounds: loads
// of the widest vectors and nothing else; memcpy for copies.
#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/common/bounds.h"
#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "bench/common/working_set.h"
#include "stack/wire/checksum.h"
#include "stack/wire/checksum_units.h"

namespace aether::bench {
namespace {

struct Unit {
  const char* name;
  ChecksumUnit unit;
  uint16_t (*sum)(const uint8_t* from, size_t size);
  uint16_t (*copy_and_sum)(uint8_t* to, const uint8_t* from, size_t size);
};

// What SumBytes costs a caller, the choice of the unit included.
uint16_t SumChosen(const uint8_t* from, size_t size) { return SumBytes({from, size}); }
uint16_t CopyAndSumChosen(uint8_t* to, const uint8_t* from, size_t size) {
  return CopyAndSum(to, {from, size});
}

std::vector<Unit> Units() {
  namespace units = checksum_internal;
  std::vector<Unit> all = {
      {"reference", ChecksumUnit::kReference, units::SumReference, units::CopyAndSumReference},
      {"portable", ChecksumUnit::kPortable, units::SumPortable, units::CopyAndSumPortable}};
#if defined(__x86_64__)
  if (IsAvailable(ChecksumUnit::kAvx2))
    all.push_back({"avx2", ChecksumUnit::kAvx2, units::SumAvx2, units::CopyAndSumAvx2});
  if (IsAvailable(ChecksumUnit::kAvx512))
    all.push_back({"avx512", ChecksumUnit::kAvx512, units::SumAvx512, units::CopyAndSumAvx512});
#endif
  all.push_back({"chosen", ChecksumUnit::kPortable, SumChosen, CopyAndSumChosen});
  return all;
}

// One working set at a time is in memory; it is made when a row needs it.
struct Setting {
  size_t set_bytes;
  size_t piece_bytes;
  size_t offset;
  bool operator==(const Setting&) const = default;
};
const WorkingSet& WorkingSetFor(const Setting& setting) {
  static std::optional<Setting> current;
  static std::unique_ptr<WorkingSet> set;
  if (current != setting) {
    set.reset();
    set = std::make_unique<WorkingSet>(setting.set_bytes, setting.piece_bytes, setting.offset, 1);
    current = setting;
  }
  return *set;
}

// RFC 1071 with a 64-bit sum: shares nothing with the units.
uint16_t PlainSum(Bytes data) {
  uint64_t sum = 0;
  for (size_t i = 0; i < data.size(); i += 2) {
    sum += uint64_t{data[i]} << 8;
    if (i + 1 < data.size()) sum += data[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return NetworkOrder(static_cast<uint16_t>(sum));
}

Check SumCheck(const Unit& unit, size_t size, size_t offset) {
  return [unit, size, offset]() -> std::string {
    Generator generator(size);
    std::vector<uint8_t> to(size + 64, 0xee);
    for (int round = 0; round < 3; ++round) {
      const std::vector<uint8_t> data = generator.Payload(offset + size);
      const Bytes bytes = Bytes(data).subspan(offset);
      const uint16_t expected = PlainSum(bytes);
      if (unit.sum(bytes.data(), size) != expected) return "sum";
      if (unit.copy_and_sum(to.data(), bytes.data(), size) != expected) return "sum of a copy";
      if (!std::equal(bytes.begin(), bytes.end(), to.begin()) || to[size] != 0xee) return "copy";
    }
    return {};
  };
}

void TimeSums(benchmark::State& state, const Setting& setting,
              uint16_t (*sum)(const uint8_t*, size_t)) {
  const WorkingSet& set = WorkingSetFor(setting);
  size_t cursor = 0;
  TimeEach(state,
           [&](size_t) { benchmark::DoNotOptimize(sum(set.Next(cursor), setting.piece_bytes)); });
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(setting.piece_bytes));
}

void TimeLoads(benchmark::State& state, const Setting& setting) {
  const WorkingSet& set = WorkingSetFor(setting);
  size_t cursor = 0;
  TimeEach(state, [&](size_t) { LoadOnly(set.Next(cursor), setting.piece_bytes); });
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(setting.piece_bytes));
}

void AddSums(Suite& suite, const std::string& where, const Setting& setting) {
  const std::string row = "checksum/" + where;
  for (const Unit& unit : Units()) {
    suite.Add(
        row + "/" + unit.name, SumCheck(unit, setting.piece_bytes, setting.offset),
        [setting, sum = unit.sum](benchmark::State& state) { TimeSums(state, setting, sum); });
  }
  suite.AddBound(row, "load_only",
                 [setting](benchmark::State& state) { TimeLoads(state, setting); });
}

// Copies go to one buffer, as into a frame that is about to be sent.
void AddCopies(Suite& suite, const std::string& where, const Setting& setting) {
  const std::string row = "copy_and_sum/" + where;
  using Copy = uint16_t (*)(uint8_t*, const uint8_t*, size_t);
  const auto time = [setting](benchmark::State& state, Copy copy) {
    const WorkingSet& set = WorkingSetFor(setting);
    const WorkingSet to(setting.piece_bytes, setting.piece_bytes, 0, 2);
    size_t cursor = 0;
    TimeEach(state, [&](size_t) {
      benchmark::DoNotOptimize(copy(to.Piece(0), set.Next(cursor), setting.piece_bytes));
      benchmark::ClobberMemory();
    });
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(setting.piece_bytes));
  };
  for (const Unit& unit : Units()) {
    suite.Add(row + "/" + unit.name, SumCheck(unit, setting.piece_bytes, setting.offset),
              [time, copy = unit.copy_and_sum](benchmark::State& state) { time(state, copy); });
  }
  suite.AddBound(row, "memcpy", [time](benchmark::State& state) {
    time(state, [](uint8_t* to, const uint8_t* from, size_t size) {
      std::memcpy(to, from, size);
      return uint16_t{0};
    });
  });
}

// A field that changed, and the whole header anew beside it.
void AddIncremental(Suite& suite) {
  const auto check = []() -> std::string {
    Generator generator(3);
    for (int round = 0; round < 1000; ++round) {
      std::vector<uint8_t> header = generator.Payload(20);
      const uint16_t before = ChecksumOf(SumBytes(header));
      const size_t at = 2 * generator.Below(10);
      const uint16_t old_word = LoadBe<uint16_t>(header.data() + at);
      const uint16_t new_word = static_cast<uint16_t>(generator.Next32());
      StoreBe(header.data() + at, new_word);
      const uint16_t anew = ChecksumOf(PlainSum(header));
      // Zero has two forms, and either is right.
      const uint16_t updated = ChecksumUpdate(before, old_word, new_word);
      if (updated != anew &&
          !((updated == 0xffff || updated == 0) && (anew == 0 || anew == 0xffff)))
        return "differs from the sum of everything";
    }
    return {};
  };
  const Setting setting{.set_bytes = 4096, .piece_bytes = 20, .offset = 14};
  suite.Add("checksum/incremental", check, [setting](benchmark::State& state) {
    const WorkingSet& set = WorkingSetFor(setting);
    size_t cursor = 0;
    TimeEach(state, [&](size_t i) {
      const uint8_t* header = set.Next(cursor);
      benchmark::DoNotOptimize(ChecksumUpdate(
          LoadBe<uint16_t>(header + 10), LoadBe<uint16_t>(header + 2), static_cast<uint16_t>(i)));
    });
  });
  suite.Add("checksum/header_20", check, [setting](benchmark::State& state) {
    const WorkingSet& set = WorkingSetFor(setting);
    size_t cursor = 0;
    TimeEach(state, [&](size_t) { benchmark::DoNotOptimize(SumHeader(set.Next(cursor), 20)); });
  });
  for (const char* row : {"checksum/incremental", "checksum/header_20"}) {
    suite.AddBound(row, "touch_line", [setting](benchmark::State& state) {
      const WorkingSet& set = WorkingSetFor(setting);
      size_t cursor = 0;
      TimeEach(state, [&](size_t) { benchmark::DoNotOptimize(TouchLine(set.Next(cursor))); });
    });
  }
}

void Fill(Suite& suite) {
  struct Place {
    const char* name;
    size_t bytes;
  };
  // The last is far more than any cache that a core has to itself.
  const Place places[] = {{"L1", 16384},
                          {"L2", 512 * 1024},
                          {"DRAM", suite.Pick<size_t>(256 * 1024 * 1024, 4 * 1024 * 1024)}};
  for (const Place& place : places) {
    for (const size_t size : {20u, 64u, 256u, 576u, 1460u, 4096u, 16384u, 65536u}) {
      if (size > place.bytes) continue;
      const Setting setting{.set_bytes = place.bytes, .piece_bytes = size, .offset = 0};
      const std::string where = std::string(place.name) + "/" + std::to_string(size);
      AddSums(suite, where, setting);
      AddCopies(suite, where, setting);
    }
  }
  // Where a TCP payload lies in a frame, an odd byte, and the end of a cache line.
  for (const size_t offset : {1u, 2u, 32u, 54u, 63u}) {
    const Setting setting{.set_bytes = 16384, .piece_bytes = 1460, .offset = offset};
    AddSums(suite, "align/" + std::to_string(offset), setting);
    AddCopies(suite, "align/" + std::to_string(offset), setting);
  }
  AddIncremental(suite);
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
