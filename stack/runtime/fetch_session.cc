#include "stack/runtime/fetch_session.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "stack/wire/address_text.h"

namespace aether::runtime {
namespace {

using Phase = app::Fetch::Phase;

// Written in one turn, so that acknowledgements are not kept waiting.
constexpr size_t kTurnBytesMax = 512 * 1024;
// When a pipe was full: at 64 KiB a time no worse than what reads it.
constexpr Duration kFullOutputPause = std::chrono::milliseconds(1);

// Between the first connections.
constexpr Duration kStartInterval = std::chrono::milliseconds(2);

std::string_view YesNo(bool value) { return value ? "yes" : "no"; }

std::string EndpointText(Ipv4Endpoint endpoint) {
  return absl::StrCat(app::AddressText(endpoint.address), ":", endpoint.port);
}

// What a server sent, on one line, without what a terminal would obey.
std::string Visible(std::string_view line) {
  std::string out;
  for (const char c : line) out += (c >= ' ' && c <= '~') || c == '\t' ? c : '?';
  return out;
}

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

FetchSession::FetchSession(const FetchPlan& plan, const Stack& stack, app::DnsResolver& resolver,
                           app::HttpClient& client)
    : plan_(plan),
      stack_(stack),
      resolver_(resolver),
      client_(client),
      total_(uint64_t{plan.repeat} * plan.parallel * plan.urls.size()),
      shared_(plan.output) {}

void FetchSession::Run(Instant now) {
  again_at_ = kNever;
  // As one ends the next begins, until all there is room for are under way.
  while (true) {
    StartJobs(now);
    const size_t before = running_.size();
    for (size_t i = 0; i < running_.size();) {
      if (RunJob(*running_[i], i == 0, now)) {
        ++i;
      } else {
        running_.erase(running_.begin() + static_cast<ptrdiff_t>(i));
      }
    }
    if (running_.size() == before || done()) return;
  }
}

void FetchSession::StartJobs(Instant now) {
  const uint64_t per_url = uint64_t{plan_.repeat} * plan_.parallel;
  while (next_ < total_ && running_.size() < plan_.parallel) {
    // One URL after another.
    if (!running_.empty() && (running_.front()->number - 1) / per_url != next_ / per_url) return;
    if (now < next_start_at_) {
      again_at_ = std::min(again_at_, next_start_at_);
      return;
    }
    // Many servers let no more than a handful of connections wait to be accepted; a burst beyond
    // that loses all but those, and their repetitions come as a burst again. After the first ones
    // the ends of earlier fetches set the pace.
    if (next_ + 1 < plan_.parallel) next_start_at_ = now + kStartInterval;
    auto job = std::make_unique<Job>();
    job->number = next_ + 1;
    job->started = now;
    job->retransmissions_before = stack_.counters().tcp_retransmissions;
    const app::HttpUrl& url = plan_.urls[next_ / per_url];
    if (HasOwnOutputs()) {
      std::string path = plan_.output;
      const std::string number = absl::StrCat(job->number);
      for (size_t at = 0; (at = path.find("{}", at)) != std::string::npos; at += number.size())
        path.replace(at, 2, number);
      job->own = std::make_unique<FetchOutput>(path);
    }
    Say(*job, "*", absl::StrCat(plan_.fetch.head ? "HEAD " : "GET ", url.ToString()));
    if (!ParseAddress(url.host)) Say(*job, "*", absl::StrCat("looking ", url.host, " up"));
    job->fetch = std::make_unique<app::Fetch>(resolver_, client_, plan_.fetch, url, now);
    running_.push_back(std::move(job));
    ++next_;
  }
}

Instant FetchSession::NextDeadline() const {
  Instant next = again_at_;
  for (const auto& job : running_) next = std::min(next, job->fetch->NextDeadline());
  return next;
}

bool FetchSession::RunJob(Job& job, bool is_first, Instant now) {
  job.fetch->Run(now);
  Tell(job);
  const Phase phase = job.fetch->phase();
  if (phase == Phase::kFailed) {
    job.error = job.fetch->error();
  } else if (phase >= Phase::kBody) {
    if (!job.head_taken) TakeHead(job);
    const bool may_write = HasOwnOutputs() || plan_.output == "/dev/null" || is_first;
    if (!may_write) return true;
    if (const absl::Status drained = Drain(job, now); !drained.ok()) {
      job.error = std::string(drained.message());
    } else if (job.text_sent < job.text.size() ||
               (job.error.empty() && job.fetch->phase() == Phase::kBody)) {
      return true;
    } else if (job.error.empty() && job.fetch->phase() == Phase::kFailed) {
      job.error = job.fetch->error();
    }
  } else {
    return true;
  }
  Finish(job, now);
  return false;
}

// A final response: what of it goes to the output, and whether it is what was asked for.
void FetchSession::TakeHead(Job& job) {
  job.head_taken = true;
  const HttpResponseView& response = *job.fetch->response();
  if (plan_.include || plan_.fetch.head) {
    const Bytes head = job.fetch->head();
    job.text.assign(head.begin(), head.end());
  }
  if (response.status() >= 400) {
    job.error = absl::StrCat(EndpointText(job.fetch->server()), " answered ", response.status(),
                             response.reason().empty() ? "" : " ",
                             Visible(response.reason().substr(0, 100)), " for ",
                             job.fetch->url().ToString());
  }
}

// Writes what there is and fits. Content of an error is not written.
absl::Status FetchSession::Drain(Job& job, Instant now) {
  FetchOutput& output = job.own != nullptr ? *job.own : shared_;
  if (job.error.empty() || !job.text.empty()) {
    if (absl::Status opened = output.Open(); !opened.ok()) return opened;
  }
  size_t turn = 0;
  while (true) {
    std::array<Bytes, 64> pieces;
    size_t count = 0;
    const std::string_view text = std::string_view(job.text).substr(job.text_sent);
    if (!text.empty()) {
      pieces[count++] = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
    } else if (job.error.empty()) {
      for (size_t offset = 0; count < pieces.size();) {
        const Bytes piece = job.fetch->Peek(offset);
        if (piece.empty()) break;
        pieces[count++] = piece;
        offset += piece.size();
      }
    }
    if (count == 0) return absl::OkStatus();
    if (turn >= kTurnBytesMax) {
      again_at_ = now;
      return absl::OkStatus();
    }
    const absl::StatusOr<size_t> written = output.Write(std::span(pieces).first(count));
    if (!written.ok()) return written.status();
    if (*written == 0) {
      again_at_ = std::min(again_at_, now + kFullOutputPause);
      return absl::OkStatus();
    }
    turn += *written;
    if (!text.empty()) {
      job.text_sent += *written;
    } else {
      job.fetch->Consume(*written, now);
    }
  }
}

void FetchSession::Finish(Job& job, Instant now) {
  if (job.own != nullptr) {
    const absl::Status closed = job.own->Close();
    if (!closed.ok() && job.error.empty()) job.error = std::string(closed.message());
  }
  if (plan_.verbose) TellEnd(job, now);
  if (job.error.empty()) return;
  ++failed_;
  std::fprintf(stderr, "aether-fetch: %s\n", job.error.c_str());
}

void FetchSession::Say(const Job& job, std::string_view sign, std::string_view line) const {
  if (!plan_.verbose) return;
  std::string text;
  if (total_ > 1) absl::StrAppend(&text, "[", job.number, "] ");
  absl::StrAppend(&text, Abseil(sign), " ", Visible(line), "\n");
  std::fputs(text.c_str(), stderr);
}

// What has happened since the last time.
void FetchSession::Tell(Job& job) {
  if (!plan_.verbose) return;
  const app::Fetch& fetch = *job.fetch;
  if (fetch.redirects() != job.told.redirects) {
    job.told = {.redirects = fetch.redirects(), .connections = job.told.connections};
    Say(job, "*", absl::StrCat("redirected to ", fetch.url().ToString()));
  }
  if (fetch.connections() != job.told.connections) {
    job.told.connections = fetch.connections();
    job.told.connected = false;
    Say(job, "*", absl::StrCat("connecting to ", EndpointText(fetch.server())));
  }
  const bool connected = fetch.phase() == Phase::kWaiting || fetch.response() != nullptr;
  if (connected && !job.told.connected) {
    job.told.connected = true;
    if (const auto tcp = fetch.Inspect()) {
      Say(job, "*",
          absl::StrCat("connected from ", EndpointText(tcp->local), ": mss ", tcp->mss_bytes,
                       ", window scaling ", Abseil(YesNo(tcp->window_scaling)), ", timestamps ",
                       Abseil(YesNo(tcp->timestamps)), ", sack ", Abseil(YesNo(tcp->sack)),
                       ", ecn ", Abseil(YesNo(tcp->ecn))));
    }
    Say(job, ">",
        absl::StrCat(plan_.fetch.head ? "HEAD " : "GET ", fetch.url().target, " HTTP/1.1"));
    Say(job, ">", absl::StrCat("Host: ", fetch.url().Authority()));
  }
  if (fetch.response() != nullptr && !job.told.head) {
    job.told.head = true;
    TellHead(job);
  }
}

void FetchSession::TellHead(Job& job) {
  const Bytes head = job.fetch->head();
  std::string_view rest(reinterpret_cast<const char*>(head.data()), head.size());
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    Say(job, "<", line);
  }
}

void FetchSession::TellEnd(const Job& job, Instant now) {
  const double seconds = std::chrono::duration<double>(now - job.started).count();
  const double bytes = static_cast<double>(job.fetch->body_bytes());
  Say(job, "*",
      absl::StrFormat("%d bytes in %.3f s, %.3f MB/s", job.fetch->body_bytes(), seconds,
                      seconds > 0 ? bytes / seconds / 1e6 : 0.0));
  const auto tcp = job.fetch->Inspect();
  if (!tcp) return;
  Say(job, "*",
      absl::StrFormat("tcp: %s, srtt %.3f ms, rttvar %.3f ms, cwnd %d bytes, ssthresh %d bytes, "
                      "receive window %d bytes",
                      Abseil(tcp::StateName(tcp->state)), tcp->srtt_us / 1e3, tcp->rttvar_us / 1e3,
                      tcp->cwnd_bytes, tcp->ssthresh_bytes, tcp->rcv_wnd_bytes));
  Say(job, "*",
      absl::StrCat("tcp: the stack has sent ",
                   stack_.counters().tcp_retransmissions - job.retransmissions_before,
                   " segments again since this fetch began"));
}

}  // namespace aether::runtime
