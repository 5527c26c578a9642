// A host as one of several workers that share its address. Worker 0 answers ARP, ICMP and DHCP for
// all of them, puts fragments together, and tells the others what it learns; the others take that
// in before they work on frames. Nothing of it costs more than a comparison when there is one
// worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "stack/app/dhcp_client.h"
#include "stack/app/host.h"
#include "stack/base/bytes.h"
#include "stack/runtime/address_board.h"
#include "stack/runtime/inbox.h"
#include "stack/runtime/steering.h"
#include "stack/wire/ethernet.h"

namespace aether::runtime {

class WorkerHost {
 public:
  // What worker 0 does besides: `peers` are told of ARP frames and addresses, `watch` (may be null)
  // of addresses.
  struct Zero {
    std::span<Inbox* const> peers;
    SteeringKey key;  // of the flows that `peers` own
    AddressBoard* watch = nullptr;
    std::function<void()> notice;  // called after `watch` got something
  };

  WorkerHost(app::Host& host, Inbox& inbox, const std::atomic<uint32_t>& orders, Zero zero)
      : host_(host), inbox_(inbox), orders_(orders), zero_(std::move(zero)) {}

  void Receive(std::span<const Bytes> frames, Instant now) {
    if (inbox_.address().version() != address_version_) TakeAddress(now);
    if (!inbox_.observed().Empty()) TakeObserved(now);
    host_.Receive(frames, now);
    if (!inbox_.reassembled().Empty()) TakeReassembled(now);
    if (!zero_.peers.empty()) {
      ShowArpFrames(frames);
      HandOnReassembled(now);
    }
    if (zero_.watch != nullptr) ShowAddress(now);
  }
  size_t Transmit(MutableBytes out, Instant now) { return host_.Transmit(out, now); }
  Instant NextDeadline() const { return host_.NextDeadline(); }

  bool HasWork() const {
    return inbox_.address().version() != address_version_ || !inbox_.observed().Empty() ||
           !inbox_.reassembled().Empty();
  }
  bool IsQuiet() const {
    return inbox_.IsEmpty(address_version_) && orders_.load(std::memory_order_acquire) == 0;
  }

 private:
  void TakeAddress(Instant now) {
    const AddressState state = inbox_.address().Read(address_version_);
    if (state.address) {
      host_.SetAddress(*state.address, state.gateway, now);
    } else {
      host_.ClearAddress(now);
    }
  }

  void TakeObserved(Instant now) {
    std::array<Bytes, Inbox::kObservedMax> frames;
    size_t count = 0;
    while (count < frames.size()) {
      const RingFrame* frame = inbox_.observed().Peek(count);
      if (frame == nullptr) break;
      frames[count++] = frame->bytes;
    }
    host_.stack().Observe(std::span<const Bytes>(frames.data(), count), now);
    inbox_.observed().Pop(count);
  }

  void TakeReassembled(Instant now) {
    while (const RingFrame* packet = inbox_.reassembled().Front()) {
      host_.ReceiveReassembled(packet->bytes, now);
      inbox_.reassembled().Pop();
    }
  }

  // Only here is it known who owns a flow.
  void HandOnReassembled(Instant now) {
    const uint32_t workers = static_cast<uint32_t>(zero_.peers.size()) + 1;
    while (const std::optional<Bytes> packet = host_.stack().TakeReassembled()) {
      const uint32_t owner = SteerPacket(zero_.key, workers, *packet);
      if (owner == 0) {
        host_.ReceiveReassembled(*packet, now);
      } else {
        zero_.peers[owner - 1]->PutReassembled(*packet);  // or it is lost, and counted there
      }
    }
  }

  void ShowArpFrames(std::span<const Bytes> frames) {
    for (const Bytes frame : frames) {
      const auto view = EthernetView::Parse(frame);
      if (!view || view->type() != static_cast<uint16_t>(EtherType::kArp)) continue;
      for (Inbox* peer : zero_.peers) peer->PutObserved(frame);
    }
  }

  static uint32_t SecondsUntil(Instant end, Instant now) {
    if (end == kNever) return AddressState::kNoEnd;
    return static_cast<uint32_t>(std::chrono::round<std::chrono::seconds>(end - now).count());
  }

  void ShowAddress(Instant now) {
    AddressState state{.address = host_.stack().address(),
                       .gateway = host_.stack().gateway(),
                       .lease_seconds = std::nullopt};
    if (state.address == shown_.address && state.gateway == shown_.gateway) return;
    const app::DhcpClient* dhcp = host_.dhcp();
    if (dhcp != nullptr && dhcp->lease() && !dhcp->on_fallback()) {
      state.lease_seconds = SecondsUntil(dhcp->lease()->expires_at, now);
    }
    shown_ = state;
    for (Inbox* peer : zero_.peers) peer->PutAddress(state);
    zero_.watch->Publish(state);
    zero_.notice();
  }

  app::Host& host_;
  Inbox& inbox_;
  const std::atomic<uint32_t>& orders_;
  Zero zero_;
  AddressState shown_;
  uint64_t address_version_ = 0;
};

}  // namespace aether::runtime
