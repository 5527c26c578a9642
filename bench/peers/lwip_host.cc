#include "bench/peers/lwip_host.h"

#include <cstring>
#include <utility>

#include "stack/base/check.h"

namespace aether::bench {
namespace {

constexpr Duration kTcpEvery = std::chrono::milliseconds(TCP_TMR_INTERVAL);
constexpr Duration kArpEvery = std::chrono::milliseconds(ARP_TMR_INTERVAL);
constexpr uint16_t kPort = 80;
// Connections that close between two looks at the list of TIME-WAIT.
constexpr uint32_t kLimitEvery = 256;

ip4_addr_t ToLwip(Ipv4Address address) { return {.addr = PP_HTONL(address.value)}; }

}  // namespace

std::expected<std::unique_ptr<LwipHost>, std::string> LwipHost::Create(const Options& options,
                                                                       Instant now) {
  auto library = LwipLibrary::Load();
  if (!library) return std::unexpected(library.error());
  std::unique_ptr<LwipHost> host(new LwipHost(options));
  host->lwip_ = std::move(*library);
  host->Begin(now);
  if (host->failures_ != 0) return std::unexpected("lwIP does not start");
  return host;
}

void LwipHost::Begin(Instant now) {
  next_tcp_ = now + kTcpEvery;
  next_arp_ = now + kArpEvery;
  lwip_->lwip_init();
  const ip4_addr_t address = ToLwip(options_.network.address);
  const ip4_addr_t mask{.addr = PP_HTONL(options_.network.Mask())};
  const ip4_addr_t gateway = ToLwip(options_.gateway);
  if (lwip_->netif_add(&interface_, &address, &mask, &gateway, this, OnInit,
                       lwip_->ethernet_input) == nullptr) {
    ++failures_;
    return;
  }
  lwip_->netif_set_default(&interface_);
  lwip_->netif_set_link_up(&interface_);
  lwip_->netif_set_up(&interface_);
  tcp_pcb* const fresh = lwip_->tcp_new();
  if (fresh == nullptr || lwip_->tcp_bind(fresh, nullptr, kPort) != ERR_OK) {
    ++failures_;
    return;
  }
  tcp_pcb* const listener = lwip_->tcp_listen_with_backlog(fresh, 255);
  if (listener == nullptr) {
    ++failures_;
    return;
  }
  lwip_->tcp_arg(listener, this);
  lwip_->tcp_accept(listener, OnAccept);
}

LwipHost::~LwipHost() {
  for (tcp_pcb** const list : {lwip_->active, lwip_->time_wait}) {
    while (*list != nullptr) {
      lwip_->tcp_abort(*list);
      waiting_.clear();  // the reset
    }
  }
}

err_t LwipHost::OnInit(netif* interface) {
  const auto* const self = static_cast<const LwipHost*>(interface->state);
  interface->name[0] = 'a';
  interface->name[1] = 'e';
  interface->mtu = 1500;
  interface->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
  interface->hwaddr_len = ETH_HWADDR_LEN;
  self->options_.mac.Store(interface->hwaddr);
  interface->output = self->lwip_->etharp_output;
  interface->linkoutput = OnOutput;
  return ERR_OK;
}

err_t LwipHost::OnOutput(netif* interface, pbuf* frame) {
  auto* const self = static_cast<LwipHost*>(interface->state);
  if (self->out_bytes_ == 0 && frame->tot_len <= self->out_.size()) {
    self->out_bytes_ = self->lwip_->pbuf_copy_partial(frame, self->out_.data(), frame->tot_len, 0);
    return ERR_OK;
  }
  self->waiting_.emplace_back(frame->tot_len);
  self->lwip_->pbuf_copy_partial(frame, self->waiting_.back().data(), frame->tot_len, 0);
  return ERR_OK;
}

err_t LwipHost::OnAccept(void* host, tcp_pcb* connection, err_t error) {
  auto* const self = static_cast<LwipHost*>(host);
  if (error != ERR_OK || connection == nullptr) {
    ++self->failures_;
    return ERR_VAL;
  }
  self->lwip_->tcp_arg(connection, self);
  self->lwip_->tcp_recv(connection, OnReceive);
  tcp_nagle_disable(connection);
  return ERR_OK;
}

err_t LwipHost::OnReceive(void* host, tcp_pcb* connection, pbuf* text, err_t) {
  auto* const self = static_cast<LwipHost*>(host);
  const LwipLibrary& lwip = *self->lwip_;
  if (text == nullptr) {
    ++self->closed_;
    return lwip.tcp_close(connection);
  }
  lwip.tcp_recved(connection, text->tot_len);
  lwip.pbuf_free(text);
  ++self->requests_;
  const Bytes response = self->options_.response;
  if (lwip.tcp_write(connection, response.data(), static_cast<uint16_t>(response.size()), 0) !=
      ERR_OK)
    ++self->failures_;
  if (self->options_.close) {
    ++self->closed_;
    if (lwip.tcp_close(connection) != ERR_OK) ++self->failures_;
  }
  return ERR_OK;
}

// The list begins with the youngest.
void LwipHost::LimitTimeWait() {
  closed_ = 0;
  tcp_pcb* last = *lwip_->time_wait;
  for (uint32_t i = 1; last != nullptr && i < options_.time_wait_max; ++i) last = last->next;
  if (last == nullptr) return;
  tcp_pcb* old = std::exchange(last->next, nullptr);
  while (old != nullptr) lwip_->tcp_free(std::exchange(old, old->next));
}

void LwipHost::Advance(Instant now) {
  for (; next_tcp_ <= now; next_tcp_ += kTcpEvery) lwip_->tcp_tmr();
  for (; next_arp_ <= now; next_arp_ += kArpEvery) lwip_->etharp_tmr();
  if (closed_ >= kLimitEvery) LimitTimeWait();
}

size_t LwipHost::Receive(Bytes frame, MutableBytes out) {
  const auto size = static_cast<uint16_t>(frame.size());
  pbuf* const buffer = lwip_->pbuf_alloc(PBUF_RAW, size, PBUF_POOL);
  if (buffer == nullptr || lwip_->pbuf_take(buffer, frame.data(), size) != ERR_OK) {
    ++failures_;
    return 0;
  }
  out_ = out;
  if (interface_.input(buffer, &interface_) != ERR_OK) lwip_->pbuf_free(buffer);
  out_ = {};
  return std::exchange(out_bytes_, 0);
}

size_t LwipHost::Transmit(MutableBytes out) {
  if (waiting_at_ == waiting_.size()) return 0;
  const std::vector<uint8_t>& frame = waiting_[waiting_at_++];
  const size_t size = frame.size();
  AETHER_CHECK(size <= out.size());
  std::memcpy(out.data(), frame.data(), size);
  if (waiting_at_ == waiting_.size()) {
    waiting_.clear();
    waiting_at_ = 0;
  }
  return size;
}

}  // namespace aether::bench
