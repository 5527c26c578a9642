#include "replay/server_diff.h"

#include <array>

#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

// What says something about a connection; PSH and the bits of congestion notification do not.
constexpr uint8_t kCompared = tcp_flags::kFin | tcp_flags::kSyn | tcp_flags::kRst | tcp_flags::kAck;

uint32_t EndOf(const ServerSegment& segment) {
  return segment.seq + segment.payload_bytes + ((segment.flags & tcp_flags::kSyn) != 0 ? 1 : 0) +
         ((segment.flags & tcp_flags::kFin) != 0 ? 1 : 0);
}

// Takes sequence numbers, and none that were not taken before.
bool Repeats(const ServerSegment& segment, uint32_t& end) {
  const Seq own(EndOf(segment));
  if (own.value() == segment.seq) return false;
  if (own.BeforeOrAt(Seq(end))) return true;
  end = own.value();
  return false;
}

}  // namespace

std::string_view Difference::Name(Kind kind) {
  constexpr std::array<std::string_view, kKinds> kNames = {"flags",   "sequence", "length", "ack",
                                                           "missing", "extra",    "window"};
  return kNames[static_cast<size_t>(kind)];
}

std::string DescribeServerSegment(const ServerSegment& segment) {
  std::string text;
  for (const auto& [bit, name] : {std::pair<uint8_t, const char*>{tcp_flags::kSyn, "SYN "},
                                  {tcp_flags::kFin, "FIN "},
                                  {tcp_flags::kRst, "RST "}}) {
    if ((segment.flags & bit) != 0) text += name;
  }
  text += "seq " + std::to_string(segment.seq);
  text += " len " + std::to_string(segment.payload_bytes);
  if ((segment.flags & tcp_flags::kAck) != 0) text += " ACK " + std::to_string(segment.ack);
  return text + " win " + std::to_string(segment.window_bytes);
}

void ServerDiff::GiveUp() {
  gave_up_ = true;
  captured_.clear();
  live_.clear();
}

void ServerDiff::AddCaptured(const ServerSegment& segment) {
  last_number_ = segment.number;
  last_at_ = segment.at;
  if (gave_up_ || first_ || Repeats(segment, captured_end_)) return;
  captured_.push_back(segment);
  Compare();
}

void ServerDiff::AddLive(const ServerSegment& segment) {
  if (gave_up_ || first_ || Repeats(segment, live_end_)) return;
  live_.push_back(segment);
  Compare();
}

void ServerDiff::Compare() {
  while (!captured_.empty() && !live_.empty() && !first_) {
    CompareOne(captured_.front(), live_.front());
    captured_.pop_front();
    live_.pop_front();
  }
  if (first_) {
    captured_.clear();
    live_.clear();
  } else if (captured_.size() > kAheadMax || live_.size() > kAheadMax) {
    OnEnd();
  }
}

void ServerDiff::CompareOne(const ServerSegment& captured, const ServerSegment& live) {
  Difference difference;
  difference.segment = captured.number;
  difference.at = captured.at;
  if (((captured.flags ^ live.flags) & kCompared) != 0) {
    difference.kind = Difference::Kind::kFlags;
  } else if (captured.seq != live.seq) {
    difference.kind = Difference::Kind::kSequence;
  } else if (captured.payload_bytes != live.payload_bytes) {
    difference.kind = Difference::Kind::kLength;
  } else if (captured.ack != live.ack && (live.flags & tcp_flags::kAck) != 0) {
    difference.kind = Difference::Kind::kAck;
  } else if (captured.window_bytes != live.window_bytes) {
    difference.kind = Difference::Kind::kWindow;
  } else {
    ++equal_;
    return;
  }
  difference.text =
      "expected " + DescribeServerSegment(captured) + ", got " + DescribeServerSegment(live);
  if (difference.kind != Difference::Kind::kWindow) {
    first_ = std::move(difference);
    return;
  }
  ++equal_;
  if (!first_window_) first_window_ = std::move(difference);
}

void ServerDiff::OnEnd() {
  if (gave_up_ || first_) return;
  if (!captured_.empty()) {
    first_ = Difference{
        .kind = Difference::Kind::kMissing,
        .segment = captured_.front().number,
        .at = captured_.front().at,
        .text = "expected " + DescribeServerSegment(captured_.front()) + ", got nothing"};
  } else if (!live_.empty()) {
    first_ = Difference{
        .kind = Difference::Kind::kExtra,
        .segment = last_number_,
        .at = last_at_,
        .text = "expected nothing after it, got " + DescribeServerSegment(live_.front())};
  }
  captured_.clear();
  live_.clear();
}

}  // namespace aether::replay
