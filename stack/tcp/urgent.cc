// The urgent mark of the peer (RFC 9293 3.8.5, RFC 6093). The data stay in line; what is kept is
// how far the urgent part reaches. We send no mark of our own.
#include "stack/tcp/connection.h"

namespace aether::tcp {

// [RFC 9293 3.10.7.4] the sixth step. [RFC 9293 3.8.5 MUST-62] the pointer names the octet behind
// the urgent data; one that names nothing that is still to be read says nothing.
void Connection::TakeUrgent(const Segment& segment, Control& control, const Env& env,
                            Arrival& arrival) {
  // After the peer's FIN it should not occur, and is ignored.
  if (!CanReceive(state_)) return;
  const Seq end = segment.seq + segment.urgent_pointer;
  if (!end.After(rcv_.nxt - static_cast<uint32_t>(rcv_.queue.size()))) return;
  // [RFC 9293 3.8.5 MUST-31, MUST-32] the application hears of the first mark, and of each one that
  // lies further on: there is no limit to how far that leads.
  OutOfOrder* const out_of_order = MakeOutOfOrder(control, env);
  if (out_of_order == nullptr) return;
  if (out_of_order->is_urgent && !end.After(out_of_order->urgent_end)) return;
  out_of_order->is_urgent = true;
  out_of_order->urgent_end = end;
  arrival.events |= tcp_event::kNotice;
}

// [RFC 9293 3.8.5 MUST-33] what is left to read of it, also what has not arrived yet.
uint32_t Connection::UrgentBytes(const Control& control, const Env& env) const {
  if (control.out_of_order == kNoIndex) return 0;
  const OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
  const Seq read = rcv_.nxt - static_cast<uint32_t>(rcv_.queue.size());
  if (!out_of_order.is_urgent || !out_of_order.urgent_end.After(read)) return 0;
  return out_of_order.urgent_end.DistanceFrom(read);
}

void Connection::OnRead(Control& control, const Env& env) {
  if (control.out_of_order == kNoIndex || UrgentBytes(control, env) > 0) return;
  env.buffers.out_of_orders[control.out_of_order].is_urgent = false;
  FreeOutOfOrderIfUnused(control, env);
}

}  // namespace aether::tcp
