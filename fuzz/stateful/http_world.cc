#include "fuzz/stateful/http_world.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "fuzz/stateful/arena.h"
#include "fuzz/stateful/http_setup.h"
#include "fuzz/target.h"

namespace aether::fuzz::http_server {
namespace {

using app::HttpServer;
using std::chrono::milliseconds;
using std::chrono::seconds;

// P8: rounds of frames and deadlines in one record.
constexpr int kRoundsMax = 20000;
constexpr Duration kAdvanceMax = std::chrono::minutes(5);
// Less than the shortest patience of the server, with the time that the end of a run takes.
constexpr Duration kNoTimeMax = seconds(5);
// The ticks of the wheel, and a FIN that goes out again since too many frames waited for ARP.
constexpr Duration kSlack = milliseconds(300);

HttpModel& TheModel() {
  static HttpModel model;
  return model;
}

}  // namespace

HttpWorld::HttpWorld(const Choices& choices, std::array<HttpClient, kFlows>& clients)
    : World(StackConfig(choices)), choices_(choices), clients_(clients) {
  const ArenaScope scope;
  for (HttpClient& client : clients_) client.peer.Forget();
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

void HttpWorld::Connect(HttpClient& client, uint16_t mss) {
  CheckClient(client, false);
  const uint16_t port = next_port_++;
  client.peer.Start({kPeerIp, port}, {kStackIp, kPort}, 0xfffffc00u + port * 0x1000u);
  client.mark_count = 0;
  client.accepted_at.reset();
  client.is_smooth = true;
  DeliverAndServe(client, client.peer.Syn(mss));
  Pump();
}

void HttpWorld::Write(HttpClient& client, Bytes bytes) { client.peer.Write(bytes); }

void HttpWorld::Serve() {
  const bool is_due = server_->NextDeadline() <= now();
  const uint32_t connections = server_->connection_count();
  server_->Advance(now());
  // The time of each of them may have come, for two calls.
  if (is_due) Settle(1 + 2 * uint64_t{connections});
  CheckServer();
}

void HttpWorld::DeliverAndServe(HttpClient& client, Bytes frame) {
  ++steps_;
  const uint64_t accepted_before = server_->counters().connections;
  Deliver(frame);
  if (server_->counters().connections != accepted_before) client.accepted_at = now();
  Serve();
}

// All that the clients have to say and to acknowledge.
void HttpWorld::Pump() {
  for (int round = 0;; ++round) {
    FUZZ_CHECK(P8, round < kRoundsMax);
    bool any = false;
    for (HttpClient& client : clients_) {
      if (const std::optional<Bytes> frame = client.peer.Next()) {
        DeliverAndServe(client, *frame);
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
  for (HttpClient& client : clients_) {
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
//
// The server's clock is set when it gets the connection; when an answer is queued whole, behind
// which a request's content or the next request is waited for; when the content has been read; and
// when it first looks at a later request. So it starts no later than the last of these: the stack
// has taken the byte that began the wait, and the client has the answers to all before it. One that
// is still to come has a clock of its own: CheckClient tells whether it may be late.
void HttpWorld::CheckDeadlines() {
  if (choices_.echoes() || was_blocked_) return;
  for (HttpClient& client : clients_) {
    const StreamPeer& peer = client.peer;
    if (peer.is_dead() || !client.accepted_at || peer.fin_received() || !client.is_smooth ||
        peer.acked_bytes() != peer.stream().size()) {
      continue;
    }
    HttpModel& model = TheModel();
    model.Judge(peer.stream(), setup_);
    if (model.tail() == HttpModel::Tail::kClosed) continue;
    const size_t answered =
        model.CheckResponses(peer.received(), {.may_be_unavailable = true, .may_time_out = true});
    if (answered < model.due_count()) continue;
    const app::HttpLimits limits;
    Duration patience = limits.idle_timeout;
    if (model.tail() == HttpModel::Tail::kHead || model.due_count() == 0)
      patience = limits.head_timeout;
    if (model.tail() == HttpModel::Tail::kBody) patience = limits.body_timeout;
    // What finds no memory for the last words waits for it as for a client that takes nothing.
    if ((choices_.limits & kFewChunks) != 0) patience += limits.stall_timeout;
    Instant from = *client.accepted_at;
    if (model.due_count() > 0) {
      // Of a head its first byte counts, of all else the byte before it.
      const size_t since = model.tail_at() - (model.tail() == HttpModel::Tail::kHead ? 0 : 1);
      from = std::max(client.TakenAt(since), client.answered_at);
    }
    FUZZ_CHECK(P8, now() <= from + patience + kSlack);
  }
}

// `is_over`: the client had time to get everything.
void HttpWorld::CheckClient(HttpClient& client, bool is_over) {
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
  HttpClient& client = clients_[0];
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
  HttpClient& client = Of(record);
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
      if (peer.may_speak()) DeliverAndServe(client, peer.Reset());
      break;
    case kWindow:
      peer.offered_window = record.U16(1);
      client.is_smooth = client.is_smooth && record.U16(1) > 2000;
      Acknowledge(client);
      break;
    case kHold:
      peer.holds = record.U8(1) % 2 == 1;
      if (peer.holds) client.is_smooth = false;
      break;
    case kAcknowledge:
      Acknowledge(client);
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
  for (HttpClient& client : clients_) {
    StreamPeer& peer = client.peer;
    peer.holds = false;
    peer.offered_window = 65535;
    peer.segment_bytes_max = 1460;
    if (peer.may_speak()) DeliverAndServe(client, peer.Acknowledge());
  }
  Pump();
  // Not more than the time that is none, so that what is due must come.
  PassTime(seconds(2));
  PassTime(seconds(2));
  if (!had_time) time_passed_ = Duration{};
  for (HttpClient& client : clients_) CheckClient(client, true);
}

void HttpWorld::Expire() {
  // Most clients take their leave; the others are not heard of any more, which takes longer.
  for (HttpClient& client : clients_) {
    if ((choices_.limits & kVanish) == 0 && client.peer.may_speak())
      DeliverAndServe(client, client.peer.Reset());
  }
  PassTime(seconds(60));
  PassTime(seconds(300));
  FUZZ_CHECK(P5, server_->connection_count() == 0);
  FUZZ_CHECK(P5, server_->transfer_count() == 0 && content_.open_count() == 0);
  FUZZ_CHECK(P5, server_->partial_heads_bytes() == 0);
  CheckNeutral();
}

void HttpWorld::Repeat(std::array<HttpClient, kFlows>& said) {
  for (size_t i = 0; i < kFlows; ++i) {
    const StreamPeer& other = said[i].peer;
    if (other.stream().empty() || !said[i].is_smooth || other.reset_sent()) continue;
    HttpClient& client = clients_[i];
    Connect(client, 1460);
    Write(client, other.stream());
    if (other.fin_wanted()) client.peer.Finish();
    Pump();
    PassTime(seconds(2));
    PassTime(seconds(2));
    // Content that fails resets the connection, with whatever has not been sent by then.
    if (client.peer.reset_received() || other.reset_received()) continue;
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

}  // namespace aether::fuzz::http_server
