// lwIP as Debian builds it (liblwip-dev), one copy of the library per instance: it keeps everything
// in global variables, and a script needs two servers (see bench/stack/scenario.h). Each instance
// is a copy of the file in memory that the dynamic linker takes for another library. It is looked
// for at run time, so that a program of ours starts where it is absent, and says so.
#pragma once

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <netif/ethernet.h>

#include <expected>
#include <memory>
#include <string>

namespace aether::bench {

class LwipLibrary {
 public:
  // Says what is missing.
  static std::expected<std::unique_ptr<LwipLibrary>, std::string> Load();
  ~LwipLibrary();
  LwipLibrary(const LwipLibrary&) = delete;
  LwipLibrary& operator=(const LwipLibrary&) = delete;

#define AETHER_LWIP_FUNCTIONS(X) \
  X(etharp_output)               \
  X(etharp_tmr)                  \
  X(ethernet_input)              \
  X(lwip_init)                   \
  X(netif_add)                   \
  X(netif_set_default)           \
  X(netif_set_link_up)           \
  X(netif_set_up)                \
  X(pbuf_alloc)                  \
  X(pbuf_copy_partial)           \
  X(pbuf_free)                   \
  X(pbuf_take)                   \
  X(tcp_abort)                   \
  X(tcp_accept)                  \
  X(tcp_arg)                     \
  X(tcp_bind)                    \
  X(tcp_close)                   \
  X(tcp_free)                    \
  X(tcp_listen_with_backlog)     \
  X(tcp_new)                     \
  X(tcp_recv)                    \
  X(tcp_recved)                  \
  X(tcp_tmr)                     \
  X(tcp_write)
#define AETHER_LWIP_DECLARE(name) decltype(&::name) name = nullptr;
  AETHER_LWIP_FUNCTIONS(AETHER_LWIP_DECLARE)
#undef AETHER_LWIP_DECLARE
  tcp_pcb** active = nullptr;
  tcp_pcb** time_wait = nullptr;

 private:
  LwipLibrary() = default;

  int file_ = -1;
  void* handle_ = nullptr;
};

}  // namespace aether::bench
