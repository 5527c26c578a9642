#include "stack/testing/sim/transfer_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "stack/testing/sim/draw.h"
#include "stack/testing/sim/simulation.h"

namespace aether::testing::sim {
namespace {

constexpr std::array<uint32_t, 4> kBuffers = {4096, 16384, 65535, 262'144};
constexpr std::array<uint32_t, 4> kLosses = {0, 1000, 10'000, 50'000};
constexpr std::array<uint32_t, 3> kDelays = {1, 10, 100};
constexpr std::array<uint32_t, 3> kReorders = {0, 10'000, 100'000};
constexpr uint64_t kBytes = 1'000'000;
constexpr uint64_t kRate = 100'000'000;

// Node 1, a stack, downloads from node 0, another.
Scenario MakeRow(const NamedProfile& profile, uint32_t buffer_bytes, uint32_t loss_ppm,
                 uint32_t delay_ms, uint32_t reorder_ppm) {
  Scenario scenario;
  scenario.name = "table";
  scenario.profile_name = profile.name;
  scenario.profile = profile.profile;
  scenario.is_reliable = profile.is_reliable;
  scenario.run_seed =
      Seed{buffer_bytes + (uint64_t{loss_ppm} << 32), delay_ms + (uint64_t{reorder_ppm} << 32)};
  for (uint8_t i = 0; i < 2; ++i) {
    NodeSpec node;
    node.mac = MacAddress{{2, 0, 0, 0, 2, i}};
    node.address = {Ipv4Address::Of(10, 0, 0, static_cast<uint8_t>(1 + i)), 24};
    node.receive_buffer_bytes = static_cast<uint16_t>(std::min<uint32_t>(buffer_bytes, 65535));
    node.send_buffer_bytes = buffer_bytes;
    node.buffer_max_bytes = buffer_bytes;
    node.seed = Seed{i, 7};
    scenario.nodes.push_back(node);
    LinkSpec link;
    link.rate_bits_per_second = kRate;
    link.delay = std::chrono::milliseconds(delay_ms);
    link.loss_ppm = loss_ppm;
    link.reorder_ppm = reorder_ppm;
    link.reorder_delay_max = link.delay / 2;
    scenario.links.push_back(link);
  }
  TransferPlan plan;
  plan.client = 1;
  plan.client_stream = 1;
  plan.server_stream = 2;
  plan.client_app.writes = {SendStep(100), AwaitStep(kBytes)};
  plan.server_app.writes = {AwaitStep(100), SendStep(kBytes)};
  scenario.transfers = {plan};
  return scenario;
}

std::string RowText(const Scenario& scenario, uint32_t buffer_bytes) {
  const RunResult result = RunScenario(scenario);
  const LinkSpec& link = scenario.links[0];
  const int64_t micros = result.busy_time / std::chrono::microseconds(1);
  const int64_t goodput_kbits = micros == 0 ? 0 : static_cast<int64_t>(kBytes) * 8 * 1000 / micros;
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%12u %9u %9lld %11u %16lld %11lld %14llu %13llu  %s\n",
                buffer_bytes, link.loss_ppm,
                static_cast<long long>(link.delay / std::chrono::milliseconds(1)), link.reorder_ppm,
                static_cast<long long>(goodput_kbits), static_cast<long long>(micros),
                static_cast<unsigned long long>(result.retransmitted_segments),
                static_cast<unsigned long long>(result.frames),
                result.violation ? result.violation->text.c_str() : "ok");
  return text.data();
}

}  // namespace

std::string TransferTable(std::string_view profile_name) {
  const std::optional<NamedProfile> profile = FindProfile(profile_name);
  if (!profile) return "";
  std::string table = "# profile " + std::string(profile_name) +
                      ": 1,000,000 bytes from server to client over 100 Mbit/s; delay is one way\n"
                      "buffer_bytes  loss_ppm  delay_ms reorder_ppm goodput_kbit_s"
                      "     time_us retransmitted        frames  verdict\n";
  for (const uint32_t buffer : kBuffers) {
    // A window without scaling is no larger.
    if (!profile->profile.window_scaling && buffer > 65535) continue;
    for (const uint32_t loss : kLosses) {
      for (const uint32_t delay : kDelays) {
        for (const uint32_t reorder : kReorders) {
          if (!profile->is_reliable && (loss != 0 || reorder != 0)) continue;
          table += RowText(MakeRow(*profile, buffer, loss, delay, reorder), buffer);
        }
      }
    }
  }
  return table;
}

}  // namespace aether::testing::sim
