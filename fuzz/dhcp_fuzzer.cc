// DHCP messages (RFC 2131 section 2, RFC 2132). The input is the payload of a datagram.
#include <algorithm>
#include <array>

#include "fuzz/naive_dhcp.h"
#include "fuzz/target.h"
#include "stack/wire/dhcp.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 1500;

template <typename Value>
uint32_t NumberOf(const Value& value) {
  return value;
}
uint32_t NumberOf(const Ipv4Address& address) { return address.value; }

template <typename Value>
void CheckWord(const std::optional<Value>& value, const NaiveDhcp& naive, unsigned code) {
  FUZZ_CHECK(P10, value.has_value() == naive.has[code]);
  if (value) FUZZ_CHECK(P10, NumberOf(*value) == NaiveLong(naive.options[code], 0));
}

void CheckList(const DhcpAddressList& list, const NaiveDhcp& naive, unsigned code) {
  const Bytes data = naive.options[code];
  FUZZ_CHECK(P10, list.count == std::min<size_t>(data.size() / 4, 4));
  for (size_t i = 0; i < list.count; ++i)
    FUZZ_CHECK(P10, list.addresses[i].value == NaiveLong(data, i * 4));
}

void CheckFields(const DhcpView& view, Bytes payload, const NaiveDhcp& naive) {
  const DhcpMessage& message = view.message();
  FUZZ_CHECK(P10, view.IsReply() == (payload[0] == 2));
  FUZZ_CHECK(P10, static_cast<unsigned>(view.type()) == naive.options[53][0]);
  FUZZ_CHECK(P10, view.xid() == NaiveLong(payload, 4));
  FUZZ_CHECK(P10, message.secs == NaiveWord(payload, 8));
  FUZZ_CHECK(P10, message.broadcast == (payload[10] >= 128));
  FUZZ_CHECK(P10, message.client_address.value == NaiveLong(payload, 12));
  FUZZ_CHECK(P10, view.your_address().value == NaiveLong(payload, 16));
  FUZZ_CHECK(P10, message.next_server.value == NaiveLong(payload, 20));
  FUZZ_CHECK(P10, message.relay_address.value == NaiveLong(payload, 24));
  for (size_t i = 0; i < 6; ++i) FUZZ_CHECK(P10, view.client_mac().octets[i] == payload[28 + i]);
  CheckWord(view.subnet_mask(), naive, 1);
  CheckWord(view.requested_address(), naive, 50);
  CheckWord(view.lease_seconds(), naive, 51);
  CheckWord(view.server_id(), naive, 54);
  CheckWord(view.renewal_seconds(), naive, 58);
  CheckWord(view.rebinding_seconds(), naive, 59);
  CheckList(view.routers(), naive, 3);
  CheckList(view.dns_servers(), naive, 6);
  FUZZ_CHECK(P10, !message.with_client_id && !message.with_parameter_list);
  // Any option: those that are known by name and one more.
  for (const unsigned code : {1u, 6u, 52u, 53u, 55u, 61u, unsigned{payload[7]}}) {
    if (code == 0 || code == 255) continue;
    const Bytes data = view.Option(static_cast<DhcpOptionCode>(code));
    FUZZ_CHECK(P10, data.size() == naive.options[code].size());
    FUZZ_CHECK(P10, data.empty() || data.data() == naive.options[code].data());
  }
}

// The one form in which we write: options in a fixed order, the end, and zeros up to 300 bytes.
class NaiveWriter {
 public:
  explicit NaiveWriter(Bytes payload) {
    std::ranges::copy(payload.first(34), out_.begin());
    out_[3] = 0;
    out_[10] &= 0x80;
    out_[11] = 0;
    std::ranges::copy(payload.subspan(236, 4), out_.begin() + 236);
  }
  void Option(unsigned code, Bytes data) {
    out_[size_++] = static_cast<uint8_t>(code);
    out_[size_++] = static_cast<uint8_t>(data.size());
    for (const uint8_t byte : data) out_[size_++] = byte;
  }
  Bytes End() {
    out_[size_++] = 255;
    return Bytes(out_).first(std::max<size_t>(size_, 300));
  }

 private:
  std::array<uint8_t, 400> out_{};
  size_t size_ = 240;
};

void CheckRoundTrip(DhcpMessage message, Bytes payload, const NaiveDhcp& naive) {
  // Our client's own options stand in an input when its transaction says so.
  message.with_client_id = payload[4] % 2 == 1;
  message.with_parameter_list = payload[4] / 2 % 2 == 1;
  NaiveWriter canonical(payload);
  canonical.Option(53, naive.options[53]);
  if (message.with_client_id) {
    std::array<uint8_t, 7> id = {1};
    std::ranges::copy(payload.subspan(28, 6), id.begin() + 1);
    canonical.Option(61, id);
  }
  for (const unsigned code : {50u, 54u, 51u, 58u, 59u, 1u, 3u, 6u}) {
    const Bytes data = naive.options[code];
    if (naive.has[code]) canonical.Option(code, data.first(std::min<size_t>(data.size(), 16)));
  }
  static constexpr uint8_t kWanted[] = {1, 3, 6, 51, 58, 59};
  if (message.with_parameter_list) canonical.Option(55, kWanted);
  const Bytes expected = canonical.End();

  std::array<uint8_t, DhcpMessage::kSizeMax> out;
  out.fill(0xa5);
  const size_t size = message.Emit(out);
  FUZZ_CHECK(P9, std::ranges::equal(Bytes(out).first(size), expected));
  const ExactCopy emitted(Bytes(out).first(size));
  const auto again = DhcpView::Parse(emitted.bytes());
  FUZZ_CHECK(P9, again.has_value());
  message.with_client_id = message.with_parameter_list = false;
  FUZZ_CHECK(P9, again->message() == message);
  CurrentTrace().Add(emitted.bytes());
}

void RunOne(Bytes input) {
  const ExactCopy copy(input);
  const Bytes payload = copy.bytes();
  const NaiveDhcp naive = NaiveParseDhcp(payload);
  const auto view = DhcpView::Parse(payload);
  FUZZ_CHECK(P10, view.has_value() == naive.is_valid);
  CurrentTrace().Add(view.has_value() ? 0 : static_cast<uint64_t>(view.error()));
  if (!view) return;
  CheckFields(*view, payload, naive);
  CheckRoundTrip(view->message(), payload, naive);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
