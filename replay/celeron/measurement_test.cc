#include "replay/celeron/measurement.h"

#include <gtest/gtest.h>

#include "replay/celeron/test_measurement.h"

namespace aether::celeron {
namespace {

TEST(Measurement, ReadsWhatWasMeasured) {
  const auto measured = ReadMeasurement(TestMeasurement());
  ASSERT_TRUE(measured.has_value()) << measured.error();
  EXPECT_EQ(measured->workloads.size(), 2U);
  EXPECT_EQ(measured->workloads.at("classic").stack.instructions, 18'000);
  EXPECT_EQ(measured->workloads.at("full").client.instructions, 60'000);
  // Of server and client.
  EXPECT_EQ(measured->workloads.at("full").kernel_ns, 7'000 + 12'000);
  EXPECT_EQ(measured->workloads.at("full").client_user_ns, 10'000);
  EXPECT_EQ(measured->kernels.size(), 6U);
  EXPECT_TRUE(measured->kernels[0].is_chain);
  EXPECT_FALSE(measured->kernels[1].is_chain);
  ASSERT_EQ(measured->held_out.size(), 1U);
  EXPECT_EQ(measured->held_out[0].name, "replay_full");
  EXPECT_EQ(measured->live.at("b.full.wrk").median, 600);
  EXPECT_EQ(measured->live_per_cpu_s.at("c.full.wrk"), 7'000);
  EXPECT_EQ(measured->Text("machine"), "a machine");
  EXPECT_EQ(measured->Text("nothing"), "unknown");
  EXPECT_EQ(measured->Number("nothing"), 0);
}

TEST(Measurement, SaysWhatIsMissing) {
  for (const char* name :
       {"full.stack.instructions", "classic.application.ll_misses", "client.branch_misses",
        "full.server_system_ns", "here.c2", "here.clock_ghz", "calibration.here_ns",
        "validation.k1.l1_misses", "live.c.classic.python.median", "live.b.full.wrk.low"}) {
    FlatJson json = TestMeasurement();
    json.numbers.erase(name);
    const auto measured = ReadMeasurement(json);
    ASSERT_FALSE(measured.has_value()) << name;
    EXPECT_NE(measured.error().find("there is no"), std::string::npos) << measured.error();
  }
}

TEST(Measurement, NothingAndLessAreNoTimes) {
  FlatJson json = TestMeasurement();
  json.numbers["full.client_user_ns"] = 0;
  EXPECT_EQ(ReadMeasurement(json).error(), "full.client_user_ns is not more than nothing");
  json = TestMeasurement();
  json.numbers["full.stack.instructions"] = 0;
  EXPECT_EQ(ReadMeasurement(json).error(), "full.stack counts no instruction");
  json = TestMeasurement();
  json.numbers["full.application.instructions"] = 0;
  EXPECT_TRUE(ReadMeasurement(json).has_value());
  json.numbers["validation.k2.cycles"] = -1;
  EXPECT_FALSE(ReadMeasurement(json).has_value());
}

TEST(Measurement, TheShareOfBNeedsNothingLive) {
  FlatJson json;
  for (const auto& [name, value] : TestMeasurement().numbers)
    if (name.starts_with("validation.") || name.starts_with("here.") ||
        name.starts_with("calibration."))
      json.numbers[name] = value;
  EXPECT_TRUE(ReadCalibration(json).has_value());
  EXPECT_FALSE(ReadMeasurement(json).has_value());
}

}  // namespace
}  // namespace aether::celeron
