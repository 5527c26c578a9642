#include "stack/wire/ethernet.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const std::vector<uint8_t> kFrame = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // destination
    0x02, 0x01, 0x02, 0x03, 0x04, 0x05,  // source
    0x08, 0x06,                          // type
    0xaa, 0xbb, 0xcc,                    // payload
};

TEST(EthernetTest, Deconstruct) {
  const ExactBytes frame(kFrame);
  const auto view = EthernetView::Parse(frame);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->destination(), MacAddress::Broadcast());
  EXPECT_EQ(view->source(), (MacAddress{{2, 1, 2, 3, 4, 5}}));
  EXPECT_EQ(view->type(), static_cast<uint16_t>(EtherType::kArp));
  EXPECT_EQ(ToVector(view->payload()), (std::vector<uint8_t>{0xaa, 0xbb, 0xcc}));
}

TEST(EthernetTest, Construct) {
  std::vector<uint8_t> out(17, 0x77);
  const EthernetHeader header{MacAddress::Broadcast(), {{2, 1, 2, 3, 4, 5}}, 0x0806};
  EXPECT_EQ(header.Emit(out), 14u);
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + 14, kFrame.begin()));
  EXPECT_EQ(out[14], 0x77);
}

TEST(EthernetTest, EveryTruncatedHeaderIsRejected) {
  ForEachProperPrefix(Bytes(kFrame).first(14), [](Bytes prefix) {
    const auto view = EthernetView::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), Drop::kEthernetTooShort);
  });
  const ExactBytes header_only(Bytes(kFrame).first(14));
  const auto view = EthernetView::Parse(header_only);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->payload().empty());
}

TEST(EthernetTest, RoundTrip) {
  Random random(Seed{1, 1});
  for (int round = 0; round < 1000; ++round) {
    const ExactBytes bytes(RandomBytes(random, 14));
    const auto view = EthernetView::Parse(bytes);
    ASSERT_TRUE(view);
    const EthernetHeader header{view->destination(), view->source(), view->type()};
    ExactBytes out(std::vector<uint8_t>(14));
    header.Emit(out.mutable_bytes());
    ASSERT_EQ(ToVector(out), ToVector(bytes));
    const auto again = EthernetView::Parse(out);
    ASSERT_EQ((EthernetHeader{again->destination(), again->source(), again->type()}), header);
  }
}

TEST(EthernetDeathTest, EmitNeedsRoom) {
  std::vector<uint8_t> out(13);
  EXPECT_DEATH(EthernetHeader{}.Emit(out), "out.size");
}

}  // namespace
}  // namespace aether
