#include "stack/runtime/program.h"

#include <ctime>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "stack/device/describe.h"
#include "stack/runtime/steady_clock.h"

namespace aether::runtime {

std::string MachineName() {
  std::string name;
  std::ifstream("/etc/machine-id") >> name;
  return name;
}

absl::StatusOr<std::unique_ptr<device::PcapWriter>> OpenCapture(const std::string& path) {
  if (path.empty()) return nullptr;
  timespec wall;
  ::clock_gettime(CLOCK_REALTIME, &wall);
  const Instant since_1970{std::chrono::seconds(wall.tv_sec) +
                           std::chrono::nanoseconds(wall.tv_nsec)};
  auto created = device::PcapWriter::Create(path, {.since_1970 = since_1970 - SteadyClock().Now()});
  if (!created) {
    return absl::UnknownError(absl::StrCat(created.error(), " Name another file with --capture."));
  }
  return *std::move(created);
}

absl::Status FinishCapture(device::PcapWriter* capture) {
  if (capture == nullptr) return absl::OkStatus();
  capture->Flush();
  return capture->error().empty() ? absl::OkStatus() : absl::UnknownError(capture->error());
}

std::string NetworkText(const Ipv4Network& network) {
  return absl::StrCat(device::ToString(network.address), "/", network.prefix_length);
}

}  // namespace aether::runtime
