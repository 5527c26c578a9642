// The HTTP server over simulated TCP: requests from templates and from raw bytes, cut anywhere,
// slow clients, half closes and resets, windows that are shut while a file is sent. What comes back
// is compared with stateful/http_model.h.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "fuzz/pattern.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/http_model.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/stream_peer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/app/content.h"
#include "stack/app/http_server.h"

namespace aether::fuzz {
namespace {

using app::HttpServer;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 40;
// Frames to the stack and stops of the clock; then the records are over.
constexpr size_t kStepsMax = 200;
constexpr size_t kFlows = 2;
constexpr uint16_t kPort = 80;
// P8: rounds of frames and deadlines in one record.
constexpr int kRoundsMax = 20000;
constexpr Duration kAdvanceMax = std::chrono::minutes(5);
// Less than the shortest patience of the server, with the time that the end of a run takes.
constexpr Duration kNoTimeMax = seconds(5);
constexpr Duration kSlack = milliseconds(50);

// --- The input ---

constexpr std::array<std::string_view, 40> kTemplates = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%20b/c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /..%2fa HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/%2e%2e/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/..//./a?q=/../ HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nabcde\r\n",
    "3;x=y\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nT: v\r\n\r\n",
    "fffffffffffffffff\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n",
};

enum Op : uint8_t {
  kConnect,
  kTemplate,
  kRaw,
  kFill,
  kFinish,
  kReset,
  kWindow,
  kHold,
  kAcknowledge,
  kTime,
  kDeadline,
  kDrip,
  kBlock,
  kOpCount,
};

constexpr Operand kFlow{Operand::Kind::kByte, "flow"};
// How many bytes a segment carries, 0: as many as it can.
constexpr Operand kCut{Operand::Kind::kByte, "cut"};

constexpr std::array<Operation, kOpCount> kOperations = {{
    {"connect", {{kFlow, {Operand::Kind::kByte, "mss"}}}},
    {"template", {{kFlow, {Operand::Kind::kByte, "which"}, kCut, {Operand::Kind::kByte, "less"}}}},
    {"raw", {{kFlow, kCut, {Operand::Kind::kBytes, "bytes"}}}},
    {"fill", {{kFlow, {Operand::Kind::kByte, "byte"}, {Operand::Kind::kWord, "count"}}}},
    {"finish", {{kFlow}}},
    {"reset", {{kFlow}}},
    {"window", {{kFlow, {Operand::Kind::kWord, "bytes"}}}},
    {"hold", {{kFlow, {Operand::Kind::kByte, "on"}}}},
    {"acknowledge", {{kFlow}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    // One byte, a while, the next one.
    {"drip",
     {{kFlow,
       {Operand::Kind::kByte, "which"},
       {Operand::Kind::kByte, "count"},
       {Operand::Kind::kTime, "gap"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};

constexpr const char* kContentNames[] = {"page", "files", "one_transfer", "echo"};
constexpr const char* kStageNames[] = {"nothing",   "connected",  "half_head", "sending",
                                       "half_body", "kept_alive", "two",       "lingering"};
constexpr const char* kLimitNames[] = {"small_heads", "few_partial", "few_connections", "small_mtu",
                                       "few_chunks",  "small_send",  "vanish",          "again"};
constexpr std::array<Operand, 3> kHead = {{{Operand::Kind::kByte, "content", kContentNames},
                                           {Operand::Kind::kFlags, "limits", kLimitNames},
                                           {Operand::Kind::kByte, "stage", kStageNames}}};
enum LimitBits : uint8_t {
  kSmallHeads = 1,
  kFewPartial = 2,
  kFewConnections = 4,
  kSmallMtu = 8,
  kFewChunks = 16,
  kSmallSend = 32,
  kVanish = 64,
  kAgain = 128,
};

constexpr std::array<uint8_t, 16> kInteresting = {'\r', '\n', ' ', '/', '.', '%', ':', ';',
                                                  '0',  '9',  'a', 'f', 0,   ',', '?', '-'};
constexpr Grammar kGrammar{.target = "http_server",
                           .head = kHead,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

struct Choices {
  uint8_t content = 0;
  uint8_t limits = 0;
  uint8_t stage = 0;
  bool has_files() const { return content == 1 || content == 2; }
  bool echoes() const { return content == 3; }
};

// --- The files ---

class FuzzContent final : public app::ContentSource {
 public:
  std::unique_ptr<app::Content> Open(std::string_view path) override {
    // HTP004: nothing that could lead out of the root.
    FUZZ_CHECK(P10, path.starts_with('/') && path.find('\0') == path.npos);
    for (std::string_view rest = path; !rest.empty() && path != "/";) {
      rest.remove_prefix(1);
      const std::string_view segment = rest.substr(0, rest.find('/'));
      FUZZ_CHECK(P10, !segment.empty() && segment != "." && segment != "..");
      rest.remove_prefix(segment.size());
    }
    const int file = FindHttpFile(path == "/" ? std::string_view("/index.html") : path);
    if (file < 0) return nullptr;
    return std::make_unique<File>(*this, static_cast<size_t>(file));
  }
  size_t open_count() const { return open_count_; }

 private:
  class File final : public app::Content {
   public:
    File(FuzzContent& owner, size_t index) : owner_(owner), index_(index) { ++owner_.open_count_; }
    ~File() override { --owner_.open_count_; }
    uint64_t size() const override { return kHttpFiles[index_].bytes; }
    std::string_view media_type() const override { return kHttpFiles[index_].media_type; }
    size_t Read(uint64_t offset, MutableBytes out) override {
      const uint64_t end = kHttpFiles[index_].readable_bytes;
      if (offset >= end) return 0;
      const size_t size = static_cast<size_t>(std::min<uint64_t>(out.size(), end - offset));
      std::ranges::copy(Pattern::At(index_ * kHttpFileStride + offset, size), out.begin());
      return size;
    }

   private:
    FuzzContent& owner_;
    const size_t index_;
  };
  size_t open_count_ = 0;
};

// --- The run ---

app::HttpOptions ServerOptions(const Choices& choices, FuzzContent& content) {
  app::HttpOptions options;
  options.port = kPort;
  options.original_echo = choices.echoes();
  if (choices.has_files()) options.content = &content;
  app::HttpLimits& limits = options.limits;
  limits.connections_max = (choices.limits & kFewConnections) != 0 ? 1 : 8;
  limits.transfers_max = choices.content == 2 ? 1 : 4;
  limits.head = {.target_bytes_max = 200, .header_bytes_max = 600, .fields_max = 16};
  if ((choices.limits & kSmallHeads) != 0)
    limits.head = {.target_bytes_max = 40, .header_bytes_max = 120, .fields_max = 4};
  limits.partial_heads_bytes_max = (choices.limits & kFewPartial) != 0 ? 2200 : 1u << 20;
  limits.body_bytes_max = 1000;
  limits.chunk_extra_bytes_max = 40;
  limits.file_piece_bytes_max = 1000;
  limits.linger_bytes_max = 4000;
  return options;
}

Config StackConfig(const Choices& choices) {
  Config config = SmallConfig();
  config.announce = false;
  if ((choices.limits & kSmallMtu) != 0) config.mtu = 256;
  config.buffers.chunks_max = (choices.limits & kFewChunks) != 0 ? 5 : 96;
  if ((choices.limits & kSmallSend) != 0) {
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 1024;
  }
  return config;
}

// What the target knows of a connection besides what its peer does.
struct Client {
  StreamPeer peer;
  // When bytes of the stream were written, by where they begin.
  struct Mark {
    size_t offset;
    Instant at;
  };
  std::array<Mark, 600> marks;
  size_t mark_count = 0;
  Instant connected_at;
  // Nothing was done that lets the server break off: neither time nor a shut window.
  bool is_smooth = true;

  Instant WrittenAt(size_t offset) const {
    Instant at = connected_at;
    for (size_t i = 0; i < mark_count && marks[i].offset <= offset; ++i)
      at = std::max(at, marks[i].at);
    return at;
  }
};

class HttpWorld final : public World {
 public:
  HttpWorld(const Choices& choices, std::array<Client, kFlows>& clients)
      : World(StackConfig(choices)), choices_(choices), clients_(clients) {
    const ArenaScope scope;
    for (Client& client : clients_) client.peer.Forget();
    stack().SetAddress(kStackNetwork, kPeerIp);
    auto server = HttpServer::Create(stack(), ServerOptions(choices, content_), now());
    FUZZ_CHECK(P4, server.has_value());
    server_ = std::move(*server);
    Settle();
    const app::HttpLimits& limits = ServerOptions(choices, content_).limits;
    setup_ = {.has_files = choices.has_files(),
              .head = limits.head,
              .body_bytes_max = limits.body_bytes_max,
              .chunk_extra_bytes_max = limits.chunk_extra_bytes_max};
  }

  void Stage();
  void Carry(const Record& record);
  // The clients take all that there is for them.
  void Finish();
  // And then nobody says anything any more.
  void Expire();
  bool IsTired() const { return steps_ > kStepsMax; }
  // P11: what the clients said, each in one piece, is answered in the same way.
  void Repeat(std::array<Client, kFlows>& said);

  // What is answered depends on nothing but what each client says.
  bool is_smooth() const {
    return time_passed_ == Duration{} && !was_blocked_ && !choices_.echoes() &&
           (choices_.limits & (kFewPartial | kFewConnections | kFewChunks)) == 0 &&
           choices_.content != 2;
  }

 private:
  Client& Of(const Record& record) { return clients_[record.U8(0) % kFlows]; }
  void Connect(Client& client, uint16_t mss);
  void Write(Client& client, Bytes bytes);
  void Write(Client& client, std::string_view text) { Write(client, BytesOf(text)); }
  void Pump();
  void Acknowledge(StreamPeer& peer) {
    if (peer.may_speak()) DeliverAndServe(peer.Acknowledge());
  }
  void DeliverAndServe(Bytes frame);
  void Serve();
  void PassTime(Duration by);
  void CheckServer();
  void CheckDeadlines();
  void CheckClient(Client& client, bool is_over);

  void OnEvent(const Event& event) override { server_->OnEvent(event, now()); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override {
    for (Client& client : clients_) {
      if (!client.peer.Matches(frame)) continue;
      if (!client.peer.is_established()) client.connected_at = now();
      client.peer.OnSent(frame);
    }
  }

  const Choices choices_;
  std::array<Client, kFlows>& clients_;
  FuzzContent content_;
  std::unique_ptr<HttpServer> server_;
  HttpSetup setup_;
  uint16_t next_port_ = 20000;
  Duration time_passed_{};
  size_t steps_ = 0;
  bool was_blocked_ = false;
};

HttpModel& TheModel() {
  static HttpModel model;
  return model;
}

void HttpWorld::Connect(Client& client, uint16_t mss) {
  CheckClient(client, false);
  const uint16_t port = next_port_++;
  client.peer.Start({kPeerIp, port}, {kStackIp, kPort}, 0xfffffc00u + port * 0x1000u);
  client.mark_count = 0;
  client.connected_at = now();
  client.is_smooth = true;
  DeliverAndServe(client.peer.Syn(mss));
  Pump();
}

void HttpWorld::Write(Client& client, Bytes bytes) {
  if (client.mark_count == client.marks.size()) return;
  client.marks[client.mark_count++] = {client.peer.stream().size(), now()};
  client.peer.Write(bytes);
}

void HttpWorld::Serve() {
  const bool is_due = server_->NextDeadline() <= now();
  const uint32_t connections = server_->connection_count();
  server_->Advance(now());
  // The time of each of them may have come, for two calls.
  if (is_due) Settle(1 + 2 * uint64_t{connections});
  CheckServer();
}

void HttpWorld::DeliverAndServe(Bytes frame) {
  ++steps_;
  Deliver(frame);
  Serve();
}

// All that the clients have to say and to acknowledge.
void HttpWorld::Pump() {
  for (int round = 0;; ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    bool any = false;
    for (Client& client : clients_) {
      if (const std::optional<Bytes> frame = client.peer.Next()) {
        DeliverAndServe(*frame);
        any = true;
      }
    }
    if (!any) return;
  }
}

void HttpWorld::PassTime(Duration by) {
  time_passed_ += by;
  const Instant end = now() + by;
  for (int round = 0;; ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    ++steps_;
    const Instant due = std::min(end, std::max(server_->NextDeadline(), now()));
    if (!AdvanceToDeadline(due - now())) {
      if (due > now()) Advance(due - now());
    }
    Serve();
    Pump();
    if (now() >= end) break;
  }
  // What the stack had no room for.
  if (by < milliseconds(200)) return;
  for (Client& client : clients_) {
    if (client.peer.has_unacknowledged()) client.peer.SendAgain();
  }
  Pump();
  CheckDeadlines();
}

// HTP005, P5: what the server holds is bounded, and given back.
void HttpWorld::CheckServer() {
  const app::HttpLimits& limits = ServerOptions(choices_, content_).limits;
  FUZZ_CHECK(P4, server_->connection_count() <= limits.connections_max);
  FUZZ_CHECK(P4, server_->transfer_count() <= limits.transfers_max);
  FUZZ_CHECK(P5, server_->transfer_count() == content_.open_count());
  const uint64_t head = limits.head.HeadBytesMax() + limits.partial_head_base_bytes;
  FUZZ_CHECK(P4, server_->partial_heads_bytes() <= head * server_->connection_count());
}

// HTP005: a client that is slow is shut out when its time is over, progress or not.
void HttpWorld::CheckDeadlines() {
  if (choices_.echoes() || was_blocked_) return;
  for (Client& client : clients_) {
    const StreamPeer& peer = client.peer;
    if (peer.is_dead() || !peer.is_established() || peer.fin_received() || !client.is_smooth ||
        peer.acked_bytes() != peer.stream().size()) {
      continue;
    }
    HttpModel& model = TheModel();
    model.Judge(peer.stream(), setup_);
    const app::HttpLimits limits;
    Duration patience = limits.idle_timeout;
    if (model.tail() == HttpModel::Tail::kClosed) continue;
    if (model.tail() == HttpModel::Tail::kHead || model.due_count() == 0)
      patience = limits.head_timeout;
    if (model.tail() == HttpModel::Tail::kBody) patience = limits.body_timeout;
    // Of a first request the connection's beginning counts.
    size_t since = model.tail_at();
    if (model.tail() != HttpModel::Tail::kHead && since > 0) --since;
    const Instant from = model.due_count() == 0 ? client.connected_at : client.WrittenAt(since);
    FUZZ_CHECK(P8, now() <= from + patience + kSlack);
  }
}

// `is_over`: the client had time to get everything.
void HttpWorld::CheckClient(Client& client, bool is_over) {
  const StreamPeer& peer = client.peer;
  if (peer.stream().empty() && peer.received().empty()) return;
  CurrentTrace().Add(peer.received());
  if (choices_.echoes()) return;
  HttpModel& model = TheModel();
  model.Judge(peer.stream(), setup_);
  const bool limited = choices_.content == 2 || (choices_.limits & (kFewPartial | kFewChunks)) != 0;
  const size_t answered = model.CheckResponses(
      peer.received(), {.may_be_unavailable = limited, .may_time_out = time_passed_ > Duration{}});
  const bool may_break_off = !client.is_smooth || limited || time_passed_ > kNoTimeMax ||
                             peer.reset_sent() || !is_over || was_blocked_ ||
                             (choices_.limits & kFewConnections) != 0 || !peer.is_established();
  if (may_break_off) return;
  const size_t due = model.due_count() - (model.has_cut_file() ? 1 : 0);
  FUZZ_CHECK(P8, answered >= due);
  // Nobody is reset without a reason.
  if (model.has_cut_file()) {
    FUZZ_CHECK(P10, peer.reset_received());
  } else if (peer.stream().size() < 4000) {
    FUZZ_CHECK(P10, !peer.reset_received());
  }
  if (model.tail() == HttpModel::Tail::kClosed && !model.has_cut_file())
    FUZZ_CHECK(P8, peer.fin_received());
}

void HttpWorld::Stage() {
  Client& client = clients_[0];
  if (choices_.stage % 8 == 0) return;
  Connect(client, 1460);
  switch (choices_.stage % 8) {
    case 2:
      Write(client, "GET /big HTTP/1.1\r\nHos");
      break;
    case 3:
      client.peer.offered_window = 700;
      client.is_smooth = false;
      client.peer.holds = true;
      Write(client, kTemplates[1]);
      break;
    case 4:
      Write(client, kTemplates[16]);
      Write(client, "0123456789");
      break;
    case 5:
      Write(client, kTemplates[0]);
      break;
    case 6:
      Connect(clients_[1], 536);
      break;
    case 7:
      Write(client, kTemplates[2]);
      break;
    default:
      break;
  }
  Pump();
}

void HttpWorld::Carry(const Record& record) {
  Client& client = Of(record);
  StreamPeer& peer = client.peer;
  switch (record.operation) {
    case kConnect:
      Connect(client, static_cast<uint16_t>(record.U8(1) == 0 ? 1460 : 64 + record.U8(1) * 6));
      return;
    case kTemplate: {
      const std::string_view text = kTemplates[record.U8(1) % kTemplates.size()];
      peer.segment_bytes_max = record.U8(2) == 0 ? 1460 : record.U8(2);
      Write(client, text.substr(0, text.size() - std::min<size_t>(record.U8(3), text.size())));
      break;
    }
    case kRaw:
      peer.segment_bytes_max = record.U8(1) == 0 ? 1460 : record.U8(1);
      Write(client, record.bytes);
      break;
    case kFill: {
      std::array<uint8_t, 1024> bytes;
      bytes.fill(record.U8(1));
      peer.segment_bytes_max = 1460;
      Write(client, Bytes(bytes).first(record.U16(2) % (bytes.size() + 1)));
      break;
    }
    case kFinish:
      peer.Finish();
      break;
    case kReset:
      if (peer.may_speak()) DeliverAndServe(peer.Reset());
      break;
    case kWindow:
      peer.offered_window = record.U16(1);
      client.is_smooth = client.is_smooth && record.U16(1) > 2000;
      Acknowledge(peer);
      break;
    case kHold:
      peer.holds = record.U8(1) % 2 == 1;
      if (peer.holds) client.is_smooth = false;
      break;
    case kAcknowledge:
      Acknowledge(peer);
      break;
    case kTime:
      PassTime(record.TimeAt(0, kAdvanceMax));
      return;
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && !IsTired(); ++i) {
        const Instant next = std::min(stack().NextDeadline(), server_->NextDeadline());
        if (next == kNever) break;
        PassTime(std::min<Duration>(std::max(next, now()) - now(), kAdvanceMax));
      }
      return;
    case kDrip: {
      const std::string_view text = kTemplates[record.U8(1) % kTemplates.size()];
      const size_t count = std::min<size_t>(record.U8(2) % 32 + 1, text.size());
      for (size_t i = 0; i < count && !IsTired(); ++i) {
        Write(client, text.substr(i, 1));
        Pump();
        PassTime(record.TimeAt(3, seconds(60)));
      }
      return;
    }
    case kBlock:
      was_blocked_ = true;
      return BlockDevice(record.U8(0));
    default:
      return;
  }
  Pump();
}

void HttpWorld::Finish() {
  BlockDevice(0);
  Settle();
  const bool had_time = time_passed_ > Duration{};
  for (Client& client : clients_) {
    StreamPeer& peer = client.peer;
    peer.holds = false;
    peer.offered_window = 65535;
    peer.segment_bytes_max = 1460;
    if (peer.may_speak()) DeliverAndServe(peer.Acknowledge());
  }
  Pump();
  // Not more than the time that is none, so that what is due must come.
  PassTime(seconds(2));
  PassTime(seconds(2));
  if (!had_time) time_passed_ = Duration{};
  for (Client& client : clients_) CheckClient(client, true);
}

void HttpWorld::Expire() {
  // Most clients take their leave; the others are not heard of any more, which takes longer.
  for (Client& client : clients_) {
    if ((choices_.limits & kVanish) == 0 && client.peer.may_speak())
      DeliverAndServe(client.peer.Reset());
  }
  PassTime(seconds(60));
  PassTime(seconds(300));
  FUZZ_CHECK(P5, server_->connection_count() == 0);
  FUZZ_CHECK(P5, server_->transfer_count() == 0 && content_.open_count() == 0);
  FUZZ_CHECK(P5, server_->partial_heads_bytes() == 0);
  CheckNeutral();
}

void HttpWorld::Repeat(std::array<Client, kFlows>& said) {
  for (size_t i = 0; i < kFlows; ++i) {
    const StreamPeer& other = said[i].peer;
    if (other.stream().empty() || !said[i].is_smooth || other.reset_sent()) continue;
    Client& client = clients_[i];
    Connect(client, 1460);
    Write(client, other.stream());
    if (other.fin_wanted()) client.peer.Finish();
    Pump();
    PassTime(seconds(2));
    PassTime(seconds(2));
    HttpModel& model = TheModel();
    model.Judge(other.stream(), setup_);
    Bytes one = client.peer.received();
    Bytes many = other.received();
    // A fault in a head that is not complete may be told at once or when the head is complete.
    if (model.tail() == HttpModel::Tail::kHead) {
      const size_t size = std::min(one.size(), many.size());
      one = one.first(size);
      many = many.first(size);
    } else {
      FUZZ_CHECK(P11, client.peer.fin_received() == other.fin_received());
    }
    FUZZ_CHECK(P11, std::ranges::equal(one, many));
  }
}

void RunOne(Bytes input) {
  static std::array<Client, kFlows> clients;
  static std::array<Client, kFlows> others;
  RecordReader reader(kGrammar, input);
  const Choices choices{static_cast<uint8_t>(reader.head(0) % 4), reader.head(1), reader.head(2)};
  HttpWorld world(choices, clients);
  world.Stage();
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  const bool again = (choices.limits & kAgain) != 0 && world.is_smooth();
  world.Finish();
  if (again) {
    HttpWorld plain(choices, others);
    plain.Repeat(clients);
  }
  world.Expire();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
