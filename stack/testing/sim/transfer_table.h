// The transfer table: what comes through a simulated link, for buffer x loss x delay x reordering,
// from fixed seeds in virtual time. A golden file (transfer_table_<profile>.txt) holds it exactly:
// a change of a number is a change of behaviour.
#pragma once

#include <string>
#include <string_view>

namespace aether::testing::sim {

// Profiles that do not retransmit have no rows with loss or reordering. An unknown profile has an
// empty table.
std::string TransferTable(std::string_view profile_name);

}  // namespace aether::testing::sim
