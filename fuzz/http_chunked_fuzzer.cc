// Chunked bodies (RFC 9112 7.1), in one piece, cut, and with the data taken out. The first three
// bytes of the input choose the allowances and where it is cut.
#include <algorithm>

#include "fuzz/naive_chunked.h"
#include "fuzz/target.h"
#include "stack/wire/http_chunked.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 2048;

// Takes the data for itself, `piece_bytes` of it at a time.
void CheckDataOf(Bytes body, HttpChunkedSkipper skipper, size_t piece_bytes,
                 const HttpChunkedSkipper& whole, size_t taken_whole, const NaiveChunked& naive) {
  ByteHash data;
  uint64_t data_bytes = 0;
  size_t at = 0;
  while (at < body.size() && !skipper.done() && !skipper.failed()) {
    const Bytes rest = body.subspan(at);
    const size_t framing = skipper.FeedFraming(rest.first(std::min(piece_bytes, rest.size())));
    at += framing;
    const size_t size = static_cast<size_t>(
        std::min<uint64_t>({skipper.data_left(), body.size() - at, piece_bytes}));
    for (const uint8_t byte : body.subspan(at, size)) data.Add(byte);
    skipper.TakeData(size);
    data_bytes += size;
    at += size;
    FUZZ_CHECK(P8, framing + size > 0 || skipper.failed());
  }
  FUZZ_CHECK(P11, at == taken_whole);
  FUZZ_CHECK(P11, skipper.done() == whole.done() && skipper.failed() == whole.failed());
  if (naive.verdict() == NaiveChunked::Verdict::kWrong) return;
  if (naive.is_too_large()) return;
  FUZZ_CHECK(P10, data_bytes == naive.data_bytes() && data.hash() == naive.data_hash());
}

void RunOne(uint32_t extra_max, unsigned cut_at, unsigned data_choice, Bytes input) {
  const uint64_t data_max = data_choice % 4 == 0 ? UINT64_MAX : data_choice;
  const ExactCopy copy(input);
  const ExactCopy cut(input.first(input.size() * cut_at / 256));
  const Bytes body = copy.bytes();
  const NaiveChunked naive(body, extra_max, data_max, false);
  using Verdict = NaiveChunked::Verdict;

  HttpChunkedSkipper whole(extra_max, data_max);
  const size_t taken = whole.Feed(body);
  FUZZ_CHECK(P10, whole.done() == (naive.verdict() == Verdict::kDone));
  if (whole.done()) FUZZ_CHECK(P10, taken == naive.size());
  if (naive.verdict() == Verdict::kWrong) FUZZ_CHECK(P10, whole.failed());
  if (naive.verdict() == Verdict::kMore && !naive.is_too_large())
    FUZZ_CHECK(P10, !whole.failed() && taken == body.size());
  CurrentTrace().Add(taken);
  CurrentTrace().Add(static_cast<uint64_t>(naive.verdict()));

  HttpChunkedSkipper pieces(extra_max, data_max);
  size_t taken_of_both = pieces.Feed(cut.bytes());
  if (taken_of_both == cut.bytes().size())
    taken_of_both += pieces.Feed(body.subspan(taken_of_both));
  FUZZ_CHECK(P11, taken_of_both == taken);
  FUZZ_CHECK(P11, pieces.done() == whole.done() && pieces.failed() == whole.failed());
  CheckDataOf(body, HttpChunkedSkipper(extra_max, data_max), 1 + cut_at % 8, whole, taken, naive);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne(data[0], data[1], data[2], {data + 3, size - 3});
  return 0;
}
