#include "stack/base/port_table.h"

#include <gtest/gtest.h>

#include <map>

#include "stack/base/random.h"

namespace aether {
namespace {

TEST(PortTableTest, FindsWhatWasInsertedAndNothingElse) {
  PortTable table;
  for (uint32_t port = 0; port < 65536; ++port) {
    ASSERT_EQ(table.Find(static_cast<uint16_t>(port)), PortTable::kNone);
  }
  table.Insert(80, 0);
  table.Insert(65535, 63);
  for (uint32_t port = 0; port < 65536; ++port) {
    const uint8_t expected = port == 80 ? 0 : port == 65535 ? 63 : PortTable::kNone;
    ASSERT_EQ(table.Find(static_cast<uint16_t>(port)), expected) << port;
  }
}

TEST(PortTableTest, PortsOfOneChainAreKeptApart) {
  PortTable table;
  // All of them in the chain of 0.
  for (uint8_t i = 0; i < PortTable::kObjectsMax; ++i) table.Insert(uint16_t{i} * 0x101u, i);
  for (uint8_t i = 0; i < PortTable::kObjectsMax; ++i) {
    EXPECT_EQ(table.Find(uint16_t{i} * 0x101u), i);
  }
  // The first, the last and one between.
  for (const uint8_t gone : {uint8_t{63}, uint8_t{0}, uint8_t{30}}) table.Erase(gone * 0x101u);
  for (uint8_t i = 0; i < PortTable::kObjectsMax; ++i) {
    const bool is_gone = i == 63 || i == 0 || i == 30;
    EXPECT_EQ(table.Find(uint16_t{i} * 0x101u), is_gone ? PortTable::kNone : i);
  }
}

TEST(PortTableTest, AgreesWithAMapOverRandomChanges) {
  Random random({1, 2});
  PortTable table;
  std::map<uint16_t, uint8_t> model;
  std::array<int, PortTable::kObjectsMax> port_of;
  port_of.fill(-1);
  for (int step = 0; step < 20000; ++step) {
    const uint8_t object = static_cast<uint8_t>(random.Below(PortTable::kObjectsMax));
    // Few ports, so that chains are long and ports come again.
    const uint16_t port = static_cast<uint16_t>(random.Below(16) * 0x101u + random.Below(8));
    if (port_of[object] >= 0) {
      table.Erase(static_cast<uint16_t>(port_of[object]));
      model.erase(static_cast<uint16_t>(port_of[object]));
      port_of[object] = -1;
    } else if (!model.contains(port)) {
      table.Insert(port, object);
      model[port] = object;
      port_of[object] = port;
    }
    const auto found = model.find(port);
    ASSERT_EQ(table.Find(port), found == model.end() ? PortTable::kNone : found->second);
  }
}

using PortTableDeathTest = testing::Test;

TEST(PortTableDeathTest, APortIsGivenOnceAndTakenBackOnce) {
  PortTable table;
  table.Insert(80, 1);
  EXPECT_DEATH(table.Insert(80, 2), "");
  EXPECT_DEATH(table.Insert(81, PortTable::kObjectsMax), "");
  table.Erase(80);
  EXPECT_DEATH(table.Erase(80), "");
}

}  // namespace
}  // namespace aether
