// Every header, parsed and built: from the Ethernet header to DHCP, DNS and HTTP messages; a
// 64-byte frame validated whole, and malformed ones rejected beside it. Bounds: the first line of
// the input touched, a memcpy of the output.
#include "bench/common/suite.h"
#include "bench/micro/wire_rows.h"

namespace aether::bench {
namespace {

void Fill(Suite& suite) {
  AddFrameRows(suite);
  AddMessageRows(suite);
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
