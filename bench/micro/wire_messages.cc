// Rows of bench_wire for messages of applications: DHCP, DNS, HTTP requests and responses.
#include <string>

#include "bench/common/generators.h"
#include "bench/micro/wire_rows.h"
#include "stack/testing/frame_builder.h"
#include "stack/wire/dhcp.h"
#include "stack/wire/dns.h"
#include "stack/wire/dns_name.h"
#include "stack/wire/http.h"
#include "stack/wire/http_response.h"

namespace aether::bench {
namespace {

using testing::Frame;
using testing::ToFrame;

Frame Emitted(const auto& message) {
  Frame out(4096);
  out.resize(message.Emit(out));
  return out;
}

DhcpMessage Offer(Generator& generator) {
  DhcpMessage offer;
  offer.type = DhcpType::kOffer;
  offer.xid = generator.Next32();
  offer.your_address = ClientOf(generator.Next32()).address;
  offer.client_mac = testing::kOurMac;
  offer.server_id = testing::kPeerIp;
  offer.lease_seconds = generator.Below(86400) + 60;
  offer.subnet_mask = 0xffffff00u;
  offer.routers.addresses[0] = testing::kPeerIp;
  offer.routers.count = 1;
  offer.dns_servers = offer.routers;
  return offer;
}

void AddDhcp(Suite& suite) {
  Generator generator(6);
  const Inputs offers = MakeInputs([&](size_t) { return Emitted(Offer(generator)); });
  AddWireRow(
      suite, "wire/parse/dhcp_offer", offers,
      [](Bytes bytes) {
        const auto view = DhcpView::Parse(bytes);
        // Fields at their places in RFC 2131, and all of it written anew.
        return view && view->xid() == LoadBe<uint32_t>(bytes.data() + 4) &&
               view->your_address().value == LoadBe<uint32_t>(bytes.data() + 16) &&
               view->server_id() == testing::kPeerIp && view->routers().count == 1 &&
               std::ranges::equal(Emitted(view->message()), bytes);
      },
      [](Bytes bytes) {
        const auto view = DhcpView::Parse(bytes);
        return view ? view->xid() + view->your_address().value + view->lease_seconds().value_or(0)
                    : 0;
      });
  AddTouchBound(suite, "wire/parse/dhcp_offer", offers);
  const Inputs bad = MakeInputs([&](size_t i) {
    Frame offer = (*offers)[i];
    offer[DhcpView::kFixedSize] ^= 1;
    return offer;
  });
  AddWireRow(
      suite, "wire/parse/dhcp_reject_cookie", bad,
      [](Bytes bytes) {
        const auto view = DhcpView::Parse(bytes);
        return !view && view.error() == Drop::kDhcpBadCookie;
      },
      [](Bytes bytes) { return DhcpView::Parse(bytes).has_value(); });
  AddTouchBound(suite, "wire/parse/dhcp_reject_cookie", bad);
  AddBuildRow(
      suite, "wire/build/dhcp_discover",
      [](size_t i, Bytes bytes) {
        const auto view = DhcpView::Parse(bytes);
        return view && view->type() == DhcpType::kDiscover && view->xid() == i * 31;
      },
      [](size_t i, MutableBytes out) {
        DhcpMessage discover;
        discover.xid = static_cast<uint32_t>(i * 31);
        discover.client_mac = testing::kOurMac;
        discover.with_client_id = true;
        discover.with_parameter_list = true;
        return discover.Emit(out);
      });
}

// An answer as servers give them: an alias and three addresses, all names but the first compressed.
Frame DnsAnswer(Generator& generator) {
  Frame out(512);
  const DnsName name = *DnsName::FromText("www." + std::to_string(generator.Next32()) + ".example");
  size_t size = EmitDnsQuery(static_cast<uint16_t>(generator.Next32()), name, DnsType::kA, out);
  StoreBe<uint16_t>(out.data() + 2, 0x8180);
  StoreBe<uint16_t>(out.data() + 6, 4);
  const auto add = [&](uint16_t pointer, uint16_t type, const Frame& data) {
    StoreBe<uint16_t>(out.data() + size, static_cast<uint16_t>(0xc000u | pointer));
    StoreBe<uint16_t>(out.data() + size + 2, type);
    StoreBe<uint16_t>(out.data() + size + 4, 1);
    StoreBe<uint32_t>(out.data() + size + 6, 300);
    StoreBe<uint16_t>(out.data() + size + 10, static_cast<uint16_t>(data.size()));
    std::ranges::copy(data, out.begin() + static_cast<long>(size) + 12);
    size += 12 + data.size();
  };
  const uint16_t alias_at = static_cast<uint16_t>(size + 12);
  add(12, 5, {4, 'e', 'd', 'g', 'e', 0xc0, 16});
  for (int i = 0; i < 3; ++i) add(alias_at, 1, generator.Payload(4));
  out.resize(size);
  return out;
}

void AddDns(Suite& suite) {
  Generator generator(7);
  const Inputs answers = MakeInputs([&](size_t) { return DnsAnswer(generator); });
  const auto sum = [](Bytes bytes) {
    const auto view = DnsView::Parse(bytes);
    if (!view) return 0u;
    uint32_t total = view->id();
    DnsRecordIterator records = view->records(DnsSection::kAnswer);
    DnsRecord record;
    while (records.Next(record)) {
      if (const auto address = record.Address()) total += address->value;
    }
    return total;
  };
  AddWireRow(
      suite, "wire/parse/dns_answer_4", answers,
      [sum](Bytes bytes) {
        // The addresses stand at the ends of the last three records, 16 bytes each.
        uint32_t expected = LoadBe<uint16_t>(bytes.data());
        for (size_t i = 0; i < 3; ++i)
          expected += LoadBe<uint32_t>(bytes.data() + bytes.size() - 4 - 16 * i);
        return sum(bytes) == expected;
      },
      sum);
  AddTouchBound(suite, "wire/parse/dns_answer_4", answers);
  const Inputs bad = MakeInputs([&](size_t i) {
    Frame answer = (*answers)[i];
    answer[12] = 0xc0;  // the question's name points to itself
    answer[13] = 12;
    return answer;
  });
  AddWireRow(
      suite, "wire/parse/dns_reject_loop", bad, [](Bytes bytes) { return !DnsView::Parse(bytes); },
      [](Bytes bytes) { return DnsView::Parse(bytes).has_value(); });
  AddTouchBound(suite, "wire/parse/dns_reject_loop", bad);
  const DnsName name = *DnsName::FromText("www.example.org");
  AddBuildRow(
      suite, "wire/build/dns_query",
      [name](size_t i, Bytes bytes) {
        const auto view = DnsView::Parse(bytes);
        if (!view || view->id() != i || view->question_count() != 1) return false;
        DnsQuestionIterator questions = view->questions();
        DnsQuestion question;
        return questions.Next(question) && question.name == name && question.type == DnsType::kA;
      },
      [name](size_t i, MutableBytes out) {
        return EmitDnsQuery(static_cast<uint16_t>(i), name, DnsType::kA, out);
      });
}

void AddHttp(Suite& suite) {
  Generator generator(8);
  const Inputs requests = MakeInputs([&](size_t) {
    return ToFrame("GET /" + std::to_string(generator.Next32()) +
                   " HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n");
  });
  AddWireRow(
      suite, "wire/parse/http_request", requests,
      [](Bytes bytes) {
        const auto view = HttpRequestView::Parse(bytes, {});
        const std::string text(bytes.begin(), bytes.end());
        return view && view->head_size() == bytes.size() && view->method() == HttpMethod::kGet &&
               view->host() == "10.0.0.2" && view->keep_alive() &&
               view->target() == text.substr(4, text.find(" HTTP") - 4);
      },
      [](Bytes bytes) {
        const auto view = HttpRequestView::Parse(bytes, {});
        return view ? view->head_size() + view->path().size() + view->host().size() : 0;
      });
  AddTouchBound(suite, "wire/parse/http_request", requests);
  const Inputs bad = MakeInputs([&](size_t i) {
    Frame request = (*requests)[i];
    request[3] = '\t';  // no space behind the method
    return request;
  });
  AddWireRow(
      suite, "wire/parse/http_reject_request", bad,
      [](Bytes bytes) {
        const auto view = HttpRequestView::Parse(bytes, {});
        return !view && view.error() == Drop::kHttpBadRequest;
      },
      [](Bytes bytes) { return HttpRequestView::Parse(bytes, {}).has_value(); });
  AddTouchBound(suite, "wire/parse/http_reject_request", bad);
  const Inputs responses = MakeInputs([&](size_t) {
    return ToFrame("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: " +
                   std::to_string(generator.Below(100000)) + "\r\n\r\n");
  });
  AddWireRow(
      suite, "wire/parse/http_response", responses,
      [](Bytes bytes) {
        const auto view = HttpResponseView::Parse(bytes, 100);
        const std::string text(bytes.begin(), bytes.end());
        return view && view->status() == 200 && view->head_size() == bytes.size() &&
               view->content_length() == std::stoull(text.substr(text.rfind(": ") + 2));
      },
      [](Bytes bytes) {
        const auto view = HttpResponseView::Parse(bytes, 100);
        return view ? view->head_size() + view->content_length() : 0;
      });
  AddTouchBound(suite, "wire/parse/http_response", responses);
}

}  // namespace

void AddMessageRows(Suite& suite) {
  AddDhcp(suite);
  AddDns(suite);
  AddHttp(suite);
}

}  // namespace aether::bench
