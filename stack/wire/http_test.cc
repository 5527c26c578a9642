#include "stack/wire/http.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "stack/base/random.h"

namespace aether {
namespace {

constexpr HttpHeadLimits kLimits;

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Drop ErrorOf(std::string_view text, const HttpHeadLimits& limits = kLimits) {
  // In a block of its own size, so that a read past the end shows.
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  const auto view = HttpRequestView::Parse(Bytes(exact.get(), text.size()), limits);
  return view ? Drop::kNone : view.error();
}

HttpRequestView Parsed(std::string_view text) {
  const auto view = HttpRequestView::Parse(AsBytes(text), kLimits);
  EXPECT_TRUE(view) << text;
  return view.value();
}

std::string WithField(std::string_view field) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n\r\n";
}

TEST(HttpRequest, TheCommonOne) {
  const std::string_view text = "GET / HTTP/1.1\r\nHost: 192.168.1.2\r\n\r\nGET /next";
  const HttpRequestView view = Parsed(text);
  EXPECT_EQ(view.head_size(), text.size() - 9);
  EXPECT_EQ(view.method(), HttpMethod::kGet);
  EXPECT_EQ(view.target(), "/");
  EXPECT_EQ(view.path(), "/");
  EXPECT_EQ(view.query(), "");
  EXPECT_EQ(view.form(), HttpTargetForm::kOrigin);
  EXPECT_EQ(view.host(), "192.168.1.2");
  EXPECT_EQ(view.minor_version(), 1);
  EXPECT_TRUE(view.keep_alive());
  EXPECT_EQ(view.body(), HttpBody::kNone);
  EXPECT_EQ(view.expect(), HttpExpect::kNone);
}

TEST(HttpRequest, Methods) {
  EXPECT_EQ(Parsed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").method(), HttpMethod::kHead);
  EXPECT_EQ(Parsed("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n").method(), HttpMethod::kPatch);
  EXPECT_EQ(Parsed("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").method(), HttpMethod::kUnknown);
  EXPECT_EQ(Parsed("get / HTTP/1.1\r\nHost: a\r\n\r\n").method(), HttpMethod::kUnknown)
      << "case counts";
  EXPECT_EQ(Parsed(std::string(32, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n").method(),
            HttpMethod::kUnknown);
  EXPECT_EQ(ErrorOf(std::string(33, 'M')), Drop::kHttpBadRequest);
}

// [RFC 9112 section 3] one space, a token, a target, a version.
TEST(HttpRequest, RequestLineShape) {
  for (const std::string_view line :
       {" GET / HTTP/1.1",    "GET  / HTTP/1.1",    "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",    "GET / HTTP/1.1 ",    "GET /",
        "GET HTTP/1.1",       "GET / HTTP/11",      "GET / http/1.1",
        "GET / HTTP/1.10",    "GET / HTTP/1.",      "GET / HTTP/x.1",
        "G@T / HTTP/1.1",     ": / HTTP/1.1",       "GET / HTTP/1.1x",
        "GET /\x01 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1",
        "GET /#x HTTP/1.1",   "GET / /b HTTP/1.1",  "GET x HTTP/1.1"}) {
    EXPECT_EQ(ErrorOf(std::string(line) + "\r\nHost: a\r\n\r\n"), Drop::kHttpBadRequest) << line;
  }
  EXPECT_EQ(ErrorOf(std::string_view("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 29)),
            Drop::kHttpBadRequest);
}

// [RFC 9112 2.3] [RFC 9110 15.6.6] versions.
TEST(HttpRequest, Versions) {
  EXPECT_EQ(ErrorOf("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), Drop::kHttpBadVersion);
  EXPECT_EQ(ErrorOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Drop::kHttpBadRequest)
      << "an asterisk is for OPTIONS";
  EXPECT_EQ(ErrorOf("GET / HTTP/0.9\r\n\r\n"), Drop::kHttpBadVersion);
  EXPECT_EQ(Parsed("GET / HTTP/1.7\r\nHost: a\r\n\r\n").minor_version(), 7);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\n\r\n").minor_version(), 0);
}

// [RFC 9112 3.2.3] no path, and the shortest one neither.
TEST(HttpRequest, ConnectHasAnAuthorityOnly) {
  EXPECT_EQ(ErrorOf("CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(Parsed("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n").target(), "h:1");
}

// [RFC 9112 3.2] forms of the target. [RFC 9112 3.2.2] the authority of an absolute one stands for
// the host. [RFC 9110 4.2.1] [RFC 9110 4.2.3] [RFC 9110 4.2.4] what an http URI may be.
TEST(HttpRequest, TargetForms) {
  const HttpRequestView origin = Parsed("GET /a/b?x=1?y HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(origin.path(), "/a/b");
  EXPECT_EQ(origin.query(), "x=1?y");
  const HttpRequestView absolute = Parsed("GET hTTp://other:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(absolute.form(), HttpTargetForm::kAbsolute);
  EXPECT_EQ(absolute.host(), "other:80");
  EXPECT_EQ(absolute.path(), "/p");
  EXPECT_EQ(absolute.query(), "q");
  EXPECT_EQ(Parsed("GET https://[::1]:8 HTTP/1.1\r\nHost: h\r\n\r\n").path(), "/");
  EXPECT_EQ(Parsed("GET http://h?q=/ HTTP/1.1\r\nHost: h\r\n\r\n").query(), "q=/");
  EXPECT_EQ(Parsed("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").form(), HttpTargetForm::kAsterisk);
  EXPECT_EQ(Parsed("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n").form(), HttpTargetForm::kAuthority);
  for (const std::string_view target :
       {"*", "http:/x", "http://", "http:///x", "http://u@h/", "ftp://h/", "httpx://h/",
        "https//h/", "http://:80/", "http://h:x/", "http://[::1/"}) {
    EXPECT_EQ(ErrorOf("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"),
              Drop::kHttpBadRequest)
        << target;
  }
  EXPECT_EQ(ErrorOf("CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n"), Drop::kHttpBadRequest);
}

// [RFC 9112 2.2] line ends.
TEST(HttpRequest, LineEnds) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1\nHost: a\n\n").head_size(), 24u);
  EXPECT_EQ(Parsed("\r\n\n\r\nGET / HTTP/1.1\r\nHost: a\n\r\n").head_size(), 31u);
  EXPECT_EQ(ErrorOf("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("\rGET / HTTP/1.1\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\rHost: a\r\n\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf(WithField("X: a\rb")), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf(WithField("X: a\r")), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\nHost: a\r\n\rX"), Drop::kHttpBadRequest);
}

// [RFC 9112 5.1] [RFC 9112 5.2] [RFC 9110 5.5] [RFC 9110 5.6.2] names and values.
TEST(HttpRequest, FieldSyntax) {
  for (const std::string_view field :
       {"X : a", "X\t: a", " X: a", "X: a\r\n b: c", "X", ": a", "X Y: a", "X\x80: a", "X: a\x01",
        "X: \x7f", "X(: a", "X: 12345678\x1f"}) {
    EXPECT_EQ(ErrorOf(WithField(field)), Drop::kHttpBadRequest) << field;
  }
  EXPECT_EQ(ErrorOf(WithField(std::string_view("X: a\0b", 6))), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf(WithField(std::string_view("X\0: a", 5))), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), Drop::kHttpBadRequest)
      << "a space before the first field";
  for (const std::string_view field :
       {"X:", "X:a", "X:\t a \t", "X: a\tb", "X: \x80\xff", "X: a:b", "!#$%&'*+-.^_`|~9: a",
        "X: 1234567\t9012345\t", "X: aaaaaaaa\t\t\t\t\t\t\t\t\tb"}) {
    EXPECT_EQ(ErrorOf(WithField(field)), Drop::kNone) << field;
  }
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < 20; ++at) {
      std::string value(20, 'v');
      value[at] = static_cast<char>(byte);
      const bool fine = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
      if (byte == '\n') continue;
      ASSERT_EQ(ErrorOf(WithField("X: " + value)) == Drop::kNone, fine) << byte << " at " << at;
    }
  }
}

// [RFC 9112 3.2] [RFC 9110 7.2] exactly one Host in 1.1, at most one in 1.0, and a sound one.
TEST(HttpRequest, Host) {
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\n\r\n"), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.0\r\n\r\n"), Drop::kNone);
  EXPECT_EQ(ErrorOf(WithField("hOST: a")), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), Drop::kHttpBadRequest);
  const auto host_error = [](std::string_view host) {
    return ErrorOf("GET / HTTP/1.1\r\nhost:" + std::string(host) + "\r\n\r\n");
  };
  for (const std::string_view host :
       {"", "a.b-c_d", "10.0.0.1:8080", "[::1]", "[::1]:80", "a:", "%41", "x!$&'()*+,;="}) {
    EXPECT_EQ(host_error(host), Drop::kNone) << host;
  }
  for (const std::string_view host : {"a b", "a/b", "u@h", "a:b", "a:1:2", "[::1", "::1]", "[::1]x",
                                      "a\"", "<a>", "a\\b", "a?", "a#", "\xc3\xa4"}) {
    EXPECT_EQ(host_error(host), Drop::kHttpBadRequest) << host;
  }
  EXPECT_EQ(ErrorOf("GET http://h/ HTTP/1.1\r\n\r\n"), Drop::kHttpBadRequest)
      << "absolute form does not replace it";
}

// [RFC 9110 8.6] digits, no overflow, duplicates only when equal (HTP002).
TEST(HttpRequest, ContentLength) {
  const auto length = [](std::string_view value) {
    return Parsed("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:" + std::string(value) + "\r\n\r\n")
        .content_length();
  };
  EXPECT_EQ(length("0"), 0u);
  EXPECT_EQ(length(" 00042 "), 42u);
  EXPECT_EQ(length("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(length("5, 5,\t5"), 5u);
  EXPECT_EQ(length("5\r\nCONTENT-LENGTH: 05"), 5u);
  for (const std::string_view value : {"", "-1", "+1", "1 1", "0x10", "1.0", "18446744073709551616",
                                       "18446744073709551617", "99999999999999999999999", "5, 6",
                                       "5,", ",5", "5;", "5\r\nContent-Length: 6", "\xd9\xa1"}) {
    EXPECT_EQ(ErrorOf(WithField("Content-Length:" + std::string(value))), Drop::kHttpBadLength)
        << value;
  }
}

// [RFC 9112 6.1] [RFC 9112 6.3] [RFC 9110 5.6.1.2] codings, and no way to smuggle.
TEST(HttpRequest, TransferEncoding) {
  const auto body = [](std::string_view field) { return Parsed(WithField(field)).body(); };
  EXPECT_EQ(body("Transfer-Encoding: chunked"), HttpBody::kChunked);
  EXPECT_EQ(body("transfer-ENCODING: , CHUNKED ,"), HttpBody::kChunked);
  EXPECT_EQ(body("Transfer-Encoding: gzip, chunked"), HttpBody::kUnknownCoding);
  EXPECT_EQ(body("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
            HttpBody::kUnknownCoding);
  for (const std::string_view field :
       {"Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip",
        "Transfer-Encoding:", "Transfer-Encoding: identity", "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked\r\nContent-Length: x"}) {
    EXPECT_EQ(ErrorOf(WithField(field)), Drop::kHttpBadLength) << field;
  }
  EXPECT_EQ(ErrorOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Drop::kHttpBadLength);
  EXPECT_EQ(ErrorOf(WithField("Transfer-Encoding\x0b: chunked")), Drop::kHttpBadRequest);
  EXPECT_EQ(ErrorOf(WithField("Transfer-Encoding: \x0b"
                              "chunked")),
            Drop::kHttpBadRequest);
}

// [RFC 9112 9.3] [RFC 9110 7.6.1] the Connection field is a list, close wins.
TEST(HttpRequest, KeepAlive) {
  const auto keeps = [](int minor, std::string_view field) {
    return Parsed("GET / HTTP/1." + std::to_string(minor) + "\r\nHost: a\r\n" + std::string(field) +
                  "\r\n")
        .keep_alive();
  };
  EXPECT_TRUE(keeps(1, ""));
  EXPECT_FALSE(keeps(0, ""));
  EXPECT_FALSE(keeps(1, "Connection: close\r\n"));
  EXPECT_FALSE(keeps(1, "connection:upgrade ,\tCLOSE\r\n"));
  EXPECT_TRUE(keeps(1, "Connection: closed\r\n"));
  EXPECT_TRUE(keeps(1, "Connection: not-close\r\n"));
  EXPECT_TRUE(keeps(0, "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps(0, "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps(1, "Connection: close, keep-alive\r\n"));
}

// [RFC 9110 10.1.1] expectations.
TEST(HttpRequest, Expect) {
  EXPECT_EQ(Parsed(WithField("Expect: 100-Continue")).expect(), HttpExpect::kContinue);
  EXPECT_EQ(Parsed(WithField("Expect: 200-ok")).expect(), HttpExpect::kUnknown);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect(), HttpExpect::kNone);
}

// [RFC 9112 section 3] [RFC 6585 section 5] limits, at their edges (HTP001).
TEST(HttpRequest, Limits) {
  const HttpHeadLimits limits{.target_bytes_max = 100, .header_bytes_max = 200, .fields_max = 5};
  const auto with_target = [&](size_t size) {
    return ErrorOf("GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits);
  };
  EXPECT_EQ(with_target(100), Drop::kNone);
  EXPECT_EQ(with_target(101), Drop::kHttpUriTooLong);
  EXPECT_EQ(ErrorOf("POST /" + std::string(100, 'A'), limits), Drop::kHttpUriTooLong)
      << "without waiting for the rest";
  const auto with_header = [&](size_t size) {  // "Host: a" CR LF, "X: " ... CR LF, CR LF
    return ErrorOf("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 16, 'a') + "\r\n\r\n",
                   limits);
  };
  EXPECT_EQ(with_header(200), Drop::kNone);
  EXPECT_EQ(with_header(201), Drop::kHttpHeadersTooLarge);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\nX: " + std::string(197, 'a'), limits),
            Drop::kHttpHeadersTooLarge);
  EXPECT_EQ(ErrorOf("GET / HTTP/1.1\r\nX: " + std::string(196, 'a'), limits), Drop::kHttpTooShort);
  std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 4; ++i) fields += "X: y\r\n";
  EXPECT_EQ(ErrorOf(fields + "\r\n", limits), Drop::kNone);
  EXPECT_EQ(ErrorOf(fields + "X: y\r\n\r\n", limits), Drop::kHttpHeadersTooLarge);
}

// A head is too short at every prefix, complete at its end, and does not change with what follows.
TEST(HttpRequest, EveryPrefix) {
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n"),
        std::string(
            "\r\nPOST http://h:80/a%20b/../c?x HTTP/1.1\r\nhost: x\r\nUser-Agent:  a b\t\r\n"
            "Connection: keep-alive, x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"),
        std::string("HEAD /x HTTP/1.0\nConnection: keep-alive\n\n")}) {
    for (size_t size = 0; size < text.size(); ++size) {
      ASSERT_EQ(ErrorOf(std::string_view(text).substr(0, size)), Drop::kHttpTooShort) << size;
    }
    ASSERT_EQ(ErrorOf(text), Drop::kNone);
    ASSERT_EQ(Parsed(text + "\x01junk").head_size(), text.size());
    // The scanner agrees, wherever the head is cut in two or three.
    for (size_t first = 0; first <= text.size(); ++first) {
      for (size_t second = first; second <= text.size(); second += 3) {
        HttpHeadScanner scanner;
        const std::string longer = text + "GET ";
        bool found = scanner.Feed(AsBytes(longer.substr(0, first)));
        if (!found) found = scanner.Feed(AsBytes(longer.substr(first, second - first)));
        if (!found) found = scanner.Feed(AsBytes(longer.substr(second)));
        ASSERT_TRUE(found);
        ASSERT_EQ(scanner.size(), text.size());
      }
    }
  }
}

// [RFC 6585 section 5] as soon as no end can make it right, and not a byte earlier.
TEST(HttpHeadScanner, SaysWhenItIsTooLong) {
  const HttpHeadLimits limits{.target_bytes_max = 100, .header_bytes_max = 200, .fields_max = 5};
  for (const bool has_line : {false, true}) {
    const std::string text =
        (has_line ? "\r\nGET / HTTP/1.1\r\nX: " : "GET /") + std::string(400, 'a');
    HttpHeadScanner scanner;
    size_t size = 0;
    while (!scanner.IsTooLong(limits)) {
      ASSERT_LT(size, text.size());
      ASSERT_FALSE(scanner.Feed(AsBytes(text).subspan(size++, 1)));
    }
    EXPECT_EQ(size, has_line ? 18u + 200u : limits.RequestLineBytesMax() + 1u);
    EXPECT_EQ(ErrorOf(text.substr(0, size), limits),
              has_line ? Drop::kHttpHeadersTooLarge : Drop::kHttpUriTooLong);
  }
}

// Where a head ends, the slow way: the first empty line behind a line that is not.
size_t NaiveHeadSize(std::string_view text) {
  bool any = false;
  for (size_t at = 0;;) {
    const size_t lf = text.find('\n', at);
    if (lf == text.npos) return 0;
    std::string_view line = text.substr(at, lf - at);
    at = lf + 1;
    if (line.empty() || line == "\r") {
      if (any) return at;
    } else {
      any = true;
    }
  }
}

// Random texts of HTTP's own pieces: whatever Parse says of a prefix it says of the whole, errors
// are final, the scanner finds the same end, and every view lies within the head.
TEST(HttpRequest, RandomPiecesAgreeWithTheSlowWay) {
  static constexpr std::string_view kPieces[] = {"GET ",
                                                 "POST ",
                                                 "/",
                                                 "/a?b",
                                                 " HTTP/1.1",
                                                 " HTTP/1.0",
                                                 "\r\n",
                                                 "\n",
                                                 "\r",
                                                 "Host: a",
                                                 "Host:",
                                                 "Content-Length: 3",
                                                 "Transfer-Encoding: chunked",
                                                 "Connection: close",
                                                 ":",
                                                 " ",
                                                 "\t",
                                                 "x",
                                                 "\r\n\r\n",
                                                 "Expect: 100-continue"};
  Random random({5, 6});
  int complete = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = random.Below(2) == 0 ? "GET / HTTP/1.1\r\nHost: a\r\n" : "";
    for (uint32_t i = random.Below(12); i > 0; --i)
      text += kPieces[random.Below(std::size(kPieces))];
    const Drop whole = ErrorOf(text);
    HttpHeadScanner scanner;
    bool found = false;
    for (size_t size = 1; size <= text.size() && !found; ++size)
      found = scanner.Feed(AsBytes(text).subspan(size - 1, 1));
    const size_t naive = NaiveHeadSize(text);
    ASSERT_EQ(found, naive != 0);
    if (found) {
      ASSERT_EQ(scanner.size(), naive);
    }
    if (whole == Drop::kNone) {
      ++complete;
      ASSERT_EQ(Parsed(text).head_size(), naive);
    } else if (whole == Drop::kHttpTooShort) {
      ASSERT_EQ(naive, 0u) << text;
    }
    const size_t cut = random.Below(static_cast<uint32_t>(text.size()) + 1);
    const Drop prefix = ErrorOf(std::string_view(text).substr(0, cut));
    if (prefix != Drop::kHttpTooShort) {
      ASSERT_EQ(prefix, whole) << text;
    }
  }
  EXPECT_GT(complete, 500);
}

TEST(HttpRequest, NothingIsEverReadOutsideUnderMutation) {
  const std::string base =
      "GET http://host:80/a/b?c HTTP/1.1\r\nHost: host:80\r\nContent-Length: 10\r\nConnection: "
      "keep-alive\r\n\r\n";
  Random random({7, 8});
  for (int round = 0; round < 30000; ++round) {
    std::string text = base.substr(0, base.size() - random.Below(8));
    for (uint32_t i = random.Below(4); i > 0; --i) {
      text[random.Below(static_cast<uint32_t>(text.size()))] = static_cast<char>(random.Below(256));
    }
    if (ErrorOf(text) != Drop::kNone) continue;
    const HttpRequestView view = Parsed(text);
    ASSERT_LE(view.head_size(), text.size());
    for (const std::string_view part : {view.target(), view.query(), view.host()}) {
      ASSERT_LE(part.data() + part.size(), text.data() + view.head_size());
    }
  }
}

}  // namespace
}  // namespace aether
