#include "bench/profiles/workload.h"

#include "bench/stack/bulk.h"
#include "bench/stack/scenario.h"

namespace aether::bench {
namespace {

class Requests : public Workload {
 public:
  Requests(bool close, const tcp::Profile& profile, bool check)
      : check_(check),
        scenario_({.close = close,
                   .connections = 100,
                   .batch = 32,
                   .strict = check,
                   .time_wait_max = 1024,
                   .profile = profile}) {}
  void Prepare() override {
    scenario_.Record();
    if (!check_) scenario_.RunWarmUp();
  }
  void Run() override { check_ ? scenario_.RunExact() : scenario_.RunTimed(); }
  uint32_t operations() const override { return scenario_.operations_timed(); }
  std::string Wrong() const override { return scenario_.Wrong(); }

 private:
  bool check_;
  Scenario scenario_;
};

class Transfer : public Workload {
 public:
  Transfer(const tcp::Profile& profile, bool check) : bulk_({.check = check, .profile = profile}) {}
  // A chunk that nobody times brings back into the caches what the other profile has pushed out.
  void Prepare() override { bulk_.RunChunk(); }
  void Run() override { bulk_.RunChunk(); }
  uint32_t operations() const override { return Bulk::kSegmentsPerChunk; }
  std::string Wrong() const override { return bulk_.Wrong(); }

 private:
  Bulk bulk_;
};

}  // namespace

std::unique_ptr<Workload> MakeWorkload(std::string_view name, const tcp::Profile& profile,
                                       bool check) {
  if (name.starts_with("bulk/")) return std::make_unique<Transfer>(profile, check);
  return std::make_unique<Requests>(name.starts_with("close/"), profile, check);
}

}  // namespace aether::bench
