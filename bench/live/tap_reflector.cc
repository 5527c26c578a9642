// A stateless TAP reflector: what a server on a TAP would reach if it had nothing to do. Every
// frame is answered from its own bytes: no connection table, no checks, no checksum of what
// arrives, no option but MSS. One read and at most one write per frame; the response stands ready
// in the send buffer and only its header is written. It is the bound that aether-run is measured
// against (floors), not a server.
//
//   tap_reflector --tap=aether0 --address=10.0.0.2 [--close] [--backoff=spin|yield|sleep|poll]
//   [--response=FILE]
//
// `sleep` waits ever longer while nothing arrives, up to 50 ms: what polling programs often do.
// --close answers a request with the response and a FIN at once; without it connections stay open.
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "bench/live/default_response.h"
#include "bench/live/tap_port.h"
#include "stack/base/bytes.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::bench {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kIpBytes = 20;
constexpr size_t kIp = kEthernetBytes;
constexpr size_t kTcp = kIp + kIpBytes;
constexpr size_t kTcpBytes = 20;
constexpr size_t kPayload = kTcp + kTcpBytes;
// Every connection starts with it: a peer that acknowledges kFirstSequence + 1 has been sent
// nothing yet.
constexpr uint32_t kFirstSequence = 0x10000000;
constexpr std::array<uint8_t, 6> kMac = {0x02, 0xae, 0x7e, 0x00, 0x00, 0x02};

enum class Backoff { kSpin, kYield, kSleep, kPoll };

constexpr long kSleepMinNs = 1000;
constexpr long kSleepMaxNs = 50'000'000;

struct Options {
  std::string tap = "aether0";
  uint32_t address = 0x0a000002;
  bool close = false;
  Backoff backoff = Backoff::kSpin;
  std::string response;
};

struct Counts {
  uint64_t reads = 0;
  uint64_t dry = 0;
  uint64_t writes = 0;
  uint64_t waits = 0;
  uint64_t responses = 0;
};

volatile std::sig_atomic_t stop = 0;

class Reflector {
 public:
  Reflector(const Options& options, int tap) : options_(options), tap_(tap) {
    // The frame of a response, all but addresses, ports and numbers.
    uint8_t* ip = response_.data() + kIp;
    StoreBe<uint16_t>(response_.data() + 12, 0x0800);
    ip[0] = 0x45;
    StoreBe<uint16_t>(ip + 2,
                      static_cast<uint16_t>(kIpBytes + kTcpBytes + options.response.size()));
    StoreBe<uint16_t>(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = 6;
    uint8_t* tcp = response_.data() + kTcp;
    tcp[12] = 0x50;
    StoreBe<uint16_t>(tcp + 14, 0xffff);
    std::memcpy(response_.data() + kPayload, options.response.data(), options.response.size());
    payload_sum_ = SumBytes({response_.data() + kPayload, options.response.size()});
    response_bytes_ = kPayload + options.response.size();
  }

  void Run() {
    while (stop == 0) {
      ++counts_.reads;
      const ssize_t got = ::read(tap_, frame_.data(), frame_.size());
      if (got <= 0) {
        if (got < 0 && errno != EAGAIN && errno != EINTR) return;
        ++counts_.dry;
        Wait();
        continue;
      }
      sleep_ns_ = kSleepMinNs;
      Answer(static_cast<size_t>(got));
    }
  }

  const Counts& counts() const { return counts_; }

 private:
  void Wait() {
    switch (options_.backoff) {
      case Backoff::kSpin:
        return;
      case Backoff::kYield:
        ++counts_.waits;
        ::sched_yield();
        return;
      case Backoff::kSleep: {
        ++counts_.waits;
        const timespec time{0, sleep_ns_};
        ::nanosleep(&time, nullptr);
        sleep_ns_ = std::min(2 * sleep_ns_, kSleepMaxNs);
        return;
      }
      case Backoff::kPoll: {
        ++counts_.waits;
        pollfd poll{tap_, POLLIN, 0};
        ::poll(&poll, 1, -1);
        return;
      }
    }
  }

  void Send(const uint8_t* frame, size_t size) {
    ++counts_.writes;
    [[maybe_unused]] const ssize_t written = ::write(tap_, frame, size);
  }

  void Answer(size_t size) {
    const uint16_t type = LoadBe<uint16_t>(frame_.data() + 12);
    if (type == 0x0800 && size >= kPayload && frame_[kIp] == 0x45 && frame_[kIp + 9] == 6) {
      AnswerTcp();
    } else if (type == 0x0800 && size >= kTcp + 8 && frame_[kIp + 9] == 1 && frame_[kTcp] == 8) {
      AnswerEcho(size);
    } else if (type == 0x0806 && size >= kEthernetBytes + 28) {
      AnswerArp();
    }
  }

  void AnswerArp() {
    uint8_t* arp = frame_.data() + kEthernetBytes;
    if (LoadBe<uint16_t>(arp + 6) != 1 || LoadBe<uint32_t>(arp + 24) != options_.address) return;
    std::memcpy(frame_.data(), frame_.data() + 6, 6);
    std::memcpy(frame_.data() + 6, kMac.data(), 6);
    StoreBe<uint16_t>(arp + 6, 2);
    std::memcpy(arp + 18, arp + 8, 10);
    std::memcpy(arp + 8, kMac.data(), 6);
    StoreBe<uint32_t>(arp + 14, options_.address);
    Send(frame_.data(), kEthernetBytes + 28);
  }

  // Exchanges what stands at both places.
  template <typename T>
  static void Swap(uint8_t* a, uint8_t* b) {
    T first;
    T second;
    std::memcpy(&first, a, sizeof first);
    std::memcpy(&second, b, sizeof second);
    std::memcpy(a, &second, sizeof second);
    std::memcpy(b, &first, sizeof first);
  }
  void SwapAddresses() {
    std::memcpy(frame_.data(), frame_.data() + 6, 6);
    std::memcpy(frame_.data() + 6, kMac.data(), 6);
    // The sum of the IP header stays as it is.
    Swap<uint32_t>(frame_.data() + kIp + 12, frame_.data() + kIp + 16);
  }

  void AnswerEcho(size_t size) {
    SwapAddresses();
    uint8_t* icmp = frame_.data() + kIp + size_t{frame_[kIp]} % 16 * 4;
    icmp[0] = 0;
    StoreBe<uint16_t>(icmp + 2, ChecksumUpdate(LoadBe<uint16_t>(icmp + 2), 0x0800, 0x0000));
    Send(frame_.data(), size);
  }

  void AnswerTcp() {
    const uint8_t* tcp = frame_.data() + kTcp;
    const uint8_t flags = tcp[13];
    const uint32_t sequence = LoadBe<uint32_t>(tcp + 4);
    const uint32_t acknowledged = LoadBe<uint32_t>(tcp + 8);
    const size_t payload =
        size_t{LoadBe<uint16_t>(frame_.data() + kIp + 2)} - kIpBytes - (size_t{tcp[12]} >> 4 << 2);
    if ((flags & tcp_flags::kSyn) != 0) {
      AnswerSyn(sequence);
    } else if ((flags & tcp_flags::kRst) != 0) {
      return;
    } else if (payload > 0) {
      Respond(acknowledged, sequence + static_cast<uint32_t>(payload));
    } else if ((flags & tcp_flags::kFin) != 0) {
      // Our FIN went out with the response, if there was one.
      const bool closed = options_.close && acknowledged != kFirstSequence + 1;
      AnswerFin(acknowledged, sequence + 1,
                closed ? tcp_flags::kAck : tcp_flags::kAck | tcp_flags::kFin);
    }
  }

  void Respond(uint32_t sequence, uint32_t acknowledgment) {
    const uint8_t* in = frame_.data();
    uint8_t* out = response_.data();
    std::memcpy(out, in + 6, 6);
    std::memcpy(out + 6, kMac.data(), 6);
    uint8_t* ip = out + kIp;
    std::memcpy(ip + 12, in + kIp + 16, 4);
    std::memcpy(ip + 16, in + kIp + 12, 4);
    uint8_t* tcp = out + kTcp;
    std::memcpy(tcp, in + kTcp + 2, 2);
    std::memcpy(tcp + 2, in + kTcp, 2);
    StoreBe(tcp + 4, sequence);
    StoreBe(tcp + 8, acknowledgment);
    tcp[13] = tcp_flags::kPsh | tcp_flags::kAck | (options_.close ? tcp_flags::kFin : uint8_t{0});
    Finish(out, kTcpBytes, options_.response.size(), payload_sum_);
    ++counts_.responses;
    Send(out, response_bytes_);
  }

  void AnswerSyn(uint32_t sequence) {
    uint8_t* tcp = Turn(kFirstSequence, sequence + 1, tcp_flags::kSyn | tcp_flags::kAck, 24);
    StoreBe<uint32_t>(tcp + 20, 0x020405b4);  // MSS 1460
    Finish(frame_.data(), 24, 0, 0);
    Send(frame_.data(), kTcp + 24);
  }

  void AnswerFin(uint32_t sequence, uint32_t acknowledgment, uint8_t flags) {
    Turn(sequence, acknowledgment, flags, kTcpBytes);
    Finish(frame_.data(), kTcpBytes, 0, 0);
    Send(frame_.data(), kPayload);
  }

  // Turns the frame that came in round.
  uint8_t* Turn(uint32_t sequence, uint32_t acknowledgment, uint8_t flags, size_t tcp_bytes) {
    SwapAddresses();
    uint8_t* ip = frame_.data() + kIp;
    StoreBe<uint16_t>(ip + 2, static_cast<uint16_t>(kIpBytes + tcp_bytes));
    uint8_t* tcp = frame_.data() + kTcp;
    Swap<uint16_t>(tcp, tcp + 2);
    StoreBe(tcp + 4, sequence);
    StoreBe(tcp + 8, acknowledgment);
    tcp[12] = static_cast<uint8_t>(tcp_bytes << 2);
    tcp[13] = flags;
    StoreBe<uint32_t>(tcp + 14, 0xffff0000);  // window, no checksum yet
    StoreBe<uint16_t>(tcp + 18, 0);
    return tcp;
  }

  // Both checksums. The addresses count twice, the rest once.
  static void Finish(uint8_t* frame, size_t tcp_bytes, size_t payload_bytes, uint16_t payload_sum) {
    uint8_t* ip = frame + kIp;
    uint8_t* tcp = frame + kTcp;
    StoreBe<uint16_t>(ip + 10, 0);
    StoreBe<uint16_t>(ip + 10, ChecksumOf(SumHeader(ip, kIpBytes)));
    StoreBe<uint16_t>(tcp + 16, 0);
    const uint16_t pseudo =
        SumAdd(SumHeader(ip + 12, 8),
               SumAdd(SumOfWord(6), SumOfWord(static_cast<uint16_t>(tcp_bytes + payload_bytes))));
    StoreBe<uint16_t>(tcp + 16,
                      ChecksumOf(SumAdd(pseudo, SumAdd(SumHeader(tcp, tcp_bytes), payload_sum))));
  }

  const Options& options_;
  int tap_;
  Counts counts_;
  long sleep_ns_ = kSleepMinNs;
  uint16_t payload_sum_ = 0;
  size_t response_bytes_ = 0;
  alignas(64) std::array<uint8_t, 2048> frame_{};
  alignas(64) std::array<uint8_t, 65536> response_{};
};

[[noreturn]] void Fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "tap_reflector: %s\n", sentence.c_str());
  std::exit(code);
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? "" : argument.substr(equals + 1));
    if (name == "--tap") {
      options.tap = value;
    } else if (name == "--address") {
      unsigned a, b, c, d;
      if (std::sscanf(value.c_str(), "%u.%u.%u.%u", &a, &b, &c, &d) != 4 || (a | b | c | d) > 255) {
        Fail(2, "--address takes A.B.C.D");
      }
      options.address = a << 24 | b << 16 | c << 8 | d;
    } else if (argument == "--close") {
      options.close = true;
    } else if (name == "--backoff" &&
               (value == "spin" || value == "yield" || value == "sleep" || value == "poll")) {
      options.backoff = value == "spin"    ? Backoff::kSpin
                        : value == "yield" ? Backoff::kYield
                        : value == "sleep" ? Backoff::kSleep
                                           : Backoff::kPoll;
    } else if (name == "--response") {
      std::ifstream file(value, std::ios::binary);
      if (!file) Fail(1, "cannot read " + value);
      options.response.assign(std::istreambuf_iterator<char>(file), {});
    } else {
      Fail(2, "unknown argument " + std::string(argument) +
                  "; known are --tap --address --close --backoff=spin|yield|sleep|poll --response");
    }
  }
  if (options.response.empty()) options.response = DefaultResponse(options.close);
  if (options.response.size() > 1460) {
    Fail(1, "the response must have 1 to 1460 bytes, it is sent as one segment");
  }
  return options;
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const auto tap = OpenTap(options.tap);
  if (!tap) Fail(1, tap.error());
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    action.sa_handler = [](int) { stop = 1; };
    ::sigaction(signal, &action, nullptr);
  }
  std::printf("tap_reflector: %s, response of %zu bytes%s\n", options.tap.c_str(),
              options.response.size(), options.close ? ", closing" : "");
  std::fflush(stdout);
  Reflector reflector(options, *tap);
  reflector.Run();
  const Counts& counts = reflector.counts();
  std::printf(
      "counters:\nreads %llu\nreads_dry %llu\nwrites %llu\nwaits %llu\nhttp_responses %llu\n",
      static_cast<unsigned long long>(counts.reads), static_cast<unsigned long long>(counts.dry),
      static_cast<unsigned long long>(counts.writes), static_cast<unsigned long long>(counts.waits),
      static_cast<unsigned long long>(counts.responses));
  return 0;
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) { return aether::bench::Main(argc, argv); }
