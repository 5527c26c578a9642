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
constexpr int kVersionAndLength = 14;
constexpr int kFragmentWord = 20;
constexpr int kProtocol = 23;
constexpr int kSourceAddress = 26;
constexpr int kIpHeaderMin = 20;

constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint16_t kDhcpClientPort = 68;
// More fragments, and the offset.
constexpr uint16_t kFragmentBits = 0x3fff;

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

// SteerFrame as a program.
std::vector<bpf_insn> SteeringProgram(SteeringKey key, uint32_t workers) {
  using A = Assembler;
  enum { kHash, kQueueZero };
  Assembler a;
  a.Move(A::kR6, A::kR1);  // packet loads take the context from R6 and keep R6 to R9
  a.Load(BPF_H, kEtherType);
  a.JumpIf(BPF_JNE, A::kR0, kTypeIpv4, kQueueZero);
  a.Load(BPF_B, kVersionAndLength);
  a.Move(A::kR7, A::kR0);
  a.OperateWith(BPF_RSH, A::kR0, 4);
  a.JumpIf(BPF_JNE, A::kR0, 4, kQueueZero);
  a.OperateWith(BPF_AND, A::kR7, 15);
  a.OperateWith(BPF_LSH, A::kR7, 2);  // R7: bytes of IP header
  a.JumpIf(BPF_JLT, A::kR7, kIpHeaderMin, kQueueZero);
  a.Load(BPF_H, kFragmentWord);
  a.OperateWith(BPF_AND, A::kR0, kFragmentBits);
  a.JumpIf(BPF_JNE, A::kR0, 0, kQueueZero);
  a.Load(BPF_B, kProtocol);
  a.JumpIf(BPF_JEQ, A::kR0, kTcp, kHash);
  a.JumpIf(BPF_JNE, A::kR0, kUdp, kQueueZero);
  a.LoadAt(BPF_H, A::kR7, kIpHeader + 2);
  a.JumpIf(BPF_JEQ, A::kR0, kDhcpClientPort, kQueueZero);
  a.Label(kHash);
  a.LoadAt(BPF_H, A::kR7, kIpHeader);
  a.Move(A::kR8, A::kR0);
  a.Load(BPF_W, kSourceAddress);
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
  a.Label(kQueueZero);
  a.Set(A::kR0, 0);
  a.Exit();
  return a.Finish();
}

}  // namespace

uint32_t SteerFrame(SteeringKey key, uint32_t workers, Bytes frame) {
  AETHER_CHECK(workers > 0);
  if (frame.size() < kIpHeader + kIpHeaderMin) return 0;
  const uint8_t* at = frame.data();
  if (LoadBe<uint16_t>(at + kEtherType) != kTypeIpv4 || at[kVersionAndLength] >> 4 != 4) return 0;
  const size_t ip_header_size = size_t{at[kVersionAndLength]} % 16 * 4;
  if (ip_header_size < kIpHeaderMin) return 0;
  if ((LoadBe<uint16_t>(at + kFragmentWord) & kFragmentBits) != 0) return 0;
  const size_t ports = kIpHeader + ip_header_size;
  if (at[kProtocol] == kUdp) {
    if (frame.size() < ports + 4 || LoadBe<uint16_t>(at + ports + 2) == kDhcpClientPort) return 0;
  } else if (at[kProtocol] != kTcp || frame.size() < ports + 2) {
    return 0;
  }
  return SteeringHash(key, LoadBe<uint32_t>(at + kSourceAddress), LoadBe<uint16_t>(at + ports)) %
         workers;
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
