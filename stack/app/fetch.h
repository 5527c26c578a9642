// One fetch of a URL: the name looked up, a connection opened to the first of its addresses that
// takes one, the request sent, redirects followed (RFC 9110 15.4) up to a number. It takes
// decisions from what the resolver and the client say when it is asked to Run; whoever owns the
// three calls that after each batch of events.
//
// Left out: cookies, authentication, caches. Redirects to https end in an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stack/app/dns_resolver.h"
#include "stack/app/http_client.h"
#include "stack/app/http_url.h"
#include "stack/stack.h"

namespace aether::app {

struct FetchOptions {
  bool head = false;
  uint32_t redirects_max = 10;
  Duration connect_timeout = std::chrono::seconds(30);  // of each address
  Duration idle_timeout = std::chrono::seconds(60);
  Duration time_max{0};  // of it all; zero: none
};

class Fetch {
 public:
  enum class Phase : uint8_t { kResolving, kConnecting, kWaiting, kBody, kDone, kFailed };

  // All of them outlive the fetch. It begins at once.
  Fetch(DnsResolver& resolver, HttpClient& client, const FetchOptions& options, HttpUrl url,
        Instant now);
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  ~Fetch();

  // Takes the next step if there is one to take.
  void Run(Instant now);
  // Beside those of the resolver and the client.
  Instant NextDeadline() const { return phase_ == Phase::kResolving ? deadline_ : kNever; }

  Phase phase() const { return phase_; }
  // In kFailed: a sentence without its full stop.
  const std::string& error() const { return error_; }
  // Where we are now, after so many redirects.
  const HttpUrl& url() const { return url_; }
  uint32_t redirects() const { return redirects_; }
  // Who is being talked to, from kConnecting on.
  Ipv4Endpoint server() const { return server_; }
  // Connections tried so far.
  uint32_t connections() const { return connections_; }

  // Of the last response, from kBody on; null before.
  const HttpResponseView* response() const { return client_.response(request_); }
  Bytes head() const { return client_.head(request_); }
  Bytes Peek(size_t offset = 0) const { return client_.Peek(request_, offset); }
  void Consume(size_t size, Instant now) {
    client_.Consume(request_, size, now);
    Run(now);
  }
  uint64_t body_bytes() const { return client_.body_bytes(request_); }
  std::optional<tcp::Snapshot> Inspect() const { return client_.Inspect(request_); }

 private:
  void Resolve(Instant now);
  void RunResolving(Instant now);
  void Connect(Instant now);
  void RunRequest(Instant now);
  bool Redirect(Instant now);
  void OnFailure(Instant now);
  void LetGo();
  void Fail(std::string error);
  std::string Where() const;
  std::string FailureText() const;

  DnsResolver& resolver_;
  HttpClient& client_;
  const FetchOptions options_;
  Phase phase_ = Phase::kResolving;
  std::string error_;
  HttpUrl url_;
  uint32_t redirects_ = 0;
  uint32_t connections_ = 0;
  Instant deadline_ = kNever;
  std::optional<DnsLookupId> lookup_;
  DnsAddresses addresses_;
  size_t next_address_ = 0;
  Ipv4Endpoint server_;
  HttpRequestId request_;
};

// What was wrong with a response, as the end of a sentence.
std::string_view HttpFaultText(Drop fault);
std::string AddressText(Ipv4Address address);

}  // namespace aether::app
