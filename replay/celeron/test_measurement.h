// A complete measurement for tests, of round numbers.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "replay/celeron/flat_json.h"

namespace aether::celeron {

inline void AddTestCounts(FlatJson& json, const std::string& prefix, double instructions,
                          double branch_misses, double l1_misses, double ll_misses) {
  json.numbers[prefix + ".instructions"] = instructions;
  json.numbers[prefix + ".branch_misses"] = branch_misses;
  json.numbers[prefix + ".l1_misses"] = l1_misses;
  json.numbers[prefix + ".ll_misses"] = ll_misses;
}

inline FlatJson TestMeasurement() {
  FlatJson json{.numbers = {{"here.c2", 15},
                            {"here.cmem", 250},
                            {"here.cbr", 20},
                            {"here.clock_ghz", 3},
                            {"calibration.here_ns", 30'000},
                            {"share.achieved", 0.25},
                            {"heldout.replay_full.cycles", 6'000},
                            {"validation.k0.chain", 1},
                            {"connections.low", 200},
                            {"connections.high", 400}},
                .texts = {{"machine", "a machine"}, {"quick", "no"}}};
  AddTestCounts(json, "calibration", 250'000, 3'000, 3'500, 0);
  AddTestCounts(json, "client", 60'000, 1'000, 2'500, 40);
  AddTestCounts(json, "heldout.replay_full", 18'000, 80, 20, 5);
  for (int i = 0; i < 6; ++i) {
    const std::string name = "validation.k" + std::to_string(i);
    AddTestCounts(json, name, 20 + 10 * i, i % 3, i % 2, 0);
    json.numbers[name + ".cycles"] = 8 + 4 * i + 20 * (i % 3) + 10 * (i % 2);
  }
  for (const std::string profile : {"classic", "full"}) {
    AddTestCounts(json, profile + ".stack", 18'000, 80, 300, 10);
    AddTestCounts(json, profile + ".application", 700, 5, 20, 0);
    json.numbers[profile + ".server_user_ns"] = 3'000;
    json.numbers[profile + ".server_system_ns"] = 7'000;
    json.numbers[profile + ".client_user_ns"] = 10'000;
    json.numbers[profile + ".client_system_ns"] = 12'000;
    for (const std::string client : {"python", "wrk"}) {
      for (const auto& [run, rate] : {std::pair<std::string, double>{"b", 600}, {"c", 2'500}}) {
        const std::string name = run + "." + profile + "." + client;
        json.numbers["live." + name + ".low"] = rate * 0.9;
        json.numbers["live." + name + ".median"] = rate;
        json.numbers["live." + name + ".high"] = rate * 1.1;
        json.numbers["live_cpu." + name] = 7'000;
      }
    }
  }
  return json;
}

}  // namespace aether::celeron
