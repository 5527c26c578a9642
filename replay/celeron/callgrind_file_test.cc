#include "replay/celeron/callgrind_file.h"

#include <gtest/gtest.h>

#include <string>

namespace aether::celeron {
namespace {

const std::string kEvents = "events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw Bc Bcm Bi Bim\n";

// A function of the stack that calls one of the application, with a header of the base inlined.
const std::string kFile = "# callgrind format\nversion: 1\npositions: line\n" + kEvents +
                          "\nob=(1) /bin/x\nfl=(1) /tree/stack/tcp/segment.cc\nfn=(1) Segment\n"
                          "10 100 0 0 1 2 3 0 1\n"
                          "fi=(2) /tree/stack/base/bytes.h\n+4 10\n"
                          "fe=(1)\n"
                          "cfi=(3) /tree/stack/app/http.cc\ncfn=(2) Answer\ncalls=5 20\n"
                          "* 5000 0 0 9 9 9 9 9 9 9 9 9 9\n"
                          "-2 1 0 0 0 0 0 0 0 0 7 5 1 2\n"
                          "\nfl=(3)\nfn=(2)\n20 40 1 1 0 0 0 0 0 0 3 1\n"
                          "totals: 151 1 1 1 2 3 0 1 0 10 6 1 2\n";

TEST(CallgrindFile, SumsWhatFunctionsCostThemselvesBySource) {
  const auto file = ReadCallgrind(kFile);
  ASSERT_TRUE(file.has_value()) << file.error();
  const Counts segment = file->by_source.at("/tree/stack/tcp/segment.cc");
  EXPECT_EQ(segment.instructions, 101);
  EXPECT_EQ(segment.l1_misses, 6);
  EXPECT_EQ(segment.ll_misses, 1);
  EXPECT_EQ(segment.branch_misses, 7);
  EXPECT_EQ(file->by_source.at("/tree/stack/base/bytes.h").instructions, 10);
  EXPECT_EQ(file->by_source.at("/tree/stack/app/http.cc").instructions, 40);
  EXPECT_EQ(file->by_source.at("/tree/stack/app/http.cc").branch_misses, 1);
  EXPECT_EQ(file->total.instructions, 151);
}

TEST(CallgrindFile, RefusesWhatTheModelCannotUse) {
  EXPECT_NE(ReadCallgrind("hello\n").error().find("no output of callgrind"), std::string::npos);
  EXPECT_NE(ReadCallgrind("events: Ir\n1 5\ntotals: 5\n").error().find("--cache-sim=yes"),
            std::string::npos);
  EXPECT_NE(ReadCallgrind(kEvents + "totals: 0\n").error().find("nothing"), std::string::npos);
  EXPECT_NE(ReadCallgrind(kEvents + "1 5\ntotals: 6\n").error().find("add up"), std::string::npos);
  EXPECT_NE(ReadCallgrind(kEvents + "1 five\n").error().find("no number"), std::string::npos);
  EXPECT_NE(ReadCallgrind("1 5\n").error().find("before"), std::string::npos);
}

}  // namespace
}  // namespace aether::celeron
