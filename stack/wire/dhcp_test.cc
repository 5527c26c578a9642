#include "stack/wire/dhcp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <vector>

#include "stack/base/random.h"

namespace aether {
namespace {

DhcpMessage Ack() {
  DhcpMessage message;
  message.type = DhcpType::kAck;
  message.xid = 0x12345678;
  message.secs = 7;
  message.broadcast = true;
  message.client_address = Ipv4Address::Of(10, 0, 0, 9);
  message.your_address = Ipv4Address::Of(10, 0, 0, 5);
  message.next_server = Ipv4Address::Of(10, 0, 0, 2);
  message.relay_address = Ipv4Address::Of(10, 0, 0, 3);
  message.client_mac = {{2, 0, 0, 0, 0, 7}};
  message.server_id = Ipv4Address::Of(10, 0, 0, 1);
  message.lease_seconds = 3600;
  message.renewal_seconds = 1800;
  message.rebinding_seconds = 3150;
  message.subnet_mask = 0xffffff00;
  message.routers = {{Ipv4Address::Of(10, 0, 0, 1), Ipv4Address::Of(10, 0, 0, 254)}, 2};
  message.dns_servers = {{Ipv4Address::Of(10, 0, 0, 53)}, 1};
  return message;
}

std::vector<uint8_t> Emitted(const DhcpMessage& message) {
  std::vector<uint8_t> bytes(DhcpMessage::kSizeMax, 0xee);
  bytes.resize(message.Emit(bytes));
  return bytes;
}

// A valid message whose options field is exactly `options`; in a block of its own, so that a read
// past the end shows.
std::vector<uint8_t> WithOptions(std::vector<uint8_t> options) {
  std::vector<uint8_t> bytes = Emitted(Ack());
  bytes.resize(DhcpView::kSizeMin);
  bytes.insert(bytes.end(), options.begin(), options.end());
  bytes.shrink_to_fit();
  return bytes;
}

std::expected<DhcpView, Drop> ParseOptions(const std::vector<uint8_t>& bytes) {
  return DhcpView::Parse(bytes);
}

TEST(Dhcp, EveryFieldComesBack) {
  const std::vector<uint8_t> bytes = Emitted(Ack());
  const auto view = DhcpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->message(), Ack());
  EXPECT_TRUE(view->IsReply());
  EXPECT_EQ(view->type(), DhcpType::kAck);
  EXPECT_EQ(view->xid(), 0x12345678u);
  EXPECT_EQ(view->your_address(), Ipv4Address::Of(10, 0, 0, 5));
  EXPECT_EQ(view->client_mac(), (MacAddress{{2, 0, 0, 0, 0, 7}}));
  EXPECT_EQ(view->server_id(), Ipv4Address::Of(10, 0, 0, 1));
  EXPECT_EQ(view->lease_seconds(), 3600u);
  EXPECT_EQ(view->renewal_seconds(), 1800u);
  EXPECT_EQ(view->rebinding_seconds(), 3150u);
  EXPECT_EQ(view->subnet_mask(), 0xffffff00u);
  EXPECT_EQ(view->requested_address(), std::nullopt);
  EXPECT_EQ(view->routers().count, 2);
  EXPECT_EQ(view->dns_servers().addresses[0], Ipv4Address::Of(10, 0, 0, 53));
}

TEST(Dhcp, RoundTripOfEveryTypeWithAndWithoutEachOption) {
  for (uint8_t type = 1; type <= 8; ++type) {
    for (uint32_t mask = 0; mask < 256; ++mask) {
      DhcpMessage message = Ack();
      message.type = static_cast<DhcpType>(type);
      if ((mask & 1) != 0) message.server_id.reset();
      if ((mask & 2) != 0) message.lease_seconds.reset();
      if ((mask & 4) != 0) message.renewal_seconds.reset();
      if ((mask & 8) != 0) message.rebinding_seconds.reset();
      if ((mask & 16) != 0) message.subnet_mask.reset();
      if ((mask & 32) != 0) message.routers = {};
      if ((mask & 64) != 0) message.dns_servers = {};
      if ((mask & 128) != 0) message.requested_address = Ipv4Address::Of(10, 0, 0, 77);
      const std::vector<uint8_t> bytes = Emitted(message);
      const auto view = DhcpView::Parse(bytes);
      ASSERT_TRUE(view);
      ASSERT_EQ(view->message(), message);
      ASSERT_EQ(view->IsReply(), type == 2 || type == 5 || type == 6);
    }
  }
}

// [RFC 2132 9.14] the client identifier is hardware type and address.
// [RFC 1542 2.1] short messages are padded to 300 bytes, and every byte of them is written.
TEST(Dhcp, EmitPadsForOldRelaysAndWritesEveryByte) {
  DhcpMessage message;
  std::vector<uint8_t> bytes(DhcpMessage::kSizeMax, 0xee);
  ASSERT_EQ(message.Emit(bytes), 300u);
  EXPECT_EQ(std::count(bytes.begin(), bytes.begin() + 300, 0xee), 0);
  DhcpMessage full = Ack();
  full.requested_address = Ipv4Address::Of(1, 2, 3, 4);
  full.with_client_id = full.with_parameter_list = true;
  full.routers.count = full.dns_servers.count = kDhcpAddressesMax;
  const std::vector<uint8_t> long_one = Emitted(full);
  EXPECT_GT(long_one.size(), 300u);
  EXPECT_EQ(long_one.back(), 255);
  const auto view = DhcpView::Parse(long_one);
  ASSERT_TRUE(view);
  const Bytes id = view->Option(DhcpOptionCode::kClientId);
  EXPECT_EQ(std::vector<uint8_t>(id.begin(), id.end()),
            (std::vector<uint8_t>{1, 2, 0, 0, 0, 0, 7}));
  EXPECT_EQ(view->Option(DhcpOptionCode::kParameterList).size(), 6u);
}

TEST(Dhcp, EveryTruncatedPrefix) {
  std::vector<uint8_t> whole = Emitted(Ack());
  size_t end = whole.size();
  while (whole[end - 1] == 0) --end;  // the end option
  for (size_t size = 0; size < end; ++size) {
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[size]);
    std::copy_n(whole.begin(), size, exact.get());
    const auto view = DhcpView::Parse(Bytes(exact.get(), size));
    if (size < DhcpView::kSizeMin) {
      ASSERT_EQ(view.error(), Drop::kDhcpTooShort) << size;
    } else if (view) {
      // A cut between two options is a field without an end option.
      ASSERT_LE(view->message().routers.count, 2);
    } else {
      ASSERT_TRUE(view.error() == Drop::kDhcpBadOption || view.error() == Drop::kDhcpBadMessageType)
          << size;
    }
  }
}

TEST(Dhcp, RejectsWhatIsNotDhcpOverEthernet) {
  const auto error_with = [](size_t at, uint8_t value) {
    std::vector<uint8_t> bytes = Emitted(Ack());
    bytes[at] = value;
    const auto view = DhcpView::Parse(bytes);
    return view ? Drop::kNone : view.error();
  };
  EXPECT_EQ(error_with(0, 0), Drop::kDhcpBadFormat);
  EXPECT_EQ(error_with(0, 3), Drop::kDhcpBadFormat);
  EXPECT_EQ(error_with(1, 6), Drop::kDhcpBadFormat);
  EXPECT_EQ(error_with(2, 16), Drop::kDhcpBadFormat);
  EXPECT_EQ(error_with(2, 255), Drop::kDhcpBadFormat);
  // [RFC 2131 section 3] the magic cookie.
  for (size_t at = 236; at < 240; ++at) EXPECT_EQ(error_with(at, 0), Drop::kDhcpBadCookie);
  // An ACK that claims to be a request.
  EXPECT_EQ(error_with(0, 1), Drop::kDhcpBadMessageType);
}

// [RFC 2131 section 3] without a message type it is BOOTP; a type that does not exist is refused.
TEST(Dhcp, MessageTypeIsRequiredAndKnown) {
  const auto error_of = [](std::vector<uint8_t> options) {
    const std::vector<uint8_t> bytes = WithOptions(std::move(options));
    const auto view = ParseOptions(bytes);
    return view ? Drop::kNone : view.error();
  };
  EXPECT_EQ(error_of({}), Drop::kDhcpBadMessageType);
  EXPECT_EQ(error_of({255}), Drop::kDhcpBadMessageType);
  EXPECT_EQ(error_of({53, 1, 0, 255}), Drop::kDhcpBadMessageType);
  EXPECT_EQ(error_of({53, 1, 9, 255}), Drop::kDhcpBadMessageType);
  EXPECT_EQ(error_of({255, 53, 1, 5}), Drop::kDhcpBadMessageType)
      << "nothing counts behind the end";
  EXPECT_EQ(error_of({53, 1, 5, 255}), Drop::kNone);
  std::vector<uint8_t> request = WithOptions({255});
  request[0] = 1;
  EXPECT_EQ(ParseOptions(request).error(), Drop::kDhcpBadMessageType) << "BOOTP of a client";
  EXPECT_EQ(error_of({0, 0, 53, 1, 5, 0}), Drop::kNone) << "pads; the end option is missing";
}

// [RFC 2132 section 2] lengths that lead out of the field, the last option's above all (length
// 255).
TEST(Dhcp, ImpossibleOptionLengths) {
  const auto error_of = [](std::vector<uint8_t> options) {
    const std::vector<uint8_t> bytes = WithOptions(std::move(options));
    const auto view = ParseOptions(bytes);
    return view ? Drop::kNone : view.error();
  };
  for (const uint8_t code :
       std::initializer_list<uint8_t>{1, 3, 6, 12, 15, 50, 51, 53, 54, 58, 59, 61, 119, 254}) {
    EXPECT_EQ(error_of({53, 1, 5, code}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 1}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 255}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 255, 1, 2, 3, 4, 255}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 5, 1, 2, 3, 4}), Drop::kDhcpBadOption) << int{code};
  }
  // [RFC 2132 3.5] known options must have their own length.
  for (const uint8_t code : std::initializer_list<uint8_t>{1, 50, 51, 54, 58, 59}) {
    EXPECT_EQ(error_of({53, 1, 5, code, 3, 1, 2, 3, 255}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 5, 1, 2, 3, 4, 5, 255}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 0, 255}), Drop::kDhcpBadOption) << int{code};
  }
  for (const uint8_t code : std::initializer_list<uint8_t>{3, 6}) {
    EXPECT_EQ(error_of({53, 1, 5, code, 0, 255}), Drop::kDhcpBadOption) << int{code};
    EXPECT_EQ(error_of({53, 1, 5, code, 6, 1, 2, 3, 4, 5, 6, 255}), Drop::kDhcpBadOption)
        << int{code};
  }
  EXPECT_EQ(error_of({53, 2, 5, 5, 255}), Drop::kDhcpBadOption);
}

TEST(Dhcp, LongListsAndUnknownOptionsOfFullLength) {
  std::vector<uint8_t> options = {53, 1, 5};
  for (const uint8_t code : std::initializer_list<uint8_t>{12, 15, 119, 200}) {
    options.push_back(code);
    options.push_back(255);
    for (int i = 0; i < 255; ++i) options.push_back(code == 119 ? 0xc0 : 'x');
  }
  options.push_back(6);
  options.push_back(252);
  for (uint8_t i = 0; i < 63; ++i) options.insert(options.end(), {10, 0, 0, i});
  options.push_back(255);
  const std::vector<uint8_t> bytes = WithOptions(options);
  const auto view = DhcpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->dns_servers().count, kDhcpAddressesMax);
  EXPECT_EQ(view->dns_servers().addresses[3], Ipv4Address::Of(10, 0, 0, 3));
  EXPECT_EQ(view->Option(static_cast<DhcpOptionCode>(119)).size(), 255u);
  EXPECT_TRUE(view->Option(static_cast<DhcpOptionCode>(120)).empty());
}

TEST(Dhcp, TheFirstOfTwoInstancesCounts) {
  const std::vector<uint8_t> bytes =
      WithOptions({53, 1, 5, 53, 1, 6, 51, 4, 0, 0, 0, 1, 51, 4, 0, 0, 0, 2,  //
                   3,  4, 1, 1,  1, 1, 3,  4, 2, 2, 2, 2, 255});
  const auto view = DhcpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type(), DhcpType::kAck);
  EXPECT_EQ(view->lease_seconds(), 1u);
  EXPECT_EQ(view->routers().count, 1);
}

// [RFC 2132 9.3] [RFC 2131 4.1] options go on in file, then in sname.
TEST(Dhcp, OverloadedFieldsAreReadInOrderAndBounded) {
  std::vector<uint8_t> bytes = WithOptions({53, 1, 5, 52, 1, 3, 255});
  const auto put = [&](size_t at, std::vector<uint8_t> options) {
    std::copy(options.begin(), options.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
  };
  put(108, {51, 4, 0, 0, 0, 9, 255});
  put(44, {51, 4, 0, 0, 0, 8, 54, 4, 10, 0, 0, 1, 255});
  auto view = DhcpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->lease_seconds(), 9u) << "file before sname";
  EXPECT_EQ(view->server_id(), Ipv4Address::Of(10, 0, 0, 1));
  EXPECT_EQ(view->Option(DhcpOptionCode::kServerId).size(), 4u);

  // Neither field has an end option, and its last option leads out of it.
  put(108, std::vector<uint8_t>(128, 0));
  put(44, std::vector<uint8_t>(64, 0));
  EXPECT_TRUE(DhcpView::Parse(bytes)) << "only pads";
  bytes[108 + 127] = 12;
  EXPECT_EQ(DhcpView::Parse(bytes).error(), Drop::kDhcpBadOption)
      << "code as the last byte of file";
  bytes[108 + 127] = 0;
  bytes[108 + 126] = 12;
  EXPECT_TRUE(DhcpView::Parse(bytes)) << "an empty option that ends with the field";
  bytes[108 + 127] = 1;
  EXPECT_EQ(DhcpView::Parse(bytes).error(), Drop::kDhcpBadOption) << "one byte past file";
  put(108, std::vector<uint8_t>(128, 0));
  bytes[44 + 62] = 12;
  bytes[44 + 63] = 255;
  EXPECT_EQ(DhcpView::Parse(bytes).error(), Drop::kDhcpBadOption) << "out of sname";
}

TEST(Dhcp, OverloadOnlyWhereItMayStand) {
  for (const uint8_t value : std::initializer_list<uint8_t>{0, 4, 255}) {
    EXPECT_EQ(DhcpView::Parse(WithOptions({53, 1, 5, 52, 1, value, 255})).error(),
              Drop::kDhcpBadOption);
  }
  EXPECT_EQ(DhcpView::Parse(WithOptions({53, 1, 5, 52, 2, 1, 1, 255})).error(),
            Drop::kDhcpBadOption);
  // Without option 52 whatever stands in file and sname is a name.
  std::vector<uint8_t> bytes = WithOptions({53, 1, 5, 255});
  for (size_t at = 44; at < 236; ++at) bytes[at] = 54;
  const auto plain = DhcpView::Parse(bytes);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->server_id(), std::nullopt);
  // An overload option within file does not open sname.
  std::vector<uint8_t> nested = WithOptions({53, 1, 5, 52, 1, 1, 255});
  const std::vector<uint8_t> file = {52, 1, 2, 255};
  std::copy(file.begin(), file.end(), nested.begin() + 108);
  nested[44] = 12;
  nested[45] = 255;
  EXPECT_TRUE(DhcpView::Parse(nested));
}

TEST(Dhcp, IteratorAlwaysAdvancesOrEnds) {
  Random random({1, 2});
  for (int round = 0; round < 20000; ++round) {
    const size_t size = random.Below(40);
    const std::unique_ptr<uint8_t[]> field(new uint8_t[size]);
    for (size_t i = 0; i < size; ++i) {
      const uint32_t pick = random.Below(8);
      field[i] = static_cast<uint8_t>(pick == 0 ? random.Below(256) : random.Below(6));
    }
    DhcpOptionIterator walk(Bytes(field.get(), size));
    uint8_t code;
    Bytes data;
    size_t steps = 0;
    while (walk.Next(code, data)) {
      ASSERT_LE(++steps, size);
      ASSERT_GE(data.data(), field.get());
      ASSERT_LE(data.data() + data.size(), field.get() + size);
    }
    ASSERT_FALSE(walk.Next(code, data)) << "an ended walk stays ended";
  }
}

TEST(Dhcp, MutatedMessagesNeverReadOutside) {
  Random random({3, 4});
  for (int round = 0; round < 30000; ++round) {
    const std::vector<uint8_t> whole = Emitted(Ack());
    const size_t size = random.Below(4) == 0 ? 236 + random.Below(64) : whole.size();
    const std::unique_ptr<uint8_t[]> bytes(new uint8_t[size]);
    std::copy_n(whole.begin(), size, bytes.get());
    for (uint32_t i = random.Below(6) + 1; i > 0; --i) {
      bytes[size == 236 ? 0 : 236 + random.Below(static_cast<uint32_t>(size - 236))] =
          static_cast<uint8_t>(random.Below(3) == 0 ? 52 : random.Below(256));
    }
    const auto view = DhcpView::Parse(Bytes(bytes.get(), size));
    if (view) {
      ASSERT_GE(size, DhcpView::kSizeMin);
      ASSERT_LE(view->routers().count, kDhcpAddressesMax);
    }
  }
}

}  // namespace
}  // namespace aether
