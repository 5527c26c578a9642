#include "stack/testing/sim/draw.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aether::testing::sim {
namespace {

constexpr std::array<uint16_t, 6> kReceiveBuffers = {2048, 4096, 8192, 16384, 32768, 65535};
constexpr std::array<uint32_t, 5> kSendBuffers = {2048, 8192, 16384, 65536, 65536};
constexpr std::array<uint32_t, 4> kBufferMaxima = {65536, 262'144, 1'048'576, 4'194'304};
constexpr std::array<uint32_t, 4> kBatches = {1, 1, 4, 64};

NodeSpec DrawNode(Dice& dice, uint32_t index) {
  NodeSpec node;
  // The other end is another stack, or an implementation that shares nothing with it.
  node.is_stack = dice.Chance(kCertain / 2) || index == 0;
  node.mac = MacAddress{{2, 0, 0, 0, 1, static_cast<uint8_t>(index)}};
  node.address = {Ipv4Address::Of(10, 0, 0, static_cast<uint8_t>(10 + index)), 24};
  node.receive_buffer_bytes = dice.Pick(kReceiveBuffers);
  node.send_buffer_bytes = dice.Pick(kSendBuffers);
  node.buffer_max_bytes = dice.Pick(kBufferMaxima);
  node.seed = dice.NextSeed();
  return node;
}

AppPlan Closing(AppPlan plan, bool waits_for_the_end) {
  if (waits_for_the_end) plan.writes.push_back(PlainStep(WriteStep::Kind::kAwaitEnd));
  return plan;
}

TransferPlan Make(Dice& dice, AppPlan client, AppPlan server, Closer closer) {
  TransferPlan plan;
  plan.client = 1;
  plan.server = 0;
  plan.client_stream = dice.Next64();
  plan.server_stream = dice.Next64();
  plan.client_app = Closing(std::move(client), closer == Closer::kServer);
  plan.server_app = Closing(std::move(server), closer == Closer::kClient);
  plan.client_app.waits_for_finished = dice.Chance(kCertain / 2);
  plan.server_app.waits_for_finished = dice.Chance(kCertain / 2);
  plan.client_app.options = DrawOptions(dice);
  plan.server_app.options = DrawOptions(dice);
  return plan;
}

}  // namespace

void DrawBase(Dice& dice, Scenario& scenario) {
  scenario.run_seed = dice.NextSeed();
  scenario.batch_frames_max = dice.Pick(kBatches);
  // Either is part of every profile.
  scenario.profile.syn_cookies =
      dice.Chance(kCertain / 2) ? tcp::SynCookies::kAlways : tcp::SynCookies::kNever;
  scenario.nodes = {DrawNode(dice, 0), DrawNode(dice, 1)};
  // Where 32-bit clocks of milliseconds turn over, half of the time.
  scenario.nodes[0].clock_offset = dice.Chance(kCertain / 2)
                                       ? Duration(std::chrono::milliseconds(0x100000000)) -
                                             dice.Between(Duration{0}, std::chrono::seconds(20))
                                       : dice.Between(Duration{0}, std::chrono::hours(24 * 30));
  LinkSpec link;
  link.delay = dice.Scaled(std::chrono::microseconds(5), std::chrono::milliseconds(40));
  if (dice.Chance(kCertain / 2)) {
    link.rate_bits_per_second = static_cast<uint64_t>(dice.Scaled(2'000'000, 10'000'000'000));
  }
  scenario.links = {link, link};
}

void AddClient(Dice& dice, Scenario& scenario) {
  scenario.nodes.push_back(DrawNode(dice, static_cast<uint32_t>(scenario.nodes.size())));
  scenario.links.push_back(scenario.links[1]);
}

SocketOptions DrawOptions(Dice& dice) {
  SocketOptions options;
  if (dice.Chance(kCertain / 2)) return options;
  options.no_delay = dice.Chance(kCertain / 2);
  options.quick_ack = dice.Chance(kCertain / 2);
  if (dice.Chance(kCertain / 3)) {
    options.keepalive_idle = std::chrono::seconds(dice.Scaled(1, 60));
    // Longer together than any darkness of a link.
    options.keepalive_interval = std::chrono::seconds(dice.Between(5, 20));
  }
  if (dice.Chance(kCertain / 4)) {
    options.user_timeout = std::chrono::seconds(dice.Between(200, 600));
  }
  return options;
}

Closer DrawCloser(Dice& dice) { return static_cast<Closer>(dice.Between(0, 2)); }

uint64_t RepairableBytes(const Scenario& scenario, uint64_t bytes_max) {
  constexpr uint64_t kWithoutReassemblyMax = 40'000;
  const bool all_keep = std::ranges::all_of(scenario.nodes, [&](const NodeSpec& node) {
    return node.is_stack && node.profile.value_or(scenario.profile).reassembly;
  });
  return all_keep ? bytes_max : std::min(bytes_max, kWithoutReassemblyMax);
}

void DrawChunks(Dice& dice, AppPlan& plan, uint64_t bytes) {
  // Not more than some hundred calls.
  const int64_t least = std::clamp<int64_t>(static_cast<int64_t>(bytes / 128), 1, 16384);
  plan.write_chunk_bytes_max = static_cast<uint32_t>(dice.Scaled(least, 16384));
  plan.read_chunk_bytes_max =
      static_cast<uint32_t>(dice.Scaled(std::max<int64_t>(least, 32), 65536));
}

TransferPlan Upload(Dice& dice, uint64_t bytes, Closer closer) {
  AppPlan client;
  DrawChunks(dice, client, bytes);
  client.writes = {SendStep(bytes)};
  AppPlan server;
  DrawChunks(dice, server, bytes);
  return Make(dice, client, server, closer);
}

TransferPlan Download(Dice& dice, uint64_t bytes, Closer closer) {
  const uint64_t request_bytes = static_cast<uint64_t>(dice.Scaled(1, 400));
  return Exchanges(dice, 1, request_bytes, bytes, closer);
}

TransferPlan Duplex(Dice& dice, uint64_t up_bytes, uint64_t down_bytes, Closer closer) {
  AppPlan client;
  DrawChunks(dice, client, up_bytes);
  client.writes = {SendStep(up_bytes)};
  AppPlan server;
  DrawChunks(dice, server, down_bytes);
  server.writes = {SendStep(down_bytes)};
  return Make(dice, client, server, closer);
}

TransferPlan Echo(Dice& dice, uint64_t bytes) {
  AppPlan client;
  DrawChunks(dice, client, bytes);
  client.writes = {SendStep(bytes)};
  AppPlan server;
  DrawChunks(dice, server, bytes);
  server.writes = {PlainStep(WriteStep::Kind::kEcho)};
  return Make(dice, client, server, Closer::kBoth);
}

TransferPlan Exchanges(Dice& dice, uint32_t count, uint64_t request_bytes, uint64_t response_bytes,
                       Closer closer) {
  AppPlan client;
  AppPlan server;
  DrawChunks(dice, client, request_bytes);
  DrawChunks(dice, server, response_bytes);
  client.read_chunk_bytes_max = std::max(client.read_chunk_bytes_max, server.read_chunk_bytes_max);
  uint64_t up_bytes = 0;
  uint64_t down_bytes = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t request =
        static_cast<uint64_t>(dice.Between(1, static_cast<int64_t>(request_bytes)));
    const uint64_t response =
        static_cast<uint64_t>(dice.Between(1, static_cast<int64_t>(response_bytes)));
    up_bytes += request;
    down_bytes += response;
    client.writes.push_back(SendStep(request));
    client.writes.push_back(AwaitStep(down_bytes));
    server.writes.push_back(AwaitStep(up_bytes));
    server.writes.push_back(SendStep(response));
  }
  return Make(dice, client, server, closer);
}

TransferPlan AnyTransfer(Dice& dice, uint64_t bytes_max) {
  return LongTransfer(dice, 1, bytes_max);
}

TransferPlan LongTransfer(Dice& dice, uint64_t bytes_min, uint64_t bytes_max) {
  const int64_t least = static_cast<int64_t>(bytes_min);
  const int64_t most = static_cast<int64_t>(bytes_max);
  const uint64_t bytes = static_cast<uint64_t>(dice.Scaled(least, most));
  switch (dice.Between(0, 4)) {
    case 0:
      return Upload(dice, bytes, DrawCloser(dice));
    case 1:
      return Download(dice, bytes, DrawCloser(dice));
    case 2: {
      const uint64_t down = static_cast<uint64_t>(dice.Scaled(least, most));
      return Duplex(dice, bytes, down, DrawCloser(dice));
    }
    case 3:
      return Echo(dice, bytes);
    default: {
      const uint32_t rounds = dice.Between32(1, 8);
      const Closer closer = DrawCloser(dice);
      return Exchanges(dice, rounds, 500, std::max<uint64_t>(bytes / 4, 1), closer);
    }
  }
}

}  // namespace aether::testing::sim
