// The golden files beside this one, compared to the byte. A change is made with
// aether-sim --table --profile NAME > stack/testing/sim/transfer_table_NAME.txt
// and belongs into the commit that causes it.
#include "stack/testing/sim/transfer_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {
namespace {

std::string ReadGolden(std::string_view profile) {
  std::ifstream file(std::string(AETHER_SIM_SOURCE_DIR) + "/transfer_table_" +
                     std::string(profile) + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(TransferTableTest, IsTheGoldenFile) {
  for (const std::string_view profile : {AETHER_SIM_TABLES}) {
    const std::string golden = ReadGolden(profile);
    ASSERT_FALSE(golden.empty()) << profile;
    const std::string table = TransferTable(profile);
    EXPECT_EQ(table, golden) << "profile " << profile;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#') || line.starts_with("buffer")) continue;
      EXPECT_TRUE(line.ends_with("  ok")) << line;
    }
  }
}

TEST(TransferTableTest, UnknownProfilesHaveNone) { EXPECT_EQ(TransferTable("no such"), ""); }

}  // namespace
}  // namespace aether::testing::sim
