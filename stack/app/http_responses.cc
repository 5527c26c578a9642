#include "stack/app/http_responses.h"

namespace aether::app {
namespace {

constexpr std::string_view kPage =
    "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Project Aether</title>"
    "<style>body{font:18px/1.6 system-ui;max-width:32em;margin:20vh auto;padding:0 1em}</style>"
    "<h1>Project Aether</h1><p>This page came to you through a TCP/IP stack that lives in user "
    "space.</p></html>\n";

struct StatusLine {
  uint16_t code;
  std::string_view text;
};

constexpr std::array<StatusLine, kHttpStatusCount> kStatusLines = {{
    {200, "200 OK"},
    {400, "400 Bad Request"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {408, "408 Request Timeout"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {417, "417 Expectation Failed"},
    {431, "431 Request Header Fields Too Large"},
    {501, "501 Not Implemented"},
    {503, "503 Service Unavailable"},
    {505, "505 HTTP Version Not Supported"},
}};

std::string Text(HttpStatus status, HttpPersistence persistence, bool head_only) {
  const std::string line(kStatusLines[static_cast<size_t>(status)].text);
  std::string body(kPage);
  if (status != HttpStatus::kOk) {
    body = "<!DOCTYPE html><title>" + line + "</title><h1>" + line + "</h1>\n";
  }
  std::string text = "HTTP/1.1 " + line + "\r\nServer: Aether\r\n";
  text += HttpConnectionField(persistence);
  // [RFC 9110 15.5.6] a 405 response says which methods there are.
  if (status == HttpStatus::kMethodNotAllowed) text += "Allow: GET, HEAD\r\n";
  text +=
      "Content-Type: text/html; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n";
  // [RFC 9110 9.3.2] the response to HEAD has the same fields and no content.
  if (!head_only) text += body;
  return text;
}

}  // namespace

uint16_t HttpStatusCode(HttpStatus status) {
  return kStatusLines[static_cast<size_t>(status)].code;
}

std::string_view HttpConnectionField(HttpPersistence persistence) {
  switch (persistence) {
    case HttpPersistence::kClose:
      return "Connection: close\r\n";
    case HttpPersistence::kKeepAlive:
      return "Connection: keep-alive\r\n";
    case HttpPersistence::kDefault:
      break;
  }
  return {};
}

const HttpResponses& HttpResponses::Instance() {
  static const HttpResponses& responses = *new HttpResponses;
  return responses;
}

HttpResponses::HttpResponses() {
  for (size_t status = 0; status < kHttpStatusCount; ++status) {
    for (size_t persistence = 0; persistence < 3; ++persistence) {
      for (const bool head_only : {false, true}) {
        const auto status_value = static_cast<HttpStatus>(status);
        const auto persistence_value = static_cast<HttpPersistence>(persistence);
        const size_t index = Index(status_value, persistence_value, head_only);
        texts_[index] = Text(status_value, persistence_value, head_only);
        const std::string& text = texts_[index];
        table_[index] =
            StaticBytes::Of({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      }
    }
  }
}

}  // namespace aether::app
