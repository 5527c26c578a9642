// What a simulation asks of its applications: P1 at the ends of streams, and that all come to an
// end.
#include "stack/testing/sim/simulation.h"

namespace aether::testing::sim {

bool Simulation::IsOver(const Transfer& transfer, size_t index) const {
  if (!transfer.is_started || !transfer.client_slot) return false;
  const TransferPlan& plan = scenario_.transfers[index];
  if (!nodes_[plan.client].slots()[*transfer.client_slot].app->IsOver()) return false;
  // A server may never have heard of a connection that was given up early.
  if (!transfer.server_slot) return !plan.is_graceful || !scenario_.expects_completion;
  return nodes_[plan.server].slots()[*transfer.server_slot].app->IsOver();
}

bool Simulation::AllAreOver() const {
  for (size_t i = 0; i < transfers_.size(); ++i) {
    if (!IsOver(transfers_[i], i)) return false;
  }
  return true;
}

std::string Simulation::DescribeOpen() const {
  for (size_t i = 0; i < transfers_.size(); ++i) {
    const Transfer& transfer = transfers_[i];
    if (IsOver(transfer, i)) continue;
    const TransferPlan& plan = scenario_.transfers[i];
    const std::string name = "transfer " + std::to_string(i);
    if (!transfer.client_slot) return name + " has not begun";
    return name + " is open (client: " +
           nodes_[plan.client].slots()[*transfer.client_slot].app->Describe() + "; server: " +
           (transfer.server_slot
                ? nodes_[plan.server].slots()[*transfer.server_slot].app->Describe()
                : std::string("never accepted")) +
           ")";
  }
  return "a connection is open";
}

void Simulation::CheckApps(uint32_t node, Instant now) {
  for (const Node::Slot& slot : nodes_[node].slots()) {
    const std::string& complaint = slot.app->complaint();
    if (complaint.empty()) continue;
    oracles_.Fail("P1",
                  "transfer " + std::to_string(slot.transfer) + ", " +
                      (slot.is_client ? "client: " : "server: ") + complaint,
                  now);
  }
}

// The end of a stream was read: it has to be where the writer put it.
void Simulation::CheckStream(const App& reader, const App& writer, const std::string& who,
                             Instant now) {
  if (reader.received_bytes() > writer.written_bytes()) {
    oracles_.Fail("P1", who + " read more than was written: " + reader.Describe(), now);
  }
  if (!reader.saw_end()) return;
  if (!writer.is_shut() || reader.received_bytes() != writer.written_bytes()) {
    oracles_.Fail("P1",
                  who + " saw the end of the stream too early: " + reader.Describe() +
                      "; the other end: " + writer.Describe(),
                  now);
  }
}

void Simulation::CheckTransfers(Instant now) {
  for (const Node& node : nodes_) {
    for (const Node::Slot& slot : node.slots()) {
      if (slot.app->IsOver()) continue;
      oracles_.Fail("liveness", "an application never came to an end: " + slot.app->Describe(),
                    now);
    }
  }
  for (size_t i = 0; i < transfers_.size(); ++i) {
    const Transfer& transfer = transfers_[i];
    const TransferPlan& plan = scenario_.transfers[i];
    if (!transfer.client_slot || !transfer.server_slot) continue;
    const App& client = *nodes_[plan.client].slots()[*transfer.client_slot].app;
    const App& server = *nodes_[plan.server].slots()[*transfer.server_slot].app;
    const std::string name = "transfer " + std::to_string(i);
    CheckStream(client, server, name + ", client", now);
    CheckStream(server, client, name + ", server", now);
    const bool is_finished =
        client.outcome() == App::Outcome::kFinished && server.outcome() == App::Outcome::kFinished;
    if (is_finished) ++result_.finished;
    if (!is_finished && plan.is_graceful && scenario_.expects_completion) {
      oracles_.Fail("liveness",
                    name + " did not finish in good order (client: " + client.Describe() +
                        "; server: " + server.Describe() + ")",
                    now);
    }
  }
}

}  // namespace aether::testing::sim
