// Paths of request targets (RFC 3986 section 6.2.2) on their way to the name of a file. The input
// is the path.
#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "fuzz/naive_http_path.h"
#include "fuzz/target.h"
#include "stack/wire/http_path.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = kNaivePathBytesMax;

void RunOne(Bytes input) {
  static NaivePath naive;
  naive.is_valid = naive.directory = false;
  naive.decoded_bytes = naive.depth = 0;
  const ExactCopy copy(input);
  NaiveParsePath(TextOf(copy.bytes()), naive);
  const auto out = std::make_unique_for_overwrite<char[]>(input.size() + 1);
  const auto path = DecodeHttpPath(TextOf(copy.bytes()), {out.get(), input.size() + 1});
  FUZZ_CHECK(P10, path.has_value() == naive.is_valid);
  CurrentTrace().Add(path.has_value() ? 0 : static_cast<uint64_t>(path.error()));
  if (!path) return;
  CurrentTrace().Add(BytesOf(path->path));
  FUZZ_CHECK(P10, path->directory == naive.directory);
  std::string_view rest = path->path;
  if (naive.depth == 0) {
    FUZZ_CHECK(P10, rest == "/");
    rest = {};
  }
  for (size_t i = 0; i < naive.depth; ++i) {
    FUZZ_CHECK(P10, rest.starts_with('/') && rest.substr(1).starts_with(naive.segments[i]));
    rest.remove_prefix(1 + naive.segments[i].size());
  }
  FUZZ_CHECK(P10, rest.empty());

  // With everything escaped but the slashes it is the same path again.
  static std::array<char, 3 * kInputBytesMax + 3> escaped;
  static std::array<char, 3 * kInputBytesMax + 4> decoded;
  size_t size = 0;
  for (const char c : path->path) {
    if (c == '/') {
      escaped[size++] = c;
      continue;
    }
    escaped[size++] = '%';
    escaped[size++] = "0123456789ABCDEF"[static_cast<uint8_t>(c) / 16];
    escaped[size++] = "0123456789abcdef"[static_cast<uint8_t>(c) % 16];
  }
  const auto again = DecodeHttpPath({escaped.data(), size}, decoded);
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->path == path->path && again->directory == (naive.depth == 0));
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
