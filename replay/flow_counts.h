// What is counted of the connections of an adaptive replay. One list, for sums and reports.
#pragma once

#include <cstdint>

namespace aether::replay {

// X(member, "meaning")
#define AETHER_FLOW_COUNTS(X)                                                              \
  X(connections, "connections of the capture that were played")                            \
  X(opened, "of those, accepted by the stack")                                             \
  X(handshakes_made_up, "of those, begun before the capture: their SYN was made up")       \
  X(refused, "reset by the stack before they were open")                                   \
  X(reset_by_stack, "reset by the stack later")                                            \
  X(reset_by_client, "reset by the client, as in the capture")                             \
  X(gave_up, "the stack did not answer for as long as a client tries")                     \
  X(broken, "connections given up: the capture misses too much of them, or they queue up") \
  X(requests, "HTTP requests sent whole, and what cannot be read as one")                  \
  X(responses, "HTTP responses received whole")                                            \
  X(unanswered, "requests whose response did not come")                                    \
  X(unsent, "captured segments still waiting at the end: for an answer, or for room")      \
  X(storms, "connections given up: client and stack answered each other without end")      \
  X(rewritten, "captured segments sent with numbers of the live connection")               \
  X(acks_dropped, "captured acknowledgements with nothing to acknowledge")                 \
  X(repeated, "captured segments that the capture has more than once")                     \
  X(reordered, "captured segments that come in another order than their text")             \
  X(filled_bytes, "bytes of text that the capture misses, made up")                        \
  X(far_off, "captured segments that belong nowhere in their connection")                  \
  X(after_end, "captured segments not sent: the live connection was over")                 \
  X(impatient, "segments sent although what they waited for did not come")                 \
  X(retransmissions, "segments that the live client had to send again")                    \
  X(server_retransmissions, "segments that the stack sent again")                          \
  X(client_text_bytes, "text sent to the stack")                                           \
  X(server_text_bytes, "text received from the stack")                                     \
  X(compared, "connections whose server side was compared")                                \
  X(segments_equal, "server segments that are as in the capture")                          \
  X(different, "connections in which a segment differs")                                   \
  X(windows_different, "connections in which an advertised window differs")

struct FlowCounts {
#define AETHER_FLOW_COUNT_MEMBER(member, meaning) uint64_t member = 0;
  AETHER_FLOW_COUNTS(AETHER_FLOW_COUNT_MEMBER)
#undef AETHER_FLOW_COUNT_MEMBER

  void Add(const FlowCounts& other) {
#define AETHER_FLOW_COUNT_ADD(member, meaning) member += other.member;
    AETHER_FLOW_COUNTS(AETHER_FLOW_COUNT_ADD)
#undef AETHER_FLOW_COUNT_ADD
  }
};

}  // namespace aether::replay
