// A TAP device, opened without waiting on it.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <string>

namespace aether::bench {

// The descriptor, or a sentence.
inline std::expected<int, std::string> OpenTap(const std::string& name) {
  const int tap = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name.c_str());
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (tap >= 0 && ::ioctl(tap, TUNSETIFF, &request) == 0) return tap;
  const std::string why = std::strerror(errno);
  if (tap >= 0) ::close(tap);
  return std::unexpected("cannot open TAP " + name + " (" + why + ")");
}

}  // namespace aether::bench
