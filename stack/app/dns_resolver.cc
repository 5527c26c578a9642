#include "stack/app/dns_resolver.h"

#include <algorithm>

namespace aether::app {
namespace {

// [RFC 5452 section 9.2] the range is as large as can be: all ports but the well-known ones.
constexpr uint32_t kPortMin = 1024;
constexpr uint32_t kPortCount = 65536 - kPortMin;
constexpr int kPortTriesMax = 16;

}  // namespace

std::string_view DnsStatusText(DnsStatus status) {
  switch (status) {
    case DnsStatus::kPending:
      return "the lookup is under way";
    case DnsStatus::kFound:
      return "found";
    case DnsStatus::kNoName:
      return "there is no such name";
    case DnsStatus::kNoAddress:
      return "the name has no IPv4 address";
    case DnsStatus::kTimedOut:
      return "no DNS server answered";
    case DnsStatus::kServerFailure:
      return "the DNS server could not say";
    case DnsStatus::kTruncated:
      return "the DNS answer is too long for a datagram";
    case DnsStatus::kTooManyAliases:
      return "the name's aliases form a loop or a chain that is too long";
    case DnsStatus::kUnreachable:
      return "no DNS server can be reached";
  }
  return "unknown";
}

DnsResolver::DnsResolver(Stack& stack, const DnsOptions& options)
    : stack_(stack),
      options_(options),
      random_(options.seed),
      cache_(options.limits.entries_max, random_.NextKey()),
      lookups_(options.limits.lookups_max),
      queries_(options.limits.queries_max) {}

DnsResolver::~DnsResolver() {
  for (Query& query : queries_) CloseSocket(query);
}

void DnsResolver::SetServers(std::span<const Ipv4Endpoint> servers, Instant now) {
  servers = servers.first(std::min(servers.size(), kServersMax));
  if (std::ranges::equal(servers, this->servers())) return;
  std::ranges::copy(servers, servers_.begin());
  server_count_ = static_cast<uint32_t>(servers.size());
  preferred_server_ = 0;
  for (Query& query : queries_) {
    if (query.in_use) AskAbout(query, query.current, now);
  }
}

std::expected<DnsLookupId, Error> DnsResolver::Start(std::string_view name, Instant now) {
  const auto parsed = DnsName::FromText(name);
  if (!parsed || parsed->IsRoot()) return std::unexpected(Error::kBadArgument);
  const auto free = std::ranges::find(lookups_, false, &Lookup::in_use);
  if (free == lookups_.end()) return std::unexpected(Error::kTooMany);
  free->result = {};
  free->query = kNone;
  if (const DnsCache::Entry* entry = cache_.Find(*parsed, now)) {
    ++counters_.cache_hits;
    free->result.addresses = entry->addresses;
    free->result.status = entry->kind == DnsCache::Kind::kAddresses ? DnsStatus::kFound
                          : entry->kind == DnsCache::Kind::kNoName  ? DnsStatus::kNoName
                                                                    : DnsStatus::kNoAddress;
  } else {
    if (server_count_ == 0) return std::unexpected(Error::kNoRoute);
    free->in_use = true;  // before the question, which may end at once
    free->query = QueryFor(*parsed);
    if (free->query == kNone) {
      free->in_use = false;
      return std::unexpected(Error::kTooMany);
    }
    Query& query = queries_[free->query];
    if (query.attempt == 0) AskAbout(query, *parsed, now);
  }
  ++counters_.lookups;
  free->in_use = true;
  ++free->generation;
  return DnsLookupId{static_cast<uint32_t>(free - lookups_.begin()), free->generation};
}

// [RFC 5452 section 5] the same question is not out twice: that would double a guesser's chances.
uint32_t DnsResolver::QueryFor(const DnsName& name) {
  for (Query& query : queries_) {
    if (query.in_use && query.name == name) {
      ++counters_.joined;
      return static_cast<uint32_t>(&query - queries_.data());
    }
  }
  const auto free = std::ranges::find(queries_, false, &Query::in_use);
  if (free == queries_.end()) return kNone;
  *free = Query{};
  free->in_use = true;
  free->name = name;
  return static_cast<uint32_t>(free - queries_.begin());
}

const DnsResult* DnsResolver::Find(DnsLookupId id) const {
  const Lookup* lookup = const_cast<DnsResolver*>(this)->FindLookup(id);
  return lookup == nullptr ? nullptr : &lookup->result;
}

DnsResolver::Lookup* DnsResolver::FindLookup(DnsLookupId id) {
  if (id.index >= lookups_.size()) return nullptr;
  Lookup& lookup = lookups_[id.index];
  return lookup.in_use && lookup.generation == id.generation ? &lookup : nullptr;
}

void DnsResolver::Release(DnsLookupId id) {
  Lookup* lookup = FindLookup(id);
  if (lookup == nullptr) return;
  const uint32_t index = lookup->query;
  lookup->in_use = false;
  lookup->query = kNone;
  if (index == kNone) return;
  const bool wanted = std::ranges::any_of(
      lookups_, [index](const Lookup& other) { return other.in_use && other.query == index; });
  if (!wanted) Finish(queries_[index], DnsStatus::kTimedOut);
}

void DnsResolver::OnEvent(const Event& event, Instant now) {
  if (event.kind != Event::Kind::kDatagram) return;
  const auto found = std::ranges::find_if(queries_, [&](const Query& query) {
    return query.in_use && query.has_socket && query.socket == event.udp;
  });
  if (found == queries_.end()) return;
  Query& query = *found;
  while (const std::optional<Datagram> datagram = stack_.UdpPeek(query.socket)) {
    bool truncated = false;
    const std::optional<DnsReading> reading = Judge(query, *datagram, truncated);
    stack_.UdpPop(query.socket);
    if (truncated) {
      Finish(query, DnsStatus::kTruncated);
      return;
    }
    if (reading) {
      Act(query, *reading, now);
      return;
    }
    if (++query.mismatches >= options_.limits.mismatches_max) {
      ++counters_.floods;
      Ask(query, now);
      return;
    }
  }
}

// [RFC 5452 section 9.1] the conditions for taking a datagram for the answer.
std::optional<DnsReading> DnsResolver::Judge(const Query& query, const Datagram& datagram,
                                             bool& truncated) {
  if (datagram.source != servers_[query.server] || !stack_.address() ||
      datagram.destination != stack_.address()->address) {
    ++counters_.wrong_source;
    return std::nullopt;
  }
  if (datagram.payload.size() > options_.limits.answer_bytes_max) {
    ++counters_.malformed;
    return std::nullopt;
  }
  const auto view = DnsView::Parse(datagram.payload);
  if (!view) {
    ++counters_.malformed;
    return std::nullopt;
  }
  if (view->id() != query.id) {
    ++counters_.wrong_id;
    return std::nullopt;
  }
  // [RFC 1035 7.3] a response, and the question is ours.
  DnsQuestion question;
  DnsQuestionIterator questions = view->questions();
  if (!view->IsResponse() || view->opcode() != 0 || view->question_count() != 1 ||
      !questions.Next(question) || question != DnsQuestion{.name = query.current}) {
    ++counters_.wrong_question;
    return std::nullopt;
  }
  ++counters_.answers;
  // [RFC 1035 4.1.1] what is cut off cannot be used; asking again over TCP is left out.
  truncated = view->IsTruncated();
  if (truncated) return std::nullopt;
  return ReadDnsAnswer(*view, query.current, options_.limits.aliases_max - query.aliases);
}

void DnsResolver::Act(Query& query, const DnsReading& reading, Instant now) {
  using Kind = DnsReading::Kind;
  if (reading.kind == Kind::kServerFailure) {
    // Another may know; this one is not asked about this name again.
    query.failed_servers |= 1u << query.server;
    query.outcome = DnsStatus::kServerFailure;
    Ask(query, now);
    return;
  }
  preferred_server_ = query.server;
  query.ttl_s = std::min(query.ttl_s, reading.ttl_s);
  switch (reading.kind) {
    case Kind::kAddresses:
      Remember(query, DnsCache::Kind::kAddresses, reading, now);
      Finish(query, DnsStatus::kFound, reading.addresses);
      return;
    case Kind::kNoName:
      Remember(query, DnsCache::Kind::kNoName, reading, now);
      Finish(query, DnsStatus::kNoName);
      return;
    case Kind::kNoData:
      Remember(query, DnsCache::Kind::kNoData, reading, now);
      Finish(query, DnsStatus::kNoAddress);
      return;
    case Kind::kTooManyAliases:
      Finish(query, DnsStatus::kTooManyAliases);
      return;
    case Kind::kAlias:
      query.aliases += reading.aliases;
      AskAbout(query, reading.name, now);
      return;
    case Kind::kServerFailure:
      return;
  }
}

void DnsResolver::Remember(const Query& query, DnsCache::Kind kind, const DnsReading& reading,
                           Instant now) {
  const DnsLimits& limits = options_.limits;
  Duration ttl =
      std::clamp<Duration>(std::chrono::seconds(query.ttl_s), limits.ttl_min, limits.ttl_max);
  if (kind != DnsCache::Kind::kAddresses) {
    // [RFC 2308 section 5] without an SOA record a "no" should not be kept.
    if (!reading.negative_ttl_s) return;
    ttl = std::min<Duration>(
        {ttl, std::chrono::seconds(*reading.negative_ttl_s), limits.negative_ttl_max});
  }
  // [RFC 1035 3.2.1] a life of zero is for the transaction in progress only.
  if (ttl <= Duration(0)) return;
  cache_.Put(query.name, kind, reading.addresses, now + ttl);
}

// Begins the rounds of questions about `name`.
void DnsResolver::AskAbout(Query& query, const DnsName& name, Instant now) {
  query.current = name;
  query.attempt = 0;
  query.first_server = preferred_server_;
  query.failed_servers = 0;
  query.outcome = DnsStatus::kUnreachable;
  Ask(query, now);
}

// The next question, to the next server; the end when there is none.
void DnsResolver::Ask(Query& query, Instant now) {
  const DnsLimits& limits = options_.limits;
  CloseSocket(query);
  while (query.attempt < limits.rounds_max * server_count_) {
    const uint32_t round = query.attempt / server_count_;
    query.server = (query.first_server + query.attempt) % server_count_;
    ++query.attempt;
    if ((query.failed_servers >> query.server & 1) != 0 || !Send(query)) continue;
    if (query.outcome == DnsStatus::kUnreachable) query.outcome = DnsStatus::kTimedOut;
    // [RFC 1035 4.2.1] the interval grows.
    query.deadline = now + std::min(limits.timeout_first * (int64_t{1} << std::min(round, 20u)),
                                    limits.timeout_max);
    return;
  }
  Finish(query, query.outcome);
}

bool DnsResolver::Bind(Query& query) {
  // [RFC 5452 section 9.2] an unpredictable port for every question.
  for (int tries = 0; tries < kPortTriesMax; ++tries) {
    const uint16_t port = static_cast<uint16_t>(kPortMin + random_.Below(kPortCount));
    const auto socket = stack_.UdpBind(port, {.owner = options_.owner});
    if (socket) {
      query.socket = *socket;
      query.has_socket = true;
      return true;
    }
    if (socket.error() != Error::kPortInUse) return false;
  }
  return false;
}

bool DnsResolver::Send(Query& query) {
  CloseSocket(query);
  if (!Bind(query)) {
    ++counters_.unsent;
    return false;
  }
  // [RFC 5452 section 9.2] and an unpredictable number.
  query.id = static_cast<uint16_t>(random_.Next32());
  query.mismatches = 0;
  std::array<uint8_t, kDnsQuerySizeMax> message;
  const size_t size = EmitDnsQuery(query.id, query.current, DnsType::kA, message);
  const auto sent =
      stack_.UdpSend(query.socket, servers_[query.server], Bytes(message).first(size));
  if (sent) {
    ++counters_.queries;
    return true;
  }
  ++counters_.unsent;
  // A full queue is as good as a lost datagram: time mends it.
  if (sent.error() == Error::kQueueFull) return true;
  CloseSocket(query);
  return false;
}

void DnsResolver::CloseSocket(Query& query) {
  query.deadline = kNever;
  if (!query.has_socket) return;
  stack_.UdpClose(query.socket);
  query.has_socket = false;
}

void DnsResolver::Finish(Query& query, DnsStatus status, const DnsAddresses& addresses) {
  CloseSocket(query);
  query.in_use = false;
  const uint32_t index = static_cast<uint32_t>(&query - queries_.data());
  for (Lookup& lookup : lookups_) {
    if (!lookup.in_use || lookup.query != index) continue;
    lookup.query = kNone;
    lookup.result = {.status = status, .addresses = addresses};
  }
}

void DnsResolver::Advance(Instant now) {
  for (Query& query : queries_) {
    if (!query.in_use || now < query.deadline) continue;
    ++counters_.timeouts;
    Ask(query, now);
  }
}

Instant DnsResolver::NextDeadline() const {
  Instant next = kNever;
  for (const Query& query : queries_) {
    if (query.in_use) next = std::min(next, query.deadline);
  }
  return next;
}

}  // namespace aether::app
