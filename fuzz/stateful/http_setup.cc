#include "fuzz/stateful/http_setup.h"

#include "fuzz/stateful/world.h"

namespace aether::fuzz::http_server {

app::HttpOptions ServerOptions(const Choices& choices, HttpContent& content) {
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
  if ((choices.limits & kSmallMtu) != 0) {
    config.mtu = 68;
    // Of the smallest segments a few clients that take nothing have hundreds in flight, and the
    // answers to the others must not wait for records.
    config.buffers.sent_segments_max = 1024;
  }
  config.buffers.chunks_max = (choices.limits & kFewChunks) != 0 ? 5 : 96;
  if ((choices.limits & kSmallSend) != 0) {
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 1024;
  }
  return config;
}

}  // namespace aether::fuzz::http_server
