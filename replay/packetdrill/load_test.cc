// How the shared object is loaded, and what it promises before any packet.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

using ::testing::ElementsAre;

// The names that the library defines for others.
std::vector<std::string> ExportedNames(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string image{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> names;
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof header);
  const auto section = [&](size_t index) {
    Elf64_Shdr result;
    std::memcpy(&result, image.data() + header.e_shoff + index * sizeof result, sizeof result);
    return result;
  };
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr table = section(i);
    if (table.sh_type != SHT_DYNSYM) continue;
    const Elf64_Shdr strings = section(table.sh_link);
    for (size_t at = 0; at < table.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, image.data() + table.sh_offset + at, sizeof symbol);
      if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
      names.emplace_back(image.data() + strings.sh_offset + symbol.st_name);
    }
  }
  return names;
}

size_t VirtualMemoryKb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmSize:")) return std::stoul(line.substr(7));
  }
  return 0;
}

TEST(PacketdrillLoad, ExportsOneSymbol) {
  EXPECT_THAT(ExportedNames(AETHER_PACKETDRILL_SO), ElementsAre("packetdrill_interface_init"));
}

TEST(PacketdrillLoad, SetsEveryHook) {
  Host host;
  const void* words[33];
  std::memcpy(words, &host.hooks(), sizeof words);
  for (size_t i = 0; i < 33; ++i) EXPECT_NE(words[i], nullptr) << "at offset " << i * 8;
}

// The host loads with RTLD_DEEPBIND, which the runtimes of the sanitizers refuse.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AETHER_NO_DEEPBIND
#endif
#endif
#if defined(AETHER_NO_DEEPBIND) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kLoadMode = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
#else
constexpr int kLoadMode = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND;
#endif

TEST(PacketdrillLoad, NeedsNoOptions) {
  void* const library = dlopen(AETHER_PACKETDRILL_SO, kLoadMode);
  ASSERT_NE(library, nullptr);
  const auto init = reinterpret_cast<decltype(&packetdrill_interface_init)>(
      dlsym(library, "packetdrill_interface_init"));
  packetdrill_interface hooks{};
  init(nullptr, &hooks);
  // The first bind tells the address.
  const int fd = hooks.socket(hooks.userdata, AF_INET, SOCK_STREAM, 0);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(8080);
  in.sin_addr.s_addr = htonl(0xc0a81234);
  EXPECT_EQ(hooks.bind(hooks.userdata, fd, reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
  EXPECT_EQ(hooks.listen(hooks.userdata, fd, 1), 0);
  EXPECT_EQ(hooks.close(hooks.userdata, fd), 0);
  hooks.free(hooks.userdata);
  dlclose(library);
}

TEST(PacketdrillLoad, ReservesLittle) {
  const size_t before = VirtualMemoryKb();
  Host host;
  EXPECT_LT(VirtualMemoryKb() - before, 64u * 1024);
}

TEST(PacketdrillLoadDeathTest, LeavesOnBadOptions) {
  EXPECT_EXIT(Host("mtuu=1500"), ::testing::ExitedWithCode(1), "unknown key: mtuu");
  EXPECT_EXIT(Host("mtu=67"), ::testing::ExitedWithCode(1), "bad value: mtu=67");
}

TEST(PacketdrillLoad, DescriptorsAreRealAndDistinct) {
  Host host;
  const int a = host.Socket();
  const int b = host.Socket();
  EXPECT_NE(a, b);
  EXPECT_GE(::fcntl(a, F_GETFD), 0);
  EXPECT_GE(::fcntl(b, F_GETFD), 0);
  const int c = host.hooks().socket(host.run(), AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(host.Close(c), 0);
  EXPECT_LT(::fcntl(c, F_GETFD), 0) << "close() left the placeholder";
}

TEST(PacketdrillLoad, NothingToReceiveGivesUp) {
  Host host;
  host.Listen();
  uint8_t buffer[65536];
  size_t size = sizeof buffer;
  long long time_us = 0;
  EXPECT_EQ(host.hooks().netdev_receive(host.run(), buffer, &size, &time_us), 0);
  EXPECT_EQ(size, 0u);
}

TEST(PacketdrillLoad, WhatIsNotIpv4IsAnError) {
  Host host;
  const uint8_t ipv6[40] = {0x60};
  EXPECT_NE(host.hooks().netdev_send(host.run(), ipv6, sizeof ipv6), 0);
}

TEST(PacketdrillLoad, UnsupportedCallsSaySo) {
  Host host;
  int fds[2];
  errno = 0;
  EXPECT_EQ(host.hooks().pipe(host.run(), fds), -1);
  EXPECT_EQ(errno, ENOSYS);
  errno = 0;
  EXPECT_EQ(host.hooks().splice(host.run(), 0, nullptr, 1, nullptr, 1, 0), -1);
  EXPECT_EQ(errno, ENOSYS);
}

TEST(PacketdrillLoad, EveryLookAtTheVirtualClockMovesIt) {
  Host host;
  const int64_t first = host.NowUs();
  EXPECT_EQ(host.NowUs(), first + 1);
  host.hooks().usleep(host.run(), 1000);
  EXPECT_EQ(host.NowUs(), first + 1002);
}

// Two runs at once in one image: neither has anything static.
TEST(PacketdrillLoad, RunsShareNothing) {
  Host a;
  Host b;
  a.Wait(1'000'000);
  EXPECT_GE(a.ElapsedUs(), 1'000'000);
  EXPECT_LT(b.ElapsedUs(), 100);
  const int listener = a.Listen();
  b.Listen();
  a.Establish(listener);
  EXPECT_TRUE(b.Silent());
}

TEST(PacketdrillLoad, SameSeedSameBytes) {
  Octets first;
  for (int i = 0; i < 2; ++i) {
    Host host("seed=0x1234");
    host.Listen();
    host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
    const Octets raw = host.Out("SA", 0, 0, 1).raw;
    if (i == 0) first = raw;
    EXPECT_EQ(raw, first);
  }
  Host other("seed=0x1235");
  other.Listen();
  other.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  EXPECT_NE(other.Out("SA", 0, 0, 1).raw, first);
}

TEST(PacketdrillLoad, RealClock) {
  Host host("clock=real");
  const int64_t begin = host.NowUs();
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 1, 1);
  // A delayed acknowledgement takes its 40 ms, less what of a millisecond has already passed.
  const Sent ack = host.Out("A", 1, 0, 2);
  EXPECT_GE(host.NowUs() - begin, 39'000);
  EXPECT_LE(ack.time_us, host.NowUs());
  const int64_t before = host.NowUs();
  host.Wait(20'000);
  EXPECT_GE(host.NowUs() - before, 20'000);
  EXPECT_EQ(host.Read(fd, 10), 1);
}

}  // namespace
}  // namespace aether::packetdrill
