#include "stack/testing/sim/simulation.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "stack/device/describe.h"
#include "stack/testing/sim/router.h"

namespace aether::testing::sim {
namespace {

constexpr size_t kHistoryMax = 32;
constexpr uint64_t kStepsMax = 5'000'000;
// Without a moment between them: whoever has links without delay gets a whole transfer into one.
constexpr uint64_t kStepsAtOnceMax = 50'000;
constexpr size_t kEventsPerPoll = 16;

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

uint64_t Mix(uint64_t hash, Bytes bytes) {
  hash = Mix(hash, bytes.size());
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash, NetworkOrder(word));
    bytes = bytes.subspan(8);
  }
  uint64_t rest = 0;
  for (const uint8_t byte : bytes) rest = rest << 8 | byte;
  return Mix(hash, rest);
}

}  // namespace

Simulation::Simulation(const Scenario& scenario, const RunOptions& options)
    : scenario_(scenario),
      options_(options),
      oracles_(scenario_),
      dice_(scenario.run_seed),
      datagrams_(scenario_, dice_.NextSeed()),
      forger_(scenario_, dice_.NextSeed()),
      transfers_(scenario.transfers.size()),
      events_(kEventsPerPoll) {
  size_t frame_bytes_max = 0;
  for (size_t i = 0; i < scenario_.nodes.size(); ++i) {
    const NodeSpec& spec = scenario_.nodes[i];
    const SkewedClock clock(spec.clock_offset, spec.clock_skew_ppm);
    nodes_.emplace_back(spec, options_.make_host(scenario_, spec, clock.Local(now_)));
    links_.emplace_back(scenario_.links[i], dice_.NextSeed());
    frame_bytes_max = std::max(frame_bytes_max, nodes_[i].host().frame_size_max());
  }
  out_.resize(frame_bytes_max);
  for (const DatagramPlan& plan : scenario_.datagrams) {
    // Once per node; the others find the port taken.
    nodes_[plan.from].host().BindDatagrams(kDatagramPort);
    nodes_[plan.to].host().BindDatagrams(kDatagramPort);
  }
  for (const TransferPlan& plan : scenario_.transfers) {
    // Once per server; the others find the port taken.
    if (!plan.is_simultaneous) nodes_[plan.server].host().Listen(kServerPort);
  }
}

RunResult Simulation::Run() {
  RunTransfers();
  if (!oracles_.violation()) RunSilence();
  return Finish();
}

void Simulation::RunTransfers() {
  for (uint32_t i = 0; i < nodes_.size(); ++i) Settle(i, {}, now_);
  while (!oracles_.violation() && !(AllAreOver() && ExtrasAreOver())) {
    const Instant next = NextInstant();
    if (next == kNever || next - Instant{} > scenario_.time_max) {
      oracles_.Fail("liveness",
                    (next == kNever ? std::string("nothing is going to happen any more, but ")
                                    : std::string("time is up, but ")) +
                        DescribeOpen(),
                    now_);
      return;
    }
    StepAt(next);
  }
  if (!over_at_) over_at_ = now_;
}

// Time goes by without new transfers, until nothing may be left.
void Simulation::RunSilence() {
  const Instant end = now_ + options_.silence;
  while (!oracles_.violation()) {
    const Instant next = NextInstant();
    if (next == kNever || next > end) break;
    StepAt(next);
  }
  if (oracles_.violation()) return;
  now_ = end;
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].host().Receive({}, nodes_[i].Local(now_));
    Settle(i, {}, now_);
    if (!oracles_.violation()) oracles_.OnSilence(i, nodes_[i].host(), now_);
  }
  if (!oracles_.violation()) CheckTransfers(now_);
  if (!oracles_.violation() && !CanLose()) CheckDatagrams();
}

Instant Simulation::NextInstant() const {
  Instant next = std::min({NextStart(), datagrams_.NextSend(), forger_.NextFrame()});
  if (address_changes_ < scenario_.address_changes.size()) {
    next = std::min(next, scenario_.address_changes[address_changes_].when);
  }
  for (const Link& link : links_) next = std::min(next, link.NextArrival());
  for (const Node& node : nodes_) next = std::min(next, node.NextDeadline());
  return next == kNever ? next : std::max(next, now_);
}

void Simulation::StepAt(Instant now) {
  steps_at_once_ = now == now_ ? steps_at_once_ + 1 : 0;
  now_ = now;
  if (steps_at_once_ > kStepsAtOnceMax) {
    oracles_.Fail("P8", "time stands still", now);
    return;
  }
  if (++result_.steps > kStepsMax) {
    oracles_.Fail("P8", "the run does not end", now);
    return;
  }
  StartTransfers(now);
  RunExtras(now);
  for (uint32_t i = 0; i < nodes_.size() && !oracles_.violation(); ++i) {
    while (links_[i].NextArrival() <= now && !oracles_.violation()) Deliver(i, now);
    if (nodes_[i].NextDeadline() > now || oracles_.violation()) continue;
    // Also when only an application is due: a host's calls know the time of the last Receive.
    nodes_[i].host().Receive({}, nodes_[i].Local(now));
    Settle(i, {}, now);
  }
}

void Simulation::Deliver(uint32_t node, Instant now) {
  const uint32_t batch_max = dice_.Between32(1, scenario_.batch_frames_max);
  arrived_.resize(std::max<size_t>(arrived_.size(), batch_max));
  batch_.clear();
  while (batch_.size() < batch_max && links_[node].Receive(now, arrived_[batch_.size()])) {
    const Bytes frame = arrived_[batch_.size()];
    batch_.push_back(frame);
    Record(node, /*is_out=*/false, frame, now);
  }
  nodes_[node].host().Receive(batch_, nodes_[node].Local(now));
  Settle(node, batch_, now);
}

bool Simulation::MayStart(size_t index) const {
  const TransferPlan& plan = scenario_.transfers[index];
  return !plan.is_chained || index == 0 || IsOver(transfers_[index - 1], index - 1);
}

Instant Simulation::NextStart() const {
  Instant next = kNever;
  for (size_t i = 0; i < transfers_.size(); ++i) {
    const TransferPlan& plan = scenario_.transfers[i];
    if (transfers_[i].is_started) {
      if (!plan.is_simultaneous || transfers_[i].is_server_open) continue;
      next = std::min(next, std::max(now_, plan.start + plan.server_delay));
    } else if (MayStart(i)) {
      next = std::min(next, std::max(now_, plan.start));
    }
  }
  return next;
}

void Simulation::StartTransfers(Instant now) {
  for (uint32_t i = 0; i < transfers_.size(); ++i) {
    const TransferPlan& plan = scenario_.transfers[i];
    Transfer& transfer = transfers_[i];
    if (!transfer.is_started && plan.start <= now && MayStart(i)) {
      transfer.is_started = true;
      if (!Open(i, /*is_client=*/true, now)) return;
      ++result_.transfers;
    }
    if (plan.is_simultaneous && transfer.is_started && !transfer.is_server_open &&
        plan.start + plan.server_delay <= now) {
      transfer.is_server_open = true;
      if (!Open(i, /*is_client=*/false, now)) return;
    }
  }
}

// One end connects: the client, or the other one of a simultaneous open.
bool Simulation::Open(uint32_t index, bool is_client, Instant now) {
  const TransferPlan& plan = scenario_.transfers[index];
  const AppPlan& app = is_client ? plan.client_app : plan.server_app;
  const uint32_t own = is_client ? plan.client : plan.server;
  const uint32_t other = is_client ? plan.server : plan.client;
  Ipv4Endpoint remote{nodes_[other].spec().address.address, kServerPort};
  uint16_t local_port = 0;
  if (plan.is_simultaneous) {
    local_port = is_client ? plan.client_port : plan.server_port;
    remote.port = is_client ? plan.server_port : plan.client_port;
  }
  TcpHost& host = nodes_[own].host();
  // Time passes for the host before it is called.
  host.Receive({}, nodes_[own].Local(now));
  const std::optional<ConnectionId> id = host.Connect(remote, local_port, app.options);
  const std::optional<Ends> ends = id ? host.EndsOf(*id) : std::nullopt;
  if (!ends) {
    oracles_.Fail("liveness", "a connection cannot be opened", now);
    return false;
  }
  const Stream client_stream(plan.client_stream);
  const Stream server_stream(plan.server_app.IsEcho() ? plan.client_stream : plan.server_stream);
  if (is_client) {
    const FlowKey key{ends->local, ends->remote};
    oracles_.flows().Expect(key, {client_stream, server_stream});
    forger_.AddFlow(key);
    transfer_of_flow_[key] = index;
  }
  const uint32_t slot = nodes_[own].Attach(
      {.app = std::make_unique<App>(app, is_client ? client_stream : server_stream,
                                    is_client ? server_stream : client_stream, dice_.NextSeed()),
       .transfer = index,
       .is_client = is_client},
      *id, now);
  (is_client ? transfers_[index].client_slot : transfers_[index].server_slot) = slot;
  Settle(own, {}, now);
  return true;
}

void Simulation::OnAcceptable(uint32_t node_index, ListenerId listener, Instant now) {
  Node& node = nodes_[node_index];
  while (const std::optional<ConnectionId> id = node.host().Accept(listener)) {
    const std::optional<Ends> ends = node.host().EndsOf(*id);
    const auto found =
        ends ? transfer_of_flow_.find({ends->remote, ends->local}) : transfer_of_flow_.end();
    if (found == transfer_of_flow_.end()) {
      oracles_.Fail("P1", "a connection was accepted that nobody opened", now);
      return;
    }
    Transfer& transfer = transfers_[found->second];
    const TransferPlan& plan = scenario_.transfers[found->second];
    const bool is_extra = transfer.server_slot.has_value();
    AppPlan app_plan = plan.server_app;
    if (is_extra) {
      ++result_.extra_connections;
      app_plan.idle_timeout = std::chrono::minutes(5);
    }
    const Stream in(plan.client_stream);
    const Stream out(plan.server_app.IsEcho() ? plan.client_stream : plan.server_stream);
    const uint32_t slot =
        node.Attach({.app = std::make_unique<App>(app_plan, out, in, dice_.NextSeed()),
                     .transfer = found->second,
                     .is_client = false,
                     .is_extra = is_extra},
                    *id, now);
    node.host().SetOptions(*id, app_plan.options);
    if (!is_extra) transfer.server_slot = slot;
  }
}

uint64_t Simulation::TakeEvents(uint32_t node_index, Instant now) {
  Node& node = nodes_[node_index];
  uint64_t count = 0;
  while (const size_t polled = node.host().PollEvents(events_)) {
    for (const Event& event : std::span(events_).first(polled)) {
      ++count;
      if (event.kind == Event::Kind::kAcceptable) {
        OnAcceptable(node_index, event.listener, now);
      } else if (event.kind == Event::Kind::kConnection && event.user < node.slots().size()) {
        App& app = *node.slot(event.user).app;
        if (app.id() == event.connection) app.OnEvents(event.mask);
      }
    }
    if (count > oracles_.limits().rounds_max) {
      oracles_.Fail("P8", "events do not end", now);
      break;
    }
  }
  return count;
}

void Simulation::TakeFrames(uint32_t node, StepCount& count, Instant now) {
  while (!oracles_.violation()) {
    const size_t size = nodes_[node].host().Transmit(out_, nodes_[node].Local(now));
    if (size == 0) return;
    const Bytes frame = Bytes(out_).first(size);
    Record(node, /*is_out=*/true, frame, now);
    ++result_.frames;
    if (oracles_.OnFrame(node, frame, now)) {
      ++count.data_out;
    } else {
      ++count.control_out;
    }
    Route(node, frame, now);
    if (count.data_out + count.control_out > oracles_.limits().rounds_max) {
      oracles_.Fail("P8", "frames do not end", now);
    }
  }
}

// A switch that knows its ports: to the one with the address, or to all but the sender.
void Simulation::Route(uint32_t from, Bytes frame, Instant now) {
  const MacAddress to = MacAddress::Load(frame.data());
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    if (i == from || !(to.IsGroup() || to == nodes_[i].spec().mac)) continue;
    const uint32_t frame_bytes_max = links_[i].FrameBytesMax(now);
    if (!links_[i].spec().has_router || frame.size() <= frame_bytes_max) {
      links_[i].Send(frame, now);
      continue;
    }
    const uint16_t mtu = static_cast<uint16_t>(frame_bytes_max - 14);
    if (IsDontFragment(frame)) {
      links_[from].Send(TooLongReport(frame, mtu), now);
    } else {
      for (const Frame& part : SplitFrame(frame, mtu)) links_[i].Send(part, now);
    }
  }
}

// One step of a node: events, calls and frames until nothing moves any more.
void Simulation::Settle(uint32_t node_index, std::span<const Bytes> arrived, Instant now,
                        uint32_t calls) {
  Node& node = nodes_[node_index];
  StepCount count;
  count.frames_in = arrived.size();
  count.calls = calls;
  for (const Bytes frame : arrived) count.arp_in += IsArp(frame) ? 1u : 0u;
  uint32_t overdue_rounds = 0;
  for (uint32_t round = 0; !oracles_.violation(); ++round) {
    if (round > oracles_.limits().rounds_max) {
      oracles_.Fail("P8", "node " + std::to_string(node_index) + " does not come to rest", now);
      break;
    }
    const StepCount before = count;
    count.events += TakeEvents(node_index, now);
    count.calls += node.StepApps(now);
    if (!datagrams_.empty()) TakeDatagrams(node_index, now);
    TakeFrames(node_index, count, now);
    if (count.events != before.events || count.calls != before.calls ||
        count.data_out != before.data_out || count.control_out != before.control_out) {
      continue;
    }
    if (!node.HostIsDue(now)) break;
    if (++overdue_rounds > oracles_.limits().overdue_rounds_max) {
      oracles_.Fail("P8",
                    "the deadline of node " + std::to_string(node_index) +
                        " has passed, and nothing is done about it",
                    now);
      break;
    }
    node.host().Receive({}, node.Local(now));
  }
  if (oracles_.violation()) return;
  node.host().CheckInvariants();
  oracles_.OnStep(node_index, count, node.host().connection_count(), now);
  CheckApps(node_index, now);
}

void Simulation::Record(uint32_t node, bool is_out, Bytes frame, Instant now) {
  hash_ = Mix(hash_, static_cast<uint64_t>(now.time_since_epoch().count()));
  hash_ = Mix(hash_, uint64_t{node} * 2 + (is_out ? 1 : 0));
  hash_ = Mix(hash_, frame);
  if (node == 0 && options_.capture != nullptr) options_.capture->Write(now, frame);
  Passed passed;
  if (history_.size() >= kHistoryMax) {
    passed = std::move(history_.front());
    history_.pop_front();
  }
  passed.when = now;
  passed.node = node;
  passed.is_out = is_out;
  passed.bytes.assign(frame.begin(), frame.end());
  history_.push_back(std::move(passed));
}

RunResult Simulation::Finish() {
  result_.violation = oracles_.violation();
  result_.trace_hash = hash_;
  result_.data_bytes = oracles_.flows().data_bytes();
  result_.retransmitted_bytes = oracles_.flows().retransmitted_bytes();
  result_.retransmitted_segments = oracles_.flows().retransmitted_segments();
  result_.busy_time = over_at_.value_or(now_) - Instant{};
  for (const Link& link : links_) result_.links.push_back(link.counters());
  CountReached();
  for (const Node& node : nodes_) {
    for (const Node::Slot& slot : node.slots())
      result_.delivered_bytes += slot.app->received_bytes();
  }
  if (result_.violation) {
    for (const Passed& passed : history_) {
      result_.last_frames.push_back(
          "node " + std::to_string(passed.node) + " " +
          device::TraceLine(passed.when, passed.is_out ? '>' : '<', passed.bytes));
    }
  }
  return std::move(result_);
}

}  // namespace aether::testing::sim
