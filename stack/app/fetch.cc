#include "stack/app/fetch.h"

#include <utility>

#include "stack/wire/address_text.h"

namespace aether::app {
namespace {

// [RFC 9110 15.4] the ones that lead to one other place, with the same method for GET and HEAD.
bool IsRedirect(uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string Seconds(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) {
    const std::string digits = std::to_string(1000 + ms % 1000).substr(1);
    text += '.';
    text += digits.substr(0, digits.find_last_not_of('0') + 1);
  }
  return text + " s";
}

// [RFC 9293 3.9.1.8 MUST-47] what routers said about an attempt that nobody answered.
std::string_view SoftErrorText(tcp::SoftError error) {
  switch (error) {
    case tcp::SoftError::kNetworkUnreachable:
      return ": a router says that the network is unreachable";
    case tcp::SoftError::kHostUnreachable:
      return ": a router says that the host is unreachable";
    case tcp::SoftError::kProhibited:
      return ": a router says that this is prohibited";
    case tcp::SoftError::kTimeExceeded:
      return ": a router says that the way is too long";
    default:
      return "";
  }
}

}  // namespace

std::string AddressText(Ipv4Address address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address.value >> shift & 0xff);
    if (shift > 0) text += '.';
  }
  return text;
}

std::string_view HttpFaultText(Drop fault) {
  switch (fault) {
    case Drop::kHttpBadVersion:
      return "its HTTP version is not spoken here";
    case Drop::kHttpHeadersTooLarge:
      return "its header is too large";
    case Drop::kHttpBadLength:
      return "its lengths are malformed or contradict each other";
    case Drop::kHttpBadCoding:
      return "its transfer coding is not known here";
    case Drop::kHttpBadChunk:
      return "a chunk is malformed";
    case Drop::kHttpBodyTooLong:
      return "its content is too long";
    default:
      return "it is malformed";
  }
}

Fetch::Fetch(DnsResolver& resolver, HttpClient& client, const FetchOptions& options, HttpUrl url,
             Instant now)
    : resolver_(resolver), client_(client), options_(options), url_(std::move(url)) {
  if (options.time_max > Duration(0)) deadline_ = now + options.time_max;
  Resolve(now);
}

Fetch::~Fetch() { LetGo(); }

void Fetch::LetGo() {
  if (lookup_) resolver_.Release(*lookup_);
  lookup_.reset();
  client_.Release(request_);
  request_ = {};
}

// What the connection has said last stays to be asked for until the next one, or the end.
void Fetch::Fail(std::string error) {
  phase_ = Phase::kFailed;
  error_ = std::move(error);
  if (lookup_) resolver_.Release(*lookup_);
  lookup_.reset();
}

void Fetch::Run(Instant now) {
  if (phase_ == Phase::kResolving) {
    RunResolving(now);
  } else if (phase_ < Phase::kDone) {
    RunRequest(now);
  }
}

void Fetch::Resolve(Instant now) {
  LetGo();
  phase_ = Phase::kResolving;
  addresses_ = {};
  next_address_ = 0;
  if (const std::optional<Ipv4Address> address = ParseAddress(url_.host)) {
    addresses_.Add(*address);
    Connect(now);
    return;
  }
  const auto lookup = resolver_.Start(url_.host, now);
  if (lookup) {
    lookup_ = *lookup;
    RunResolving(now);
  } else if (lookup.error() == Error::kNoRoute) {
    Fail("cannot look " + url_.host + " up: no DNS server is known, name one with --dns");
  } else if (lookup.error() == Error::kBadArgument) {
    Fail("cannot look " + url_.host + " up: it is no name of a host");
  } else {
    Fail("cannot look " + url_.host + " up: " + std::string(ErrorText(lookup.error())));
  }
}

void Fetch::RunResolving(Instant now) {
  const DnsResult* result = resolver_.Find(*lookup_);
  if (result->status == DnsStatus::kPending) {
    if (now >= deadline_) {
      Fail("timed out: " + url_.host + " was not found within " + Seconds(options_.time_max));
    }
    return;
  }
  if (result->status != DnsStatus::kFound) {
    Fail("host " + url_.host + " not found: " + std::string(DnsStatusText(result->status)));
    return;
  }
  addresses_ = result->addresses;
  resolver_.Release(*lookup_);
  lookup_.reset();
  Connect(now);
}

// To the next address.
void Fetch::Connect(Instant now) {
  client_.Release(request_);
  request_ = {};
  server_ = {addresses_.list[next_address_++], url_.port};
  phase_ = Phase::kConnecting;
  const std::string authority = url_.Authority();
  const auto request = client_.Start({.server = server_,
                                      .host = authority,
                                      .target = url_.target,
                                      .head = options_.head,
                                      .connect_timeout = options_.connect_timeout,
                                      .idle_timeout = options_.idle_timeout,
                                      .deadline = deadline_},
                                     now);
  if (request) {
    ++connections_;
    request_ = *request;
    return;
  }
  if (next_address_ < addresses_.count) {
    Connect(now);
    return;
  }
  if (request.error() == Error::kBadArgument) {
    Fail("cannot connect to " + Where() + ": that is no address of another host");
  } else {
    Fail("cannot connect to " + Where() + ": " + std::string(ErrorText(request.error())));
  }
}

void Fetch::RunRequest(Instant now) {
  switch (client_.phase(request_)) {
    case HttpPhase::kNone:
    case HttpPhase::kConnecting:
      return;
    case HttpPhase::kWaiting:
      phase_ = Phase::kWaiting;
      return;
    case HttpPhase::kBody:
      if (phase_ != Phase::kBody && Redirect(now)) return;
      phase_ = Phase::kBody;
      return;
    case HttpPhase::kDone:
      if (phase_ != Phase::kBody && Redirect(now)) return;
      phase_ = Phase::kDone;
      return;
    case HttpPhase::kFailed:
      OnFailure(now);
      return;
  }
}

// True when the response leads elsewhere, or tries to.
bool Fetch::Redirect(Instant now) {
  const HttpResponseView* response = client_.response(request_);
  if (!IsRedirect(response->status())) return false;
  const std::optional<std::string_view> location = response->Find("location");
  if (!location) return false;
  if (redirects_ == options_.redirects_max) {
    Fail("too many redirects: " + url_.ToString() + " leads on, and " +
         std::to_string(options_.redirects_max) + " are followed");
    return true;
  }
  auto next = url_.Resolve(*location);
  if (!next) {
    std::string reason = next.error();
    reason.pop_back();
    Fail("cannot follow the redirect of " + url_.ToString() + ": " + reason);
    return true;
  }
  ++redirects_;
  url_ = *std::move(next);
  Resolve(now);
  return true;
}

void Fetch::OnFailure(Instant now) {
  const HttpFailure failure = client_.failure(request_);
  const bool never_connected =
      failure == HttpFailure::kRefused || failure == HttpFailure::kConnectTimeout;
  // [RFC 1123 6.1.3.4] a host with several addresses: the next one may be better.
  if (never_connected && next_address_ < addresses_.count) {
    Connect(now);
    return;
  }
  Fail(FailureText());
}

std::string Fetch::Where() const {
  const std::string endpoint = AddressText(server_.address) + ":" + std::to_string(server_.port);
  return ParseAddress(url_.host) ? endpoint : url_.host + " (" + endpoint + ")";
}

std::string Fetch::FailureText() const {
  const HttpResponseView* head = response();
  const std::string so_far = std::to_string(body_bytes());
  switch (client_.failure(request_)) {
    case HttpFailure::kRefused:
      return "connection refused by " + Where();
    case HttpFailure::kConnectTimeout: {
      std::string text = "timed out: no answer from " + Where();
      if (options_.connect_timeout > Duration(0))
        text.append(" within ").append(Seconds(options_.connect_timeout));
      const auto tcp = Inspect();
      return tcp ? text.append(SoftErrorText(tcp->soft_error)) : text;
    }
    case HttpFailure::kIdleTimeout:
      return "timed out: " + Where() + " sent nothing for " + Seconds(options_.idle_timeout);
    case HttpFailure::kDeadline:
      return "timed out: not finished within " + Seconds(options_.time_max) +
             (head != nullptr ? ", " + so_far + " bytes came" : "");
    case HttpFailure::kReset:
      return "connection reset by " + Where() +
             (head != nullptr ? " after " + so_far + " bytes" : "");
    case HttpFailure::kLost:
      return "connection to " + Where() + " lost: it does not answer any more";
    case HttpFailure::kNoResponse:
      return "no response: " + Where() + " closed the connection";
    case HttpFailure::kClosedEarly:
      if (head == nullptr) return Where() + " closed the connection within the header";
      if (head->body() == HttpBody::kLength) {
        return "body shorter than announced: " + so_far + " of " +
               std::to_string(head->content_length()) + " bytes came from " + Where();
      }
      return "body cut short: " + Where() + " closed the connection after " + so_far + " bytes";
    case HttpFailure::kBadResponse:
      return "bad response from " + Where() + ": " +
             std::string(HttpFaultText(client_.fault(request_)));
    case HttpFailure::kNone:
      break;
  }
  return "failed";
}

}  // namespace aether::app
