// The fetches of a run of aether-fetch: which are under way, what they say, and where it goes. Each
// URL is fetched `repeat` times over each of `parallel` connections at once, one URL after another.
//
// With "{}" in the name of the output each fetch has a file of its own. Otherwise all share one, in
// their order: content of a later one waits in its connection until the earlier ones are through
// (but for /dev/null, where order does not matter).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "stack/app/fetch.h"
#include "stack/runtime/fetch_options.h"
#include "stack/runtime/fetch_output.h"
#include "stack/stack.h"

namespace aether::runtime {

class FetchSession {
 public:
  // All of them outlive the session. Errors and what --verbose says go to `messages`.
  FetchSession(const FetchPlan& plan, const Stack& stack, app::DnsResolver& resolver,
               app::HttpClient& client);

  // Starts, continues and ends fetches.
  void Run(Instant now);
  Instant NextDeadline() const;
  // Resets what is still under way.
  void Cancel() { running_.clear(); }

  bool done() const { return next_ == total_ && running_.empty(); }
  uint64_t failed() const { return failed_; }
  uint64_t total() const { return total_; }
  // What is left to write when the session is over.
  absl::Status Close() { return shared_.Close(); }

 private:
  // How far --verbose has told the story of a fetch.
  struct Told {
    uint32_t redirects = 0;
    uint32_t connections = 0;
    bool connected = false;
    bool head = false;
  };
  struct Job {
    uint64_t number = 0;  // from 1
    Instant started;
    uint64_t retransmissions_before = 0;
    std::unique_ptr<app::Fetch> fetch;
    std::unique_ptr<FetchOutput> own;
    std::string text;  // header lines that go to the output first
    size_t text_sent = 0;
    bool head_taken = false;
    std::string error;  // not of the fetch itself
    Told told;
  };

  void StartJobs(Instant now);
  bool HasOwnOutputs() const { return plan_.output.find("{}") != std::string::npos; }
  // False when the job is over.
  bool RunJob(Job& job, bool is_first, Instant now);
  void TakeHead(Job& job);
  absl::Status Drain(Job& job, Instant now);
  void Finish(Job& job, Instant now);
  void Tell(Job& job);
  void TellHead(Job& job);
  void TellEnd(const Job& job, Instant now);
  void Say(const Job& job, std::string_view sign, std::string_view line) const;

  const FetchPlan& plan_;
  const Stack& stack_;
  app::DnsResolver& resolver_;
  app::HttpClient& client_;
  const uint64_t total_;
  uint64_t next_ = 0;  // jobs started
  Instant next_start_at_ = Instant::min();
  uint64_t failed_ = 0;
  std::vector<std::unique_ptr<Job>> running_;  // in the order of their numbers
  FetchOutput shared_;
  Instant again_at_ = kNever;  // an output was full, or there is more than fits into one turn
};

}  // namespace aether::runtime
