#include "stack/runtime/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report Sample(uint64_t n) {
  Report report;
  report.stack.frames_in = n;
  report.stack.frames_out = 2 * n;
  report.stack.drops[DropIndex(Drop::kArpBadSender)] = n;
  report.http.requests = 3 * n;
  report.http.responses[2] = 4 * n;
  report.loop.reads = 5 * n;
  report.loop.polls = 6 * n;
  report.tap.writes = 7 * n;
  report.wake_ups = 8 * n;
  report.ring_overflows = 9 * n;
  report.connections = 10 * n;
  report.time_wait = 11 * n;
  return report;
}

TEST(ReportTest, WorkersAddUp) {
  Report sum = Sample(1);
  sum.Add(Sample(10));
  EXPECT_EQ(FormatReport(sum), FormatReport(Sample(11)));
  EXPECT_NE(FormatReport(sum), FormatReport(Sample(12)));
}

TEST(ReportTest, NamesAndValuesUnderTheirHeadings) {
  const std::string text = FormatReport(Sample(1));
  EXPECT_EQ(text.rfind("counters:\nframes_in 1\n", 0), 0u);
  EXPECT_THAT(text, HasSubstr("\nframes_out 2\n"));
  EXPECT_THAT(text, HasSubstr("\ndrops:\narp_bad_sender 1\nhttp:\n"));
  EXPECT_THAT(text, HasSubstr("\nhttp_requests 3\n"));
  EXPECT_THAT(text, HasSubstr("\nhttp_responses_2xx 4\n"));
  EXPECT_THAT(text, HasSubstr("\nloop:\n"));
  EXPECT_THAT(text, HasSubstr("\nreads 5\n"));
  EXPECT_THAT(text, HasSubstr("\nsystem_calls 19\n"));
  EXPECT_THAT(text, HasSubstr("\nring_overflows 9\n"));
  EXPECT_THAT(text, HasSubstr("\ntap_writes_failed 7\n"));
  EXPECT_THAT(text, Not(HasSubstr("tcp_bad_checksum")));
}

TEST(ReportTest, StatisticsAreRates) {
  EXPECT_EQ(FormatStatistics(Sample(10), Sample(30), 2.0),
            "stats: 10 frames/s in, 20 out, 30 requests/s, 300 connections, 330 in TIME-WAIT, 20 "
            "drops, 190 system "
            "calls/s\n");
}

}  // namespace
}  // namespace aether::runtime
