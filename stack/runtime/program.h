// What the main programs with a stack have in common: the machine's name, captures, words.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stack/device/pcap_writer.h"
#include "stack/wire/address.h"

namespace aether::runtime {

// What tells this machine from the next; may be empty.
std::string MachineName();

// A capture with the times of the wall clock; null for an empty path. Call it last of all, so that
// a start that fails leaves no file behind. The error names the flag.
absl::StatusOr<std::unique_ptr<device::PcapWriter>> OpenCapture(const std::string& path);
// Writes what is left; the error is what the disk said. `capture` may be null.
absl::Status FinishCapture(device::PcapWriter* capture);

std::string NetworkText(const Ipv4Network& network);

}  // namespace aether::runtime
