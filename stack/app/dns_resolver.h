// A stub resolver (RFC 1035 section 7, RFC 5452): the IPv4 addresses of names, asked from recursive
// servers over UDP. It takes decisions from events and times alone.
//
//   const auto id = resolver.Start("www.example.org", now);
//   ... OnEvent, Advance ...
//   if (resolver.Find(*id)->status != DnsStatus::kPending) ...; resolver.Release(*id);
//
// Every question goes out from a random port with a random number, a repeated one from another port
// with another number; an answer counts only if it comes from the asked server and port, with the
// number and the question. Too many others about one question and it is asked anew. A name that is
// being asked for already is not asked for twice.
//
// Left out: TCP (a truncated answer is an error), EDNS, search lists, other types than A, DNSSEC.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "stack/app/dns_answer.h"
#include "stack/app/dns_cache.h"
#include "stack/base/random.h"
#include "stack/stack.h"
#include "stack/wire/dns.h"

namespace aether::app {

inline constexpr uint16_t kDnsPort = 53;

struct DnsLimits {
  uint32_t lookups_max = 256;
  // Different names that are being asked for at the same time, each with a socket of its own.
  uint32_t queries_max = 16;
  uint32_t entries_max = 128;  // in the cache
  uint32_t aliases_max = 8;    // followed for one name
  // Without EDNS 512 bytes are all that a server sends; what takes more than one packet could be
  // forged in part.
  uint32_t answer_bytes_max = 1472;
  // [RFC 5452 section 9.1] datagrams that are no answer, to one question; then it is asked anew.
  uint32_t mismatches_max = 16;
  // A server has so long to answer, twice as long in the next round of all servers.
  Duration timeout_first = std::chrono::seconds(1);
  Duration timeout_max = std::chrono::seconds(8);
  uint32_t rounds_max = 4;
  // What an answer says about its life is held to this; an answer without life is not kept.
  Duration ttl_min{0};
  Duration ttl_max = std::chrono::hours(24);
  Duration negative_ttl_max = std::chrono::minutes(5);
};

struct DnsOptions {
  uint16_t owner = 0;
  Seed seed{};
  DnsLimits limits;
};

struct DnsCounters {
  uint64_t lookups = 0;
  uint64_t cache_hits = 0;
  uint64_t joined = 0;   // lookups of a name that was being asked for
  uint64_t queries = 0;  // datagrams sent
  uint64_t unsent = 0;   // datagrams that the stack could not send
  uint64_t answers = 0;  // believed
  uint64_t timeouts = 0;
  uint64_t malformed = 0;       // no DNS message, or too long
  uint64_t wrong_source = 0;    // not from the server that was asked, or not to our address
  uint64_t wrong_id = 0;        // with another number
  uint64_t wrong_question = 0;  // no answer, or not to our question
  uint64_t floods = 0;          // questions asked anew because of mismatches_max
};

enum class DnsStatus : uint8_t {
  kPending,
  kFound,
  kNoName,          // there is no such name
  kNoAddress,       // the name has no IPv4 address
  kTimedOut,        // no server answered
  kServerFailure,   // the servers that answered could not say
  kTruncated,       // the answer does not fit into a datagram
  kTooManyAliases,  // a loop of aliases, or more than are followed
  kUnreachable,     // no server could be asked
};
std::string_view DnsStatusText(DnsStatus status);

struct DnsLookupId {
  uint32_t index = 0xffffffff;
  uint32_t generation = 0;
  constexpr bool operator==(const DnsLookupId&) const = default;
};

struct DnsResult {
  DnsStatus status = DnsStatus::kPending;
  DnsAddresses addresses;  // in kFound
};

class DnsResolver {
 public:
  static constexpr size_t kServersMax = 4;

  // The stack outlives the resolver.
  DnsResolver(Stack& stack, const DnsOptions& options);
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;
  ~DnsResolver();

  // Asked in this order, at first; later the one that answered last is asked first. Up to
  // kServersMax are taken. Questions under way are asked anew when the servers are others.
  void SetServers(std::span<const Ipv4Endpoint> servers, Instant now);
  std::span<const Ipv4Endpoint> servers() const { return std::span(servers_).first(server_count_); }

  // kBadArgument: not a name. kNoRoute: no server is known. kTooMany: a limit.
  std::expected<DnsLookupId, Error> Start(std::string_view name, Instant now);
  // Null for a stale handle; valid until the next call.
  const DnsResult* Find(DnsLookupId id) const;
  // Forgets the lookup, finished or not.
  void Release(DnsLookupId id);

  // An event of one of the resolver's sockets.
  void OnEvent(const Event& event, Instant now);
  void Advance(Instant now);
  Instant NextDeadline() const;

  const DnsCounters& counters() const { return counters_; }
  uint32_t cached(Instant now) const { return cache_.size(now); }

 private:
  static constexpr uint32_t kNone = 0xffffffff;

  struct Lookup {
    uint32_t generation = 0;
    bool in_use = false;
    uint32_t query = kNone;  // while pending
    DnsResult result;
  };

  struct Query {
    bool in_use = false;
    DnsName name;     // asked for
    DnsName current;  // where its aliases led so far
    uint32_t aliases = 0;
    uint32_t ttl_s = UINT32_MAX;
    // Of `current`:
    uint32_t attempt = 0;
    uint32_t first_server = 0;
    uint32_t failed_servers = 0;  // one bit each
    DnsStatus outcome = DnsStatus::kUnreachable;
    // The question that is out:
    uint32_t server = 0;
    UdpSocketId socket;
    bool has_socket = false;
    uint16_t id = 0;
    uint32_t mismatches = 0;
    Instant deadline = kNever;
  };

  void AskAbout(Query& query, const DnsName& name, Instant now);
  void Ask(Query& query, Instant now);
  bool Send(Query& query);
  bool Bind(Query& query);
  void CloseSocket(Query& query);
  // What the datagram says if it is to be believed.
  std::optional<DnsReading> Judge(const Query& query, const Datagram& datagram, bool& truncated);
  void Act(Query& query, const DnsReading& reading, Instant now);
  void Remember(const Query& query, DnsCache::Kind kind, const DnsReading& reading, Instant now);
  void Finish(Query& query, DnsStatus status, const DnsAddresses& addresses = {});
  // The question about `name` that is out, or a new one; kNone when there are too many.
  uint32_t QueryFor(const DnsName& name);
  Lookup* FindLookup(DnsLookupId id);

  Stack& stack_;
  const DnsOptions options_;
  Random random_;
  DnsCache cache_;
  std::array<Ipv4Endpoint, kServersMax> servers_{};
  uint32_t server_count_ = 0;
  uint32_t preferred_server_ = 0;
  std::vector<Lookup> lookups_;
  std::vector<Query> queries_;
  DnsCounters counters_;
};

}  // namespace aether::app
