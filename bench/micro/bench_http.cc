// HTTP: requests of wrk, curl and a browser parsed, alone and pipelined, and their ends found when
// they come in pieces; chunked bodies skipped; paths decoded; the response of the server: the
// built-in page from its table, with the copy into a frame that sums it. Bounds: the input loaded
// once by the widest vectors, a memcpy of the response.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bench/common/bounds.h"
#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "stack/app/http_responses.h"
#include "stack/wire/checksum.h"
#include "stack/wire/http.h"
#include "stack/wire/http_chunked.h"
#include "stack/wire/http_path.h"

namespace aether::bench {
namespace {

constexpr size_t kRequests = 64;  // a power of two

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

using Texts = std::vector<std::string>;

Texts Make(const std::string& fields, size_t pipelined) {
  Generator generator(13);
  Texts texts;
  for (size_t i = 0; i < kRequests; ++i) {
    std::string text;
    for (size_t k = 0; k < pipelined; ++k) {
      text += "GET /" + std::to_string(generator.Next32()) +
              "?q=" + std::to_string(generator.Below(1000)) + " HTTP/1.1\r\n" + fields + "\r\n";
    }
    texts.push_back(text);
  }
  return texts;
}

// Sums up what the views of all requests in `text` say; 0 when one is refused.
size_t ParseAll(std::string_view text) {
  size_t sum = 0;
  while (!text.empty()) {
    const auto view = HttpRequestView::Parse(AsBytes(text), {});
    if (!view) return 0;
    sum += view->path().size() + view->query().size() + view->host().size() +
           (view->keep_alive() ? 1u : 0u);
    text.remove_prefix(view->head_size());
  }
  return sum;
}

// The same with string searches, for requests as made above.
size_t ParsePlainly(std::string_view text) {
  size_t sum = 0;
  while (!text.empty()) {
    const std::string_view head = text.substr(0, text.find("\r\n\r\n") + 4);
    const size_t path = head.find('/');
    const size_t query = head.find('?');
    const size_t host = head.find("Host: ") + 6;
    sum += query - path + head.find(" HTTP") - (query + 1) + head.find("\r\n", host) - host;
    sum += head.find("Connection: close") == head.npos ? 1u : 0u;
    text.remove_prefix(head.size());
  }
  return sum;
}

void AddRequests(Suite& suite) {
  const std::string wrk = "Host: 10.0.0.2\r\n";
  const std::string curl = "Host: 10.0.0.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n";
  const std::string browser =
      "Host: 10.0.0.2\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
      "Firefox/128.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
      "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nConnection: "
      "keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n"
      "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nPriority: u=0, i\r\n";
  const std::pair<std::string, Texts> kinds[] = {
      {"wrk", Make(wrk, 1)},
      {"close", Make(wrk + "Connection: close\r\n", 1)},
      {"curl", Make(curl, 1)},
      {"browser", Make(browser, 1)},
      {"wrk_pipelined_8", Make(wrk, 8)},
  };
  for (const auto& [name, texts] : kinds) {
    const std::string row = "http/request/" + name;
    const auto load = [texts](benchmark::State& state) {
      TimeEach(state, [&](size_t i) {
        const std::string& text = texts[i % kRequests];
        LoadOnly(AsBytes(text).data(), text.size());
      });
    };
    suite.Add(
        row,
        [texts, is_single = name != "wrk_pipelined_8"]() -> std::string {
          for (const std::string& text : texts) {
            if (ParseAll(text) != ParsePlainly(text)) return "differs from the reference";
            const auto cut = HttpRequestView::Parse(AsBytes(text).first(text.size() - 1), {});
            if (is_single && cut) return "a head without its end was taken";
          }
          return {};
        },
        [texts](benchmark::State& state) {
          TimeEach(state,
                   [&](size_t i) { benchmark::DoNotOptimize(ParseAll(texts[i % kRequests])); });
        });
    suite.AddBound(row, "load_only", load);
    if (name == "wrk_pipelined_8") continue;
    const std::string scan = "http/scan_in_pieces_of_48/" + name;
    const auto scan_all = [](std::string_view text) {
      HttpHeadScanner scanner;
      bool done = false;
      for (size_t at = 0; at < text.size() && !done; at += 48)
        done = scanner.Feed(AsBytes(text.substr(at, 48)));
      return done ? scanner.size() : 0;
    };
    suite.Add(
        scan,
        [texts, scan_all]() -> std::string {
          for (const std::string& text : texts) {
            if (scan_all(text) != text.size()) return "another end";
          }
          return {};
        },
        [texts, scan_all](benchmark::State& state) {
          TimeEach(state,
                   [&](size_t i) { benchmark::DoNotOptimize(scan_all(texts[i % kRequests])); });
        });
    suite.AddBound(scan, "load_only", load);
  }
}

void AddChunked(Suite& suite) {
  Generator generator(14);
  std::string body;
  size_t data = 0;
  for (int i = 0; i < 8; ++i) {
    const size_t size = 16 + generator.Below(200);
    constexpr std::string_view kDigits = "0123456789abcdef";
    body += std::string{kDigits[size / 16], kDigits[size % 16]} + "\r\n" + std::string(size, 'x') +
            "\r\n";
    data += size;
  }
  body += "0\r\n\r\n";
  const auto skip = [body] {
    HttpChunkedSkipper skipper(4096, 1 << 20);
    const size_t taken = skipper.Feed(AsBytes(body));
    return skipper.done() ? taken : 0;
  };
  suite.Add(
      "http/skip_chunked_8",
      [skip, body, data]() -> std::string {
        if (data == 0 || skip() != body.size()) return "another end";
        return {};
      },
      [skip](benchmark::State& state) {
        TimeEach(state, [&](size_t) { benchmark::DoNotOptimize(skip()); });
      });
  suite.AddBound("http/skip_chunked_8", "load_only", [body](benchmark::State& state) {
    TimeEach(state, [&](size_t) { LoadOnly(AsBytes(body).data(), body.size()); });
  });
}

void AddPaths(Suite& suite) {
  Generator generator(15);
  Texts texts;
  for (size_t i = 0; i < kRequests; ++i)
    texts.push_back("/a/" + std::to_string(generator.Next32()) + "/../b%20c//d.html");
  suite.Add(
      "http/path",
      [texts]() -> std::string {
        std::array<char, 256> out;
        for (const std::string& text : texts) {
          const auto path = DecodeHttpPath(text, out);
          if (!path || path->path != "/a/b c/d.html" || path->directory) return "another path";
        }
        return {};
      },
      [texts](benchmark::State& state) {
        std::array<char, 256> out;
        TimeEach(state, [&](size_t i) {
          benchmark::DoNotOptimize(DecodeHttpPath(texts[i % kRequests], out).has_value());
        });
      });
  suite.AddBound("http/path", "load_only", [texts](benchmark::State& state) {
    TimeEach(state, [&](size_t i) {
      LoadOnly(AsBytes(texts[i % kRequests]).data(), texts[i % kRequests].size());
    });
  });
}

void AddResponse(Suite& suite) {
  using app::HttpPersistence;
  using app::HttpResponses;
  using app::HttpStatus;
  const HttpResponses& responses = HttpResponses::Instance();
  const auto persistence_of = [](size_t i) {
    return i % 2 == 0 ? HttpPersistence::kDefault : HttpPersistence::kClose;
  };
  suite.Add(
      "http/response/table",
      [&responses, persistence_of]() -> std::string {
        for (size_t i = 0; i < 2; ++i) {
          const StaticBytes& response = responses.Get(HttpStatus::kOk, persistence_of(i), false);
          const std::string text(response.bytes.begin(), response.bytes.end());
          if (!text.starts_with("HTTP/1.1 200 OK\r\n")) return "no status line";
          const size_t end = text.find("\r\n\r\n") + 4;
          const size_t length_at = text.find("Content-Length: ") + 16;
          if (std::stoul(text.substr(length_at)) != text.size() - end) return "wrong length";
          if (response.sum != SumBytes(response.bytes)) return "wrong sum";
        }
        return {};
      },
      [&responses, persistence_of](benchmark::State& state) {
        TimeEach(state, [&](size_t i) {
          benchmark::DoNotOptimize(
              responses.Get(HttpStatus::kOk, persistence_of(i), false).bytes.data());
        });
      });
  // Into the frame: the sum of the whole is known, but a part of it is summed as it is copied.
  const StaticBytes& page = responses.Get(HttpStatus::kOk, HttpPersistence::kDefault, false);
  suite.Add(
      "http/response/into_frame",
      [&page]() -> std::string {
        std::vector<uint8_t> out(page.bytes.size());
        return CopyAndSum(out.data(), page.bytes) == page.sum ? "" : "wrong sum";
      },
      [&page](benchmark::State& state) {
        std::vector<uint8_t> out(page.bytes.size());
        TimeEach(state, [&](size_t) {
          benchmark::DoNotOptimize(CopyAndSum(out.data(), page.bytes));
          benchmark::ClobberMemory();
        });
      });
  suite.AddBound("http/response", "memcpy", [&page](benchmark::State& state) {
    std::vector<uint8_t> out(page.bytes.size());
    TimeEach(state, [&](size_t) {
      std::memcpy(out.data(), page.bytes.data(), out.size());
      benchmark::ClobberMemory();
    });
  });
}

void Fill(Suite& suite) {
  AddRequests(suite);
  AddChunked(suite);
  AddPaths(suite);
  AddResponse(suite);
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
