#include "stack/runtime/link_state.h"

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "stack/base/bytes.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {
namespace {

// `name` is shorter than IFNAMSIZ.
ifreq RequestFor(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), std::min(name.size(), size_t{IFNAMSIZ - 1}));
  return request;
}

FileDescriptor ControlSocket() {
  return FileDescriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

// The payload of the first attribute of `type`; empty when there is none.
Bytes FindAttribute(Bytes attributes, uint16_t type) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr header;
    std::memcpy(&header, attributes.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > attributes.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type) {
      return attributes.subspan(sizeof header, header.nla_len - sizeof header);
    }
    attributes = attributes.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), attributes.size()));
  }
  return {};
}

}  // namespace

absl::StatusOr<LinkState> ReadLinkState(const std::string& name) {
  const FileDescriptor control = ControlSocket();
  ifreq request = RequestFor(name);
  if (::ioctl(control.get(), SIOCGIFMTU, &request) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no interface ", name));
  }
  LinkState state;
  state.mtu_bytes = static_cast<uint32_t>(request.ifr_mtu);
  ifreq flags = RequestFor(name);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &flags) == 0) state.up = (flags.ifr_flags & IFF_UP) != 0;
  return state;
}

std::optional<uint32_t> AttachedQueues(const std::string& name) {
  const FileDescriptor netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    ifinfomsg info;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.info.ifi_family = AF_UNSPEC;
  request.info.ifi_index = static_cast<int>(::if_nametoindex(name.c_str()));
  if (::send(netlink.get(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  std::array<uint8_t, 16384> answer;
  const ssize_t size = ::recv(netlink.get(), answer.data(), answer.size(), 0);
  constexpr size_t kAttributes = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(ifinfomsg)));
  if (size < static_cast<ssize_t>(kAttributes)) return std::nullopt;
  nlmsghdr header;
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const Bytes link = Bytes(answer.data(), static_cast<size_t>(size)).subspan(kAttributes);
  const Bytes data = FindAttribute(FindAttribute(link, IFLA_LINKINFO), IFLA_INFO_DATA);
  const Bytes queues = FindAttribute(data, IFLA_TUN_NUM_QUEUES);
  uint32_t count = 0;
  if (queues.size() < sizeof count) return std::nullopt;
  std::memcpy(&count, queues.data(), sizeof count);
  return count;
}

std::string LinkDriver(const std::string& name) {
  const FileDescriptor control = ControlSocket();
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request = RequestFor(name);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (::ioctl(control.get(), SIOCETHTOOL, &request) != 0) return "";
  return std::strcmp(info.driver, "tun") == 0 ? info.bus_info : info.driver;
}

absl::Status BringLinkUp(const std::string& name) {
  const FileDescriptor control = ControlSocket();
  ifreq request = RequestFor(name);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(control.get(), SIOCSIFFLAGS, &request) == 0) return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("cannot bring ", name, " up (", std::strerror(errno), "): run as root"));
}

}  // namespace aether::runtime
