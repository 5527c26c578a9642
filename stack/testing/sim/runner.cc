#include "stack/testing/sim/runner.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>

#include "stack/base/check.h"

namespace aether::testing::sim {
namespace {

// Lines of a worker begin with this; all others are what the stack printed before it died.
constexpr char kMark = '\x01';
constexpr size_t kNoiseMax = 2000;

void WriteAll(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(to, text.data(), text.size());
    if (written <= 0) _exit(3);
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string Line(std::string_view kind, std::string_view rest) {
  std::string line(1, kMark);
  line += kind;
  line += ' ';
  line += rest;
  line += '\n';
  return line;
}

std::string Encode(const Outcome& outcome) {
  std::string text;
  if (outcome.violation) {
    text += Line("oracle", outcome.violation->oracle);
    text += Line("text", outcome.violation->text);
    text += Line("when", std::to_string(outcome.violation->when.time_since_epoch().count()));
  }
  for (const std::string& frame : outcome.last_frames) text += Line("frame", frame);
  for (const auto& [name, count] : outcome.reached) {
    text += Line("reached", name + " " + std::to_string(count));
  }
  text += Line("hash", std::to_string(outcome.trace_hash));
  text += Line("frames", std::to_string(outcome.frames));
  text += Line("delivered", std::to_string(outcome.delivered_bytes));
  text += Line("retransmitted", std::to_string(outcome.retransmitted_segments));
  return text + Line("end", "");
}

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Worker {
 public:
  Worker(const std::vector<RunSpec>& specs, const RunnerOptions& options, size_t first)
      : specs_(specs), options_(options), next_(first) {}
  ~Worker() { Stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Forks a process for the runs that are left; false when none is.
  bool Start() {
    if (next_ >= specs_.size()) return false;
    std::array<int, 2> ends{};
    AETHER_CHECK(pipe(ends.data()) == 0);
    std::fflush(nullptr);
    process_ = fork();
    AETHER_CHECK(process_ >= 0);
    if (process_ == 0) {
      close(ends[0]);
      dup2(ends[1], STDERR_FILENO);
      Work(ends[1]);
    }
    close(ends[1]);
    from_ = ends[0];
    noise_.clear();
    pending_.clear();
    outcome_ = Outcome();
    is_running_one_ = false;
    return true;
  }

  void Stop() {
    if (from_ < 0) return;
    close(from_);
    from_ = -1;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  int descriptor() const { return from_; }

  // Reads what there is; false when everything is to stop.
  bool Read(const std::function<bool(size_t, const Outcome&)>& done) {
    std::array<char, 65536> buffer;
    const ssize_t size = read(from_, buffer.data(), buffer.size());
    if (size > 0) {
      pending_.append(buffer.data(), static_cast<size_t>(size));
      return TakeLines(done);
    }
    return OnEnd(done);
  }

 private:
  [[noreturn]] void Work(int to) {
    for (size_t i = next_; i < specs_.size(); i += options_.jobs) {
      WriteAll(to, Line("start", std::to_string(i)));
      WriteAll(to, Encode(RunOnce(specs_[i], options_)));
    }
    _exit(0);
  }

  bool TakeLines(const std::function<bool(size_t, const Outcome&)>& done) {
    for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.empty() || line[0] != kMark) {
        if (noise_.size() + line.size() < kNoiseMax) noise_ += line + "\n";
      } else if (!TakeLine(std::string_view(line).substr(1), done)) {
        return false;
      }
    }
    return true;
  }

  bool TakeLine(std::string_view line, const std::function<bool(size_t, const Outcome&)>& done) {
    const size_t space = line.find(' ');
    const std::string_view kind = line.substr(0, space);
    const std::string_view rest = line.substr(space + 1);
    if (kind == "start") {
      current_ = static_cast<size_t>(Number(rest));
      is_running_one_ = true;
      outcome_ = Outcome();
    } else if (kind == "oracle") {
      outcome_.violation = Violation{.oracle = std::string(rest), .text = "", .when = {}};
    } else if (kind == "text") {
      outcome_.violation->text = rest;
    } else if (kind == "when") {
      outcome_.violation->when = Instant(Duration(static_cast<int64_t>(Number(rest))));
    } else if (kind == "frame") {
      outcome_.last_frames.emplace_back(rest);
    } else if (kind == "reached") {
      const size_t end = rest.find(' ');
      outcome_.reached[std::string(rest.substr(0, end))] = Number(rest.substr(end + 1));
    } else if (kind == "hash") {
      outcome_.trace_hash = Number(rest);
    } else if (kind == "frames") {
      outcome_.frames = Number(rest);
    } else if (kind == "delivered") {
      outcome_.delivered_bytes = Number(rest);
    } else if (kind == "retransmitted") {
      outcome_.retransmitted_segments = Number(rest);
    } else if (kind == "end") {
      is_running_one_ = false;
      next_ = current_ + options_.jobs;
      return done(current_, outcome_);
    }
    return true;
  }

  // The process has ended; if in the middle of a run, that run is to blame.
  bool OnEnd(const std::function<bool(size_t, const Outcome&)>& done) {
    close(from_);
    from_ = -1;
    waitpid(process_, nullptr, 0);
    if (!is_running_one_) return true;
    if (noise_.empty() && !pending_.empty()) noise_ = pending_;
    while (!noise_.empty() && noise_.back() == '\n') noise_.pop_back();
    outcome_.violation = Violation{.oracle = "P4",
                                   .text = noise_.empty() ? "the run died without a word" : noise_,
                                   .when = {}};
    next_ = current_ + options_.jobs;
    return done(current_, outcome_) && (!Start() || true);
  }

  const std::vector<RunSpec>& specs_;
  const RunnerOptions& options_;
  size_t next_;
  size_t current_ = 0;
  bool is_running_one_ = false;
  pid_t process_ = -1;
  int from_ = -1;
  std::string pending_;
  std::string noise_;
  Outcome outcome_;
};

}  // namespace

Outcome RunOnce(const RunSpec& spec, const RunnerOptions& options) {
  const std::optional<Scenario> scenario = MakeScenario(spec);
  AETHER_CHECK(scenario.has_value());
  RunOptions run;
  run.make_host = options.make_host;
  RunResult result = RunScenario(*scenario, run);
  Outcome outcome{.violation = std::move(result.violation),
                  .last_frames = std::move(result.last_frames),
                  .trace_hash = result.trace_hash,
                  .frames = result.frames,
                  .delivered_bytes = result.delivered_bytes,
                  .retransmitted_segments = result.retransmitted_segments,
                  .reached = std::move(result.reached)};
  if (!options.twice || outcome.violation) return outcome;
  const RunResult again = RunScenario(*scenario, run);
  if (again.trace_hash != outcome.trace_hash) {
    outcome.violation = Violation{"P15", "the same run again has another trace", Instant{}};
    outcome.last_frames = again.last_frames;
  }
  return outcome;
}

Outcome RunIsolated(const RunSpec& spec, const RunnerOptions& options) {
  RunnerOptions one = options;
  one.jobs = 1;
  Outcome result;
  RunAll({spec}, one, [&](size_t, const Outcome& outcome) {
    result = outcome;
    return true;
  });
  return result;
}

void RunAll(const std::vector<RunSpec>& specs, const RunnerOptions& options,
            const std::function<bool(size_t index, const Outcome&)>& done) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t i = 0; i < options.jobs; ++i) {
    workers.push_back(std::make_unique<Worker>(specs, options, i));
    workers.back()->Start();
  }
  while (true) {
    std::vector<pollfd> waiting;
    std::vector<Worker*> owners;
    for (const std::unique_ptr<Worker>& worker : workers) {
      if (worker->descriptor() < 0) continue;
      waiting.push_back({.fd = worker->descriptor(), .events = POLLIN, .revents = 0});
      owners.push_back(worker.get());
    }
    if (waiting.empty()) return;
    poll(waiting.data(), waiting.size(), -1);
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0 && !owners[i]->Read(done)) return;
    }
  }
}

}  // namespace aether::testing::sim
