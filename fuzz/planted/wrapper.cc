// Stands between libFuzzer and a target of the planted tree (the linker's --wrap): measures when
// the active plant is first reached and triggered, ends the run when its processor time is used up,
// and says for the files of a corpus which plants they reach and trigger.
//
//   AETHER_PLANTED_STATE=FILE    Progress is kept there, also when the process dies
//   AETHER_PLANTED_SECONDS=N     ends after so much processor time, user and system
//   AETHER_PLANTED_STALL=N       an execution that takes longer is a failure
//   AETHER_PLANTED_ABLATION=1    properties that do not hold are passed over: only crashes count
//   AETHER_PLANTED_REPORT=1      prints the slots that each execution reached and triggered
//   AETHER_PLANTED_BROKEN=1      the target does nothing: ci/planted --self-test
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/planted/plant.h"

#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#endif

extern "C" int __real_LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int __wrap_LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// aether::fuzz::Fail.
extern "C" void __real__ZN6aether4fuzz4FailEPKcS2_S2_i(const char*, const char*, const char*, int);
extern "C" void __wrap__ZN6aether4fuzz4FailEPKcS2_S2_i(const char*, const char*, const char*, int);

namespace aether::planted {
namespace {

// As ci/planted reads it.
struct Progress {
  uint64_t executions = 0;
  uint64_t cpu_us = 0;  // at the end of an orderly run
  uint64_t reached_execution = 0;
  uint64_t reached_us = 0;
  uint64_t triggered_execution = 0;
  uint64_t triggered_us = 0;
  uint64_t passed_over = 0;  // properties that did not hold, in an ablation
};

Progress local;
Progress* progress = &local;
uint64_t limit_us = 0;
uint64_t stall_ticks = 0;
bool report = false;
bool ablation = false;
bool broken = false;

uint64_t Number(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

uint64_t CpuUs() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

// Once per second of processor time.
void OnTick(int) {
  static uint64_t last = 0;
  static uint64_t ticks = 0;
  const uint64_t executions = progress->executions;
  ticks = executions == last && executions != 0 ? ticks + 1 : 0;
  last = executions;
  if (ticks < stall_ticks) return;
  static constexpr char kText[] = "planted: an execution does not end (timeout)\n";
  (void)!write(2, kText, sizeof kText - 1);
  std::abort();
}

bool Start() {
  limit_us = Number("AETHER_PLANTED_SECONDS") * 1000000;
  stall_ticks = Number("AETHER_PLANTED_STALL");
  report = Number("AETHER_PLANTED_REPORT") != 0;
  ablation = Number("AETHER_PLANTED_ABLATION") != 0;
  broken = Number("AETHER_PLANTED_BROKEN") != 0;
  if (const char* const path = std::getenv("AETHER_PLANTED_STATE")) {
    const int file = open(path, O_RDWR | O_CREAT, 0644);
    void* const at =
        file >= 0 && ftruncate(file, sizeof(Progress)) == 0
            ? mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
            : MAP_FAILED;
    if (at == MAP_FAILED) {
      std::fprintf(stderr, "planted: cannot write %s\n", path);
      std::_Exit(2);
    }
    progress = static_cast<Progress*>(at);
  }
  if (stall_ticks != 0) {
    struct sigaction action{};
    action.sa_handler = OnTick;
    action.sa_flags = SA_RESTART;
    sigaction(SIGPROF, &action, nullptr);
    const itimerval every{{1, 0}, {1, 0}};
    setitimer(ITIMER_PROF, &every, nullptr);
  }
  return true;
}

void Note(uint64_t& execution, uint64_t& us) {
  if (execution != 0) return;
  execution = progress->executions;
  us = CpuUs();
}

// What the mutated side of a plant read may be what nobody has written; that it differs is no
// fault.
void Unpoison([[maybe_unused]] Slot* slot, [[maybe_unused]] size_t count) {
#if __has_feature(memory_sanitizer)
  __msan_unpoison(slot, count * sizeof(Slot));
#endif
}

// "planted: report 12:R 77:T": reached, and triggered as well.
int RunAndReport(const uint8_t* data, size_t size) {
  for (Slot& slot : slots) slot.reached = slot.differs = 0;
  const int result = __real_LLVMFuzzerTestOneInput(data, size);
  Unpoison(slots, kSlots);
  std::fprintf(stderr, "planted: report");
  for (uint32_t i = 0; i < kSlots; ++i) {
    if (slots[i].reached != 0) std::fprintf(stderr, " %u:%c", i, slots[i].differs != 0 ? 'T' : 'R');
  }
  std::fprintf(stderr, "\n");
  return result;
}

}  // namespace
}  // namespace aether::planted

int __wrap_LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aether::planted;
  [[maybe_unused]] static const bool started = Start();
  if (report) return RunAndReport(data, size);
  const uint64_t executions = ++progress->executions;
  const int result = broken ? 0 : __real_LLVMFuzzerTestOneInput(data, size);
  if (active_slot != kSlots) {
    Unpoison(&slots[active_slot], 1);
    if (slots[active_slot].reached != 0) Note(progress->reached_execution, progress->reached_us);
    if (slots[active_slot].differs != 0)
      Note(progress->triggered_execution, progress->triggered_us);
  }
  if (limit_us != 0 && executions % 32 == 0) {
    const uint64_t us = CpuUs();
    if (us >= limit_us) {
      progress->cpu_us = us;
      std::_Exit(0);
    }
  }
  return result;
}

void __wrap__ZN6aether4fuzz4FailEPKcS2_S2_i(const char* property, const char* expression,
                                            const char* file, int line) {
  using namespace aether::planted;
  if (ablation) {
    ++progress->passed_over;
    return;
  }
  __real__ZN6aether4fuzz4FailEPKcS2_S2_i(property, expression, file, line);
}
