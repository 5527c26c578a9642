#include "stack/runtime/steering.h"

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "stack/base/check.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {
namespace {

// Offsets in an Ethernet frame with an IPv4 packet. The kernel's select-queue hook runs the program
// with the data pointer at the Ethernet header, so that absolute loads count from there (the live
// test proves it).
constexpr int kEtherType = 12;
constexpr int kIpHeader = 14;
// In an IPv4 header.
constexpr int kVersionAndLength = 0;
constexpr int kFragmentWord = 6;
constexpr int kProtocol = 9;
constexpr int kSourceAddress = 12;
constexpr int kDestinationAddress = 16;
constexpr int kIpHeaderMin = 20;

constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint16_t kDhcpClientPort = 68;
// More fragments, and the offset.
constexpr uint16_t kFragmentBits = 0x3fff;
constexpr uint16_t kFragmentOffsetBits = 0x1fff;
constexpr int kIcmpHeaderBytes = 8;
// [RFC 1122 3.2.2] messages that quote a packet: unreachable, quench, redirect, time exceeded,
// parameter problem.
constexpr int kIcmpErrorTypes = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 11 | 1 << 12;
constexpr int kIcmpTypeMax = 12;

// A few kinds of eBPF instruction, by hand; jumps go to labels that Finish resolves.
class Assembler {
 public:
  enum Register : uint8_t { kR0, kR1, kR2, kR3, kR4, kR5, kR6, kR7, kR8, kR9 };

  void Move(Register to, Register from) { Add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Set(Register to, int value) { Add(BPF_ALU64 | BPF_MOV | BPF_K, to, kR0, 0, value); }
  void Set64(Register to, uint64_t value) {
    Add(BPF_LD | BPF_IMM | BPF_DW, to, kR0, 0, static_cast<int>(static_cast<uint32_t>(value)));
    Add(0, kR0, kR0, 0, static_cast<int>(static_cast<uint32_t>(value >> 32)));
  }
  void Operate(uint8_t operation, Register to, Register from) {
    Add(static_cast<uint8_t>(BPF_ALU64 | operation | BPF_X), to, from, 0, 0);
  }
  void OperateWith(uint8_t operation, Register to, int value) {
    Add(static_cast<uint8_t>(BPF_ALU64 | operation | BPF_K), to, kR0, 0, value);
  }
  // R0 = the big-endian field of BPF_B, BPF_H or BPF_W at `offset`; a frame that is too short ends
  // the program with 0.
  void Load(uint8_t size, int offset) {
    Add(static_cast<uint8_t>(BPF_LD | BPF_ABS | size), kR0, kR0, 0, offset);
  }
  void LoadAt(uint8_t size, Register base, int offset) {
    Add(static_cast<uint8_t>(BPF_LD | BPF_IND | size), kR0, base, 0, offset);
  }
  void JumpIf(uint8_t condition, Register left, int right, int label) {
    jumps_.push_back({code_.size(), label});
    Add(static_cast<uint8_t>(BPF_JMP | condition | BPF_K), left, kR0, 0, right);
  }
  void Label(int label) { labels_[static_cast<size_t>(label)] = code_.size(); }
  void Exit() { Add(BPF_JMP | BPF_EXIT, kR0, kR0, 0, 0); }

  std::vector<bpf_insn> Finish() {
    for (const Jump& jump : jumps_) {
      code_[jump.at].off =
          static_cast<int16_t>(labels_[static_cast<size_t>(jump.label)] - jump.at - 1);
    }
    return std::move(code_);
  }

 private:
  struct Jump {
    size_t at;
    int label;
  };
  void Add(uint8_t code, Register to, Register from, int16_t offset, int value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = offset;
    instruction.imm = value;
    code_.push_back(instruction);
  }
  std::vector<bpf_insn> code_;
  std::vector<Jump> jumps_;
  std::array<size_t, 4> labels_{};
};

// R7 is where an IP header begins, and then where it ends; what is no IPv4 header leaves for
// `otherwise`.
void SkipIpHeader(Assembler& a, int otherwise) {
  using A = Assembler;
  a.LoadAt(BPF_B, A::kR7, kVersionAndLength);
  a.Move(A::kR8, A::kR0);
  a.OperateWith(BPF_RSH, A::kR0, 4);
  a.JumpIf(BPF_JNE, A::kR0, 4, otherwise);
  a.OperateWith(BPF_AND, A::kR8, 15);
  a.OperateWith(BPF_LSH, A::kR8, 2);
  a.JumpIf(BPF_JLT, A::kR8, kIpHeaderMin, otherwise);
  a.Operate(BPF_ADD, A::kR7, A::kR8);
}

// R0 = SteeringHash(R0, R8) % workers.
void HashAndExit(Assembler& a, SteeringKey key, uint32_t workers) {
  using A = Assembler;
  a.OperateWith(BPF_LSH, A::kR0, 16);
  a.Operate(BPF_OR, A::kR0, A::kR8);
  a.Set64(A::kR1, key.mask);
  a.Operate(BPF_XOR, A::kR0, A::kR1);
  a.Set64(A::kR1, key.factor | 1);
  a.Operate(BPF_MUL, A::kR0, A::kR1);
  a.Move(A::kR1, A::kR0);
  a.OperateWith(BPF_RSH, A::kR1, 32);
  a.Operate(BPF_XOR, A::kR0, A::kR1);
  a.Set64(A::kR1, kSteeringMix);
  a.Operate(BPF_MUL, A::kR0, A::kR1);
  a.OperateWith(BPF_RSH, A::kR0, 32);
  a.OperateWith(BPF_MOD, A::kR0, static_cast<int>(workers));
  a.Exit();
}

// SteerFrame as a program.
std::vector<bpf_insn> SteeringProgram(SteeringKey key, uint32_t workers) {
  using A = Assembler;
  enum { kPorts, kError, kQueueZero };
  Assembler a;
  a.Move(A::kR6, A::kR1);  // packet loads take the context from R6 and keep R6 to R9
  a.Load(BPF_H, kEtherType);
  a.JumpIf(BPF_JNE, A::kR0, kTypeIpv4, kQueueZero);
  a.Load(BPF_H, kIpHeader + kFragmentWord);
  a.OperateWith(BPF_AND, A::kR0, kFragmentBits);
  a.JumpIf(BPF_JNE, A::kR0, 0, kQueueZero);
  a.Set(A::kR7, kIpHeader);
  SkipIpHeader(a, kQueueZero);
  a.Load(BPF_B, kIpHeader + kProtocol);
  a.JumpIf(BPF_JEQ, A::kR0, kTcp, kPorts);
  a.JumpIf(BPF_JEQ, A::kR0, kIcmp, kError);
  a.JumpIf(BPF_JNE, A::kR0, kUdp, kQueueZero);
  a.LoadAt(BPF_H, A::kR7, 2);
  a.JumpIf(BPF_JEQ, A::kR0, kDhcpClientPort, kQueueZero);
  a.Label(kPorts);
  a.LoadAt(BPF_H, A::kR7, 0);
  a.Move(A::kR8, A::kR0);
  a.Load(BPF_W, kIpHeader + kSourceAddress);
  HashAndExit(a, key, workers);
  // An ICMP error belongs to the flow of the segment that it quotes: R9 is where that begins.
  a.Label(kError);
  a.LoadAt(BPF_B, A::kR7, 0);
  a.JumpIf(BPF_JGT, A::kR0, kIcmpTypeMax, kQueueZero);
  a.Set(A::kR8, 1);
  a.Operate(BPF_LSH, A::kR8, A::kR0);
  a.OperateWith(BPF_AND, A::kR8, kIcmpErrorTypes);
  a.JumpIf(BPF_JEQ, A::kR8, 0, kQueueZero);
  a.OperateWith(BPF_ADD, A::kR7, kIcmpHeaderBytes);
  a.Move(A::kR9, A::kR7);
  a.LoadAt(BPF_B, A::kR9, kProtocol);
  a.JumpIf(BPF_JNE, A::kR0, kTcp, kQueueZero);
  a.LoadAt(BPF_H, A::kR9, kFragmentWord);
  a.OperateWith(BPF_AND, A::kR0, kFragmentOffsetBits);
  a.JumpIf(BPF_JNE, A::kR0, 0, kQueueZero);
  SkipIpHeader(a, kQueueZero);
  a.LoadAt(BPF_H, A::kR7, 2);
  a.Move(A::kR8, A::kR0);
  a.LoadAt(BPF_W, A::kR9, kDestinationAddress);
  HashAndExit(a, key, workers);
  a.Label(kQueueZero);
  a.Set(A::kR0, 0);
  a.Exit();
  return a.Finish();
}

// The size of the IPv4 header at `at`, of which 20 bytes are there; 0 when it is none.
size_t IpHeaderSize(const uint8_t* at) {
  const size_t size = size_t{at[kVersionAndLength]} % 16 * 4;
  return at[kVersionAndLength] >> 4 == 4 && size >= kIpHeaderMin ? size : 0;
}

uint32_t SteerError(SteeringKey key, uint32_t workers, Bytes message) {
  if (message.size() < kIcmpHeaderBytes + kIpHeaderMin || message[0] > kIcmpTypeMax ||
      (1u << message[0] & kIcmpErrorTypes) == 0) {
    return 0;
  }
  const uint8_t* at = message.data() + kIcmpHeaderBytes;
  const size_t header_size = IpHeaderSize(at);
  if (header_size == 0 || message.size() < kIcmpHeaderBytes + header_size + 4) return 0;
  if (at[kProtocol] != kTcp || (LoadBe<uint16_t>(at + kFragmentWord) & kFragmentOffsetBits) != 0) {
    return 0;
  }
  return SteeringHash(key, LoadBe<uint32_t>(at + kDestinationAddress),
                      LoadBe<uint16_t>(at + header_size + 2)) %
         workers;
}

}  // namespace

uint32_t SteerPacket(SteeringKey key, uint32_t workers, Bytes packet) {
  AETHER_CHECK(workers > 0);
  if (packet.size() < kIpHeaderMin) return 0;
  const uint8_t* at = packet.data();
  const size_t header_size = IpHeaderSize(at);
  if (header_size == 0 || packet.size() < header_size) return 0;
  if ((LoadBe<uint16_t>(at + kFragmentWord) & kFragmentBits) != 0) return 0;
  const Bytes rest = packet.subspan(header_size);
  switch (at[kProtocol]) {
    case kIcmp:
      return SteerError(key, workers, rest);
    case kUdp:
      if (rest.size() < 4 || LoadBe<uint16_t>(rest.data() + 2) == kDhcpClientPort) return 0;
      break;
    case kTcp:
      if (rest.size() < 2) return 0;
      break;
    default:
      return 0;
  }
  return SteeringHash(key, LoadBe<uint32_t>(at + kSourceAddress), LoadBe<uint16_t>(rest.data())) %
         workers;
}

uint32_t SteerFrame(SteeringKey key, uint32_t workers, Bytes frame) {
  if (frame.size() < kIpHeader || LoadBe<uint16_t>(frame.data() + kEtherType) != kTypeIpv4)
    return 0;
  return SteerPacket(key, workers, frame.subspan(kIpHeader));
}

absl::Status AttachSteering(int tap_fd, SteeringKey key, uint32_t workers) {
  AETHER_CHECK(workers > 0 && workers < 0x80000000u);
  const std::vector<bpf_insn> code = SteeringProgram(key, workers);
  static constexpr char kLicense[] = "MIT";
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  load.insn_cnt = static_cast<uint32_t>(code.size());
  load.insns = reinterpret_cast<uintptr_t>(code.data());
  load.license = reinterpret_cast<uintptr_t>(kLicense);
  const FileDescriptor program(
      static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!program.IsOpen()) {
    return absl::UnavailableError(
        absl::StrCat("the kernel does not load the steering program (", std::strerror(errno), ")"));
  }
  int fd = program.get();  // the TAP keeps the program after the descriptor is closed
  if (::ioctl(tap_fd, TUNSETSTEERINGEBPF, &fd) != 0) {
    return absl::UnavailableError(
        absl::StrCat("the TAP takes no steering program (", std::strerror(errno), ")"));
  }
  return absl::OkStatus();
}

}  // namespace aether::runtime
