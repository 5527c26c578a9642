#include "replay/celeron/flat_json.h"

#include <gtest/gtest.h>

namespace aether::celeron {
namespace {

TEST(FlatJson, TakesNumbersAndStrings) {
  const auto json = ReadFlatJson(" {\"a\": 1.5,\n\"b\":-2e3, \"c\" : \"x \\\"y\\\"\"}\n");
  ASSERT_TRUE(json.has_value()) << json.error();
  EXPECT_EQ(json->numbers.at("a"), 1.5);
  EXPECT_EQ(json->numbers.at("b"), -2000);
  EXPECT_EQ(json->texts.at("c"), "x \"y\"");
  EXPECT_TRUE(ReadFlatJson("{}").has_value());
}

TEST(FlatJson, SaysWhatIsWrong) {
  for (const char* text :
       {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1}x",
        "{\"a\":1,\"a\":2}", "{\"a\":{}}", "{\"a\":nan}", "{\"a\":inf}", "{\"a\":\"\n\"}",
        "{\"a\":\"b", "{\"a\":\"\\u0041\"}", "{\"a\":\"\\", "{a:1}"}) {
    const auto json = ReadFlatJson(text);
    ASSERT_FALSE(json.has_value()) << text;
    EXPECT_NE(json.error().find("it wants"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace aether::celeron
