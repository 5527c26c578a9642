#include "stack/app/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "stack/app/dns_test_network.h"
#include "stack/app/http_test_servers.h"

namespace aether::app {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Phase = Fetch::Phase;

// The peer is a DNS server and, on port 80, a server that answers each target with what it is
// given.
class FetchTest : public ::testing::Test {
 protected:
  FetchTest() : resolver_(pair_.a.stack, {.owner = 4, .seed = {3, 4}, .limits = {}}) {
    const Ipv4Endpoint servers[] = {{testing::kPeerIp, kDnsPort}};
    resolver_.SetServers(servers, pair_.now);
    pair_.a.on_event = [this](const Event& event, Instant now) {
      event.owner == 4 ? resolver_.OnEvent(event, now) : pair_.client.OnEvent(event, now);
    };
    pair_.a.advance = [this](Instant now) {
      resolver_.Advance(now);
      pair_.client.Advance(now);
      if (fetch_) fetch_->Run(now);
    };
    pair_.a.deadline = [this] {
      return std::min({resolver_.NextDeadline(), pair_.client.NextDeadline(),
                       fetch_ ? fetch_->NextDeadline() : kNever});
    };
    dns_ = pair_.b.stack.UdpBind(kDnsPort, {}).value();
    pair_.ListenRaw();
    pair_.b.on_event = [this, raw = pair_.b.on_event](const Event& event, Instant now) {
      event.kind == Event::Kind::kDatagram ? AnswerDns() : raw(event, now);
      AnswerHttp();
    };
  }

  void AnswerDns() {
    while (const auto datagram = pair_.b.stack.UdpPeek(dns_)) {
      const auto view = DnsView::Parse(datagram->payload);
      DnsQuestion question;
      DnsQuestionIterator walk = view->questions();
      ASSERT_TRUE(walk.Next(question));
      std::string name(DnsName::kTextSizeMax, '\0');
      name.resize(question.name.WriteText(name));
      const bool known = names_.contains(name);
      DnsMessage message(view->id(), name, known ? 0x8180 : 0x8183);
      if (known) {
        for (const Ipv4Address address : names_[name]) message.A(name, address);
      }
      const std::vector<uint8_t> bytes = message.bytes();
      const Ipv4Endpoint client = datagram->source;
      pair_.b.stack.UdpPop(dns_);
      if (!silent_) {
        ASSERT_TRUE(pair_.b.stack.UdpSend(dns_, client, bytes));
      }
    }
  }
  void AnswerHttp() {
    for (size_t i = answered_; i < pair_.received.size(); ++i) {
      const std::string& request = pair_.received[i];
      if (!request.ends_with("\r\n\r\n")) return;
      const size_t begin = request.find(' ') + 1;
      requests_.push_back(request);
      const std::string response =
          responses_[request.substr(begin, request.find(' ', begin) - begin)];
      pair_.b.stack.Write(pair_.accepted[i],
                          {reinterpret_cast<const uint8_t*>(response.data()), response.size()});
      pair_.b.stack.Shutdown(pair_.accepted[i]);
      ++answered_;
    }
  }

  // Runs until the end; the body.
  std::string Run(std::string_view url, FetchOptions options = {}) {
    fetch_ = std::make_unique<Fetch>(resolver_, pair_.client, options, HttpUrl::Parse(url).value(),
                                     pair_.now);
    std::string body;
    pair_.AdvanceUntil(
        [&] {
          while (fetch_->phase() == Phase::kBody && !fetch_->Peek().empty()) {
            const Bytes piece = fetch_->Peek();
            body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
            fetch_->Consume(piece.size(), pair_.now);
          }
          return fetch_->phase() >= Phase::kDone;
        },
        seconds(300));
    return body;
  }
  std::string Error(std::string_view url, FetchOptions options = {}) {
    Run(url, options);
    EXPECT_EQ(fetch_->phase(), Phase::kFailed);
    return fetch_->error();
  }
  static std::string Ok(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }
  static std::string To(std::string_view where, int status = 302) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + std::string(where) +
           "\r\nContent-Length: 3\r\n\r\nabc";
  }

  HttpTestPair pair_;
  DnsResolver resolver_;
  UdpSocketId dns_;
  bool silent_ = false;
  std::map<std::string, std::vector<Ipv4Address>> names_{{"www.example", {testing::kPeerIp}}};
  std::map<std::string, std::string> responses_;
  std::vector<std::string> requests_;
  size_t answered_ = 0;
  std::unique_ptr<Fetch> fetch_;
};

TEST_F(FetchTest, ByNameAndByAddress) {
  responses_["/a"] = Ok("hello");
  EXPECT_EQ(Run("http://www.example/a"), "hello");
  EXPECT_THAT(requests_.back(), HasSubstr("Host: www.example\r\n"));
  EXPECT_EQ(fetch_->server(), (Ipv4Endpoint{testing::kPeerIp, 80}));
  EXPECT_EQ(Run("http://10.0.0.1/a"), "hello");
  EXPECT_EQ(resolver_.counters().queries, 1u);
  EXPECT_EQ(fetch_->body_bytes(), 5u);
}

TEST_F(FetchTest, HostsThatAreNotFound) {
  EXPECT_EQ(Error("http://nowhere.example/"),
            "host nowhere.example not found: there is no such name");
  names_["v6.example"] = {};
  EXPECT_THAT(Error("http://v6.example/"), HasSubstr("no IPv4 address"));
  silent_ = true;
  EXPECT_THAT(Error("http://other.example/"), HasSubstr("no DNS server answered"));
  EXPECT_EQ(Error("http://more.example/", {.time_max = std::chrono::milliseconds(2500)}),
            "timed out: more.example was not found within 2.5 s");
  resolver_.SetServers({}, pair_.now);
  EXPECT_THAT(Error("http://yet.example/"), HasSubstr("--dns"));
}

// [RFC 9110 15.4] each kind, relative and absolute.
TEST_F(FetchTest, FollowsRedirects) {
  responses_["/a/b"] = To("c?d", 301);
  responses_["/a/c?d"] = To("http://10.0.0.1/e", 302);
  responses_["/e"] = To("//www.example/f", 303);
  responses_["/f"] = To("/g", 307);
  responses_["/g"] = To("h", 308);
  responses_["/h"] = Ok("there");
  EXPECT_EQ(Run("http://www.example/a/b"), "there");
  EXPECT_EQ(fetch_->phase(), Phase::kDone);
  EXPECT_EQ(fetch_->redirects(), 5u);
  EXPECT_EQ(fetch_->url().ToString(), "http://www.example/h");
}

TEST_F(FetchTest, RedirectsAtTheLimit) {
  responses_["/1"] = To("/2");
  responses_["/2"] = To("/3");
  responses_["/3"] = Ok("end");
  EXPECT_EQ(Run("http://10.0.0.1/1", {.redirects_max = 2}), "end");
  EXPECT_THAT(Error("http://10.0.0.1/1", {.redirects_max = 1}), HasSubstr("too many redirects"));
  responses_["/loop"] = To("/loop");
  EXPECT_THAT(Error("http://10.0.0.1/loop"), HasSubstr("too many redirects"));
}

TEST_F(FetchTest, RedirectsThatLeadNowhere) {
  responses_["/tls"] = To("https://www.example/");
  EXPECT_THAT(Error("http://10.0.0.1/tls"), HasSubstr("https, which is not supported"));
  responses_["/bad"] = To("http://a b/");
  EXPECT_THAT(Error("http://10.0.0.1/bad"), HasSubstr("cannot follow the redirect"));
  // Without a Location, and with a status that is no redirect, it is an answer like any other.
  responses_["/none"] = "HTTP/1.1 302 Moved\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Run("http://10.0.0.1/none"), "hi");
  responses_["/304"] = "HTTP/1.1 304 Same\r\nLocation: /x\r\n\r\n";
  EXPECT_EQ(Run("http://10.0.0.1/304"), "");
  EXPECT_EQ(fetch_->response()->status(), 304);
}

// [RFC 1123 6.1.3.4] a host with several addresses.
TEST_F(FetchTest, TheNextAddressMayBeBetter) {
  responses_["/"] = Ok("hello");
  names_["two.example"] = {Ipv4Address::Of(10, 0, 0, 77), testing::kPeerIp};
  EXPECT_EQ(Run("http://two.example/", {.connect_timeout = seconds(2)}), "hello");
  EXPECT_EQ(fetch_->connections(), 2u);
  names_["own.example"] = {testing::kOurIp, testing::kPeerIp};
  EXPECT_EQ(Run("http://own.example/"), "hello");
}

TEST_F(FetchTest, FailuresAreSentences) {
  EXPECT_EQ(Error("http://10.0.0.1:81/"), "connection refused by 10.0.0.1:81");
  EXPECT_EQ(Error("http://10.0.0.77/", {.connect_timeout = seconds(2)}),
            "timed out: no answer from 10.0.0.77:80 within 2 s");
  EXPECT_THAT(Error("http://99.0.0.1/"), HasSubstr("no route"));
  EXPECT_THAT(Error("http://10.0.0.2/"), HasSubstr("no address of another host"));
  EXPECT_THAT(Error("http://10.0.0.1/silent"), HasSubstr("no response"));
  responses_["/short"] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
  EXPECT_EQ(Error("http://www.example/short"),
            "body shorter than announced: 5 of 9 bytes came from www.example (10.0.0.1:80)");
  responses_["/cut"] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  EXPECT_THAT(Error("http://10.0.0.1/cut"), HasSubstr("after 5 bytes"));
  responses_["/head"] = "HTTP/1.1 200 OK\r\nContent-";
  EXPECT_THAT(Error("http://10.0.0.1/head"), HasSubstr("within the header"));
  responses_["/bad"] = "nonsense";
  EXPECT_THAT(Error("http://10.0.0.1/bad"), HasSubstr("malformed"));
}

// [RFC 9293 3.9.1.8 MUST-47] a soft error ends nothing, and is told when the time is over.
TEST_F(FetchTest, WhatRoutersSayIsTold) {
  fetch_ =
      std::make_unique<Fetch>(resolver_, pair_.client, FetchOptions{.connect_timeout = seconds(5)},
                              HttpUrl::Parse("http://10.0.0.1/").value(), pair_.now);
  pair_.b.cut = true;
  pair_.Settle();
  const auto tcp = fetch_->Inspect();
  ASSERT_TRUE(tcp);
  testing::TcpSpec syn;
  syn.ip.source = testing::kOurIp;
  syn.ip.destination = testing::kPeerIp;
  syn.source_port = tcp->local.port;
  syn.destination_port = 80;
  syn.sequence = tcp->snd_una.value();
  testing::Frame quote = testing::BuildTcp(syn);
  quote.erase(quote.begin(), quote.begin() + 14);
  testing::IcmpSpec icmp;
  icmp.type = 3;
  icmp.code = 1;
  icmp.rest_of_header = 0;
  icmp.payload = quote;
  const testing::Frame frame = testing::BuildIcmp(icmp);
  const Bytes view = frame;
  pair_.a.stack.Receive({&view, 1}, pair_.now);
  pair_.Advance(seconds(4));
  EXPECT_EQ(fetch_->phase(), Phase::kConnecting);
  pair_.Advance(seconds(2));
  EXPECT_EQ(fetch_->error(),
            "timed out: no answer from 10.0.0.1:80 within 5 s: a router says that the host is "
            "unreachable");
}

TEST_F(FetchTest, HeadAsksForNoContent) {
  responses_["/a"] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(Run("http://10.0.0.1/a", {.head = true}), "");
  EXPECT_EQ(fetch_->phase(), Phase::kDone);
  EXPECT_TRUE(requests_.back().starts_with("HEAD /a "));
}

TEST_F(FetchTest, GoesAwayInTheMiddle) {
  silent_ = true;
  fetch_ = std::make_unique<Fetch>(resolver_, pair_.client, FetchOptions{},
                                   HttpUrl::Parse("http://www.example/").value(), pair_.now);
  pair_.Settle();
  fetch_.reset();
  EXPECT_EQ(resolver_.NextDeadline(), kNever);
  fetch_ = std::make_unique<Fetch>(resolver_, pair_.client, FetchOptions{},
                                   HttpUrl::Parse("http://10.0.0.1/x").value(), pair_.now);
  fetch_.reset();
  pair_.Settle();
  EXPECT_EQ(pair_.a.stack.connection_count(), 0u);
}

}  // namespace
}  // namespace aether::app
