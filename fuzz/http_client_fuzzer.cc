// The HTTP client and a server that answers as it likes: heads with any framing, content in pieces,
// too much or too little of it, raw bytes, a FIN or a reset anywhere, and time. As long as nothing
// raw was said it is known what the client has to make of it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/pattern.h"
#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/frame_maker.h"
#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/observer.h"
#include "fuzz/stateful/stream_peer.h"
#include "fuzz/stateful/target_tools.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"
#include "stack/app/http_client.h"

namespace aether::fuzz {
namespace {

using app::HttpClient;
using app::HttpFailure;
using app::HttpPhase;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t kRecordsMax = 32;
constexpr size_t kStepsMax = 600;
constexpr int kRoundsMax = 3000;
constexpr Duration kAdvanceMax = minutes(20);
constexpr Duration kIdleTimeout = seconds(60);
// Timers are that late at most.
constexpr Duration kTick = milliseconds(2);
constexpr size_t kBodyBytesMax = 3000;
// Of a segment without options.
constexpr size_t kEmptyFrameBytes = 54;
constexpr size_t kFlagsAt = 47;
// Of each kind; more are an error of the server's.
constexpr unsigned kInterimMax = 3;

enum Op : uint8_t {
  kHead,
  kBody,
  kInterim,
  kRaw,
  kEnd,
  kConsume,
  kTime,
  kDeadline,
  kRelease,
  kOpCount
};

constexpr const char* kFramingNames[] = {"length", "chunked", "until_end", "none"};
constexpr const char* kEndNames[] = {"fin", "rst"};
constexpr std::array<Operation, kOpCount> kOperations = {{
    {"head",
     {{{Operand::Kind::kByte, "framing", kFramingNames}, {Operand::Kind::kWord, "length"}}}},
    {"body", {{{Operand::Kind::kWord, "bytes"}}}},  // chunked: none ends it
    {"interim", {}},
    {"raw", {{{Operand::Kind::kBytes, "bytes"}}}},
    {"end", {{{Operand::Kind::kByte, "how", kEndNames}}}},
    {"consume", {{{Operand::Kind::kWord, "bytes"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"release", {}},
}};
constexpr const char* kFlagNames[] = {"head_request", "no_timeouts", "deadline", "lazy"};
enum Flags : uint8_t { kHeadRequest = 1, kNoTimeouts = 2, kHasDeadline = 4, kLazy = 8 };
constexpr const char* kStageNames[] = {"connected", "refused", "silent"};
constexpr const char* kPieceNames[] = {"1460", "536", "64", "9"};
constexpr std::array<Operand, 3> kHeadOperands = {{{Operand::Kind::kFlags, "flags", kFlagNames},
                                                   {Operand::Kind::kByte, "stage", kStageNames},
                                                   {Operand::Kind::kByte, "pieces", kPieceNames}}};
constexpr std::array<uint8_t, 6> kInteresting = {'\r', '\n', ' ', ':', '0', 'H'};
constexpr Grammar kGrammar{.target = "http_client",
                           .head = kHeadOperands,
                           .operations = kOperations,
                           .bytes_of_interest = kInteresting};

Config StackConfig() {
  Config config = SmallConfig();
  config.announce = false;
  return config;
}

StreamPeer& ThePeer() {
  static StreamPeer peer;
  return peer;
}

class ClientWorld final : public World {
 public:
  explicit ClientWorld(uint8_t flags) : World(StackConfig()), flags_(flags), peer_(ThePeer()) {
    peer_.Forget();
    stack().SetAddress(kStackNetwork, kPeerIp);
    const ArenaScope scope;
    client_ = std::make_unique<HttpClient>(
        stack(),
        app::HttpClientOptions{.owner = 3, .limits = {.requests_max = 2, .request_bytes_max = 256}},
        now());
  }

  void Stage(unsigned stage, unsigned pieces);
  void Carry(const Record& record);
  void Finish();
  bool IsTired() const { return steps_ > kStepsMax; }

 private:
  enum class Framing : uint8_t { kUntold, kLength, kChunked, kUntilEnd, kNone };

  bool Has(Flags flag) const { return (flags_ & flag) != 0; }
  // For so many bytes, and it may say something at all.
  bool HasRoom(size_t size) const {
    return peer_.is_established() && !peer_.is_dead() && !has_fin_ &&
           peer_.stream().size() + size <= StreamPeer::kStreamBytesMax;
  }
  void Say(std::string_view text) { peer_.Write(BytesOf(text)); }
  void SayHead(uint8_t framing, uint16_t length);
  void SayBody(size_t size);
  void End(bool reset);
  void Consume(size_t most);
  void Pump();
  void Serve();
  void PassTime(Duration by);
  void Check();
  void CheckFailure() const;
  void CheckOutcome() const;

  void OnEvent(const Event& event) override {
    FUZZ_CHECK(P4, event.owner == 3);
    client_->OnEvent(event, now());
  }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override;

  const uint8_t flags_;
  StreamPeer& peer_;
  FrameMaker maker_;
  std::unique_ptr<HttpClient> client_;
  app::HttpRequestId id_;
  std::optional<testing::NaiveTcp> syn_;
  HttpPhase phase_ = HttpPhase::kConnecting;
  size_t steps_ = 0;
  uint64_t consumed_ = 0;
  Instant last_input_{};
  Instant deadline_ = kNever;
  // What was said.
  Framing framing_ = Framing::kUntold;
  unsigned interim_ = 0;
  size_t length_left_ = 0;
  uint64_t content_ = 0;
  bool is_known_ = true;  // nothing raw
  bool is_complete_ = false;
  bool has_fin_ = false;
  bool has_reset_ = false;
  bool is_released_ = false;
};

void ClientWorld::OnSent(const testing::NaiveFrame& frame, Bytes) {
  if (!frame.tcp) return;
  if ((frame.tcp->flags & tcp_flags::kSyn) != 0) {
    syn_ = *frame.tcp;
    return;
  }
  if (peer_.Matches(frame)) peer_.OnSent(frame);
}

void ClientWorld::Stage(unsigned stage, unsigned pieces) {
  if (Has(kHasDeadline)) deadline_ = now() + seconds(90);
  const Duration idle = Has(kNoTimeouts) ? Duration(0) : kIdleTimeout;
  const auto id = client_->Start({.server = {kPeerIp, 80},
                                  .host = "h",
                                  .target = "/t?q",
                                  .head = Has(kHeadRequest),
                                  .connect_timeout = idle,
                                  .idle_timeout = idle,
                                  .deadline = deadline_},
                                 now());
  FUZZ_CHECK(P2, id.has_value());
  id_ = *id;
  last_input_ = now();
  Settle();
  FUZZ_CHECK(P2, syn_.has_value());
  const Ipv4Endpoint own{kStackIp, syn_->source_port};
  if (stage % 3 == 0) {
    constexpr std::array<size_t, 4> kPieces = {1460, 536, 64, 9};
    peer_.Start({kPeerIp, 80}, own, 0xfffff000u);
    peer_.segment_bytes_max = kPieces[pieces % 4];
    Deliver(peer_.SynAck(syn_->sequence, 1460, 1460));
    FUZZ_CHECK(P2, client_->phase(id_) == HttpPhase::kWaiting);
    phase_ = HttpPhase::kWaiting;
    const std::string_view request = TextOf(peer_.received());
    FUZZ_CHECK(P10, request.starts_with(Has(kHeadRequest) ? "HEAD /t?q HTTP/1.1\r\n"
                                                          : "GET /t?q HTTP/1.1\r\n"));
    FUZZ_CHECK(P10,
               request.ends_with("\r\n\r\n") && request.find("\r\nHost: h\r\n") != request.npos);
  } else if (stage % 3 == 1) {
    has_reset_ = true;
    Deliver(maker_.Tcp({.source = {kPeerIp, 80},
                        .destination = own,
                        .sequence = 0,
                        .acknowledgment = syn_->sequence + 1,
                        .flags = tcp_flags::kRst | tcp_flags::kAck,
                        .window = 0,
                        .options = {},
                        .payload = {}}));
    FUZZ_CHECK(P2, client_->phase(id_) == HttpPhase::kFailed);
    FUZZ_CHECK(P2, client_->failure(id_) == HttpFailure::kRefused);
  }
  Pump();
}

void ClientWorld::SayHead(uint8_t framing, uint16_t length) {
  if (framing_ != Framing::kUntold || !HasRoom(100)) return;
  std::array<char, 64> line;
  switch (framing % 4) {
    case 0:
      framing_ = Framing::kLength;
      length_left_ = length % 5000;
      std::snprintf(line.data(), line.size(), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                    length_left_);
      Say(line.data());
      is_complete_ = length_left_ == 0;
      break;
    case 1:
      framing_ = Framing::kChunked;
      Say("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
      break;
    case 2:
      framing_ = Framing::kUntilEnd;
      Say("HTTP/1.0 200 OK\r\n\r\n");
      break;
    default:
      framing_ = Framing::kNone;
      Say("HTTP/1.1 204 None\r\n\r\n");
      is_complete_ = true;
      break;
  }
  // [RFC 9112 6.3] whatever its head says.
  if (Has(kHeadRequest)) is_complete_ = true;
}

void ClientWorld::SayBody(size_t size) {
  size = std::min(size, kBodyBytesMax);
  if (!HasRoom(size + 16)) return;
  if (is_complete_ || framing_ == Framing::kUntold) {
    // Nothing that belongs to the response, or before it.
    if (!is_complete_ && size > 0) is_known_ = false;
    peer_.Write(Pattern::At(0, size));
    return;
  }
  if (framing_ == Framing::kLength) size = std::min(size, length_left_);
  if (framing_ == Framing::kChunked) {
    std::array<char, 16> line;
    std::snprintf(line.data(), line.size(), "%zx\r\n", size);
    Say(line.data());
  }
  peer_.Write(Pattern::At(content_, size));
  content_ += size;
  if (framing_ == Framing::kChunked) Say("\r\n");
  if (framing_ == Framing::kLength) length_left_ -= size;
  is_complete_ = (framing_ == Framing::kLength && length_left_ == 0) ||
                 (framing_ == Framing::kChunked && size == 0);
}

void ClientWorld::End(bool reset) {
  if (!peer_.may_speak()) return;
  if (reset) {
    has_reset_ = true;
    Deliver(peer_.Reset());
    return;
  }
  has_fin_ = true;
  if (framing_ == Framing::kUntilEnd) is_complete_ = true;
  peer_.Finish();
}

// What is there, up to so many bytes: at their places (P1).
void ClientWorld::Consume(size_t most) {
  while (most > 0) {
    const Bytes piece = client_->Peek(id_);
    if (piece.empty()) return;
    const size_t size = std::min(piece.size(), most);
    if (is_known_) {
      FUZZ_CHECK(P1, consumed_ + piece.size() <= content_);
      FUZZ_CHECK(P1, Pattern::Matches(piece, consumed_));
    }
    const Bytes behind = client_->Peek(id_, size);
    if (size < piece.size()) FUZZ_CHECK(P1, behind.data() == piece.data() + size);
    client_->Consume(id_, size, now());
    last_input_ = now();
    consumed_ += size;
    most -= size;
    FUZZ_CHECK(P1, client_->body_bytes(id_) == consumed_);
    Settle();
    ++steps_;
  }
}

void ClientWorld::Pump() {
  for (int round = 0; const std::optional<Bytes> frame = peer_.Next(); ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    // Text, or the end of it.
    if (frame->size() > kEmptyFrameBytes || ((*frame)[kFlagsAt] & tcp_flags::kFin) != 0)
      last_input_ = now();
    ++steps_;
    Deliver(*frame);
    if (!Has(kLazy)) Consume(SIZE_MAX);
  }
  Serve();
}

void ClientWorld::Serve() {
  client_->Advance(now());
  Settle();
  FUZZ_CHECK(P8, client_->NextDeadline() > now());
  Check();
}

void ClientWorld::PassTime(Duration by) {
  const Instant end = now() + by;
  for (int round = 0; round < kRoundsMax; ++round) {
    ++steps_;
    const Instant due = std::min(end, std::max(client_->NextDeadline(), now()));
    if (!AdvanceToDeadline(due - now()) && due > now()) Advance(due - now());
    Pump();
    if (now() >= end) return;
  }
}

void ClientWorld::Check() {
  const HttpPhase phase = client_->phase(id_);
  CurrentTrace().Add(static_cast<uint64_t>(phase));
  FUZZ_CHECK(P2, (phase == HttpPhase::kNone) == is_released_);
  const auto& counters = client_->counters();
  FUZZ_CHECK(P4, counters.requests == 1);
  FUZZ_CHECK(P4, counters.done + counters.failed + counters.released <= 1);
  if (is_released_) return;
  // It only goes on, and stays where it ends.
  FUZZ_CHECK(P2, phase >= phase_);
  if (phase_ >= HttpPhase::kDone) FUZZ_CHECK(P2, phase == phase_);
  if (phase == HttpPhase::kFailed && phase_ != phase) CheckFailure();
  phase_ = phase;
  FUZZ_CHECK(P4, counters.done == (phase == HttpPhase::kDone ? 1 : 0));
  FUZZ_CHECK(P4, counters.failed == (phase == HttpPhase::kFailed ? 1 : 0));
  FUZZ_CHECK(P4, (client_->failure(id_) != HttpFailure::kNone) == (phase == HttpPhase::kFailed));
  FUZZ_CHECK(P4, phase != HttpPhase::kBody || client_->response(id_) != nullptr);
  if (phase == HttpPhase::kDone && is_known_)
    FUZZ_CHECK(P2, is_complete_ && consumed_ == (Has(kHeadRequest) ? 0 : content_));
  // Only what is to be consumed still may wait for longer than the timeout.
  if (phase == HttpPhase::kWaiting && !Has(kNoTimeouts))
    FUZZ_CHECK(P8, now() < last_input_ + kIdleTimeout + kTick);
  FUZZ_CHECK(P8, phase >= HttpPhase::kDone || deadline_ == kNever || now() < deadline_ + kTick);
}

// Each failure has had its reason.
void ClientWorld::CheckFailure() const {
  switch (client_->failure(id_)) {
    case HttpFailure::kRefused:
    case HttpFailure::kReset:
      FUZZ_CHECK(P2, has_reset_);
      break;
    case HttpFailure::kIdleTimeout:
    case HttpFailure::kConnectTimeout:
      FUZZ_CHECK(P2, now() >= last_input_ + (Has(kNoTimeouts) ? Duration(0) : kIdleTimeout));
      break;
    case HttpFailure::kDeadline:
      FUZZ_CHECK(P2, now() >= deadline_);
      break;
    case HttpFailure::kNoResponse:
    case HttpFailure::kClosedEarly:
      FUZZ_CHECK(P2, has_fin_ && (!is_known_ || !is_complete_));
      break;
    case HttpFailure::kBadResponse:
      FUZZ_CHECK(P2, !is_known_);
      FUZZ_CHECK(P2, client_->fault(id_) != Drop::kNone);
      break;
    case HttpFailure::kLost:
      // A peer that was there acknowledges what it gets.
      FUZZ_CHECK(P2, peer_.is_dead());
      break;
    default:
      break;
  }
}

// All was said and heard.
void ClientWorld::CheckOutcome() const {
  if (!is_known_ || has_reset_ || is_released_ || !peer_.is_established()) return;
  const HttpPhase phase = client_->phase(id_);
  if (phase == HttpPhase::kFailed) {
    const HttpFailure failure = client_->failure(id_);
    if (failure == HttpFailure::kIdleTimeout || failure == HttpFailure::kDeadline) return;
    FUZZ_CHECK(P2, has_fin_ && !is_complete_);
    const bool is_nothing = framing_ == Framing::kUntold && interim_ == 0;
    FUZZ_CHECK(P2, failure == (is_nothing ? HttpFailure::kNoResponse : HttpFailure::kClosedEarly));
    return;
  }
  FUZZ_CHECK(P2, (phase == HttpPhase::kDone) == is_complete_);
  if (has_fin_) FUZZ_CHECK(P2, phase == HttpPhase::kDone);
}

void ClientWorld::Carry(const Record& record) {
  switch (record.operation) {
    case kHead:
      SayHead(record.U8(0), record.U16(1));
      break;
    case kBody:
      SayBody(record.U16(0));
      break;
    case kInterim:
      if (framing_ == Framing::kUntold && interim_ < kInterimMax && HasRoom(64)) {
        ++interim_;
        Say("HTTP/1.1 103 Early\r\nLink: <x>\r\n\r\n");
      }
      break;
    case kRaw:
      if (!HasRoom(record.bytes.size())) break;
      if (!record.bytes.empty() && !is_complete_) is_known_ = false;
      peer_.Write(record.bytes);
      break;
    case kEnd:
      End(record.U8(0) % 2 == 1);
      break;
    case kConsume:
      Consume(record.U16(0));
      break;
    case kTime:
      PassTime(record.TimeAt(0, kAdvanceMax));
      return;
    case kDeadline:
      for (int i = 0; i <= record.U8(0) % 8 && !IsTired(); ++i) {
        const Instant next = std::min(stack().NextDeadline(), client_->NextDeadline());
        if (next == kNever) return;
        PassTime(std::min<Duration>(std::max(next, now()) - now(), kAdvanceMax));
      }
      return;
    case kRelease:
      client_->Release(id_);
      is_released_ = true;
      Settle();
      break;
    default:
      break;
  }
  Pump();
}

void ClientWorld::Finish() {
  for (int round = 0; round < 40; ++round) {
    Consume(SIZE_MAX);
    if (!peer_.is_dead() && peer_.has_unacknowledged()) peer_.SendAgain();
    Pump();
    if (client_->phase(id_) >= HttpPhase::kDone || is_released_) break;
    if (peer_.is_dead() || !peer_.has_unacknowledged()) break;
    PassTime(milliseconds(200));
  }
  Consume(SIZE_MAX);
  Serve();
  CheckOutcome();
  client_->Release(id_);
  is_released_ = true;
  Serve();
  FUZZ_CHECK(P8, client_->NextDeadline() == kNever);
  FUZZ_CHECK(P2, client_->Peek(id_).empty() && client_->head(id_).empty());
  CheckNeutral();
}

void RunOne(Bytes input) {
  RecordReader reader(kGrammar, input);
  ClientWorld world(static_cast<uint8_t>(reader.head(0)));
  world.Stage(reader.head(1), reader.head(2));
  Record record;
  for (size_t i = 0; i < kRecordsMax && !world.IsTired() && reader.Next(record); ++i) {
    if (CurrentObserver() != nullptr)
      CurrentObserver()->OnRecord(PrintRecord(kGrammar, record), world.now());
    world.Carry(record);
  }
  world.Finish();
}

}  // namespace

AETHER_STATEFUL_TARGET(kGrammar);

}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const aether::fuzz::Execution execution;
  if (size > 1024) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
