#include "bench/peers/lwip_library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aether::bench {
namespace {

constexpr const char* kLibrary = "liblwip.so.0";

// Where the dynamic linker finds it; empty when it does not.
std::string PathOfLibrary() {
  void* const handle = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return {};
  link_map* map = nullptr;
  std::string path;
  if (dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) == 0) path = map->l_name;
  dlclose(handle);
  return path;
}

// A file in memory with the same content, or -1.
int CopyOf(const std::string& path) {
  const int from = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) return -1;
  struct stat status{};
  int to = ::fstat(from, &status) == 0 ? ::memfd_create("liblwip", MFD_CLOEXEC) : -1;
  for (off_t left = status.st_size; to >= 0 && left > 0;) {
    const ssize_t sent = ::sendfile(to, from, nullptr, static_cast<size_t>(left));
    if (sent <= 0) {
      ::close(to);
      to = -1;
    }
    left -= sent;
  }
  ::close(from);
  return to;
}

}  // namespace

std::expected<std::unique_ptr<LwipLibrary>, std::string> LwipLibrary::Load() {
  const std::string path = PathOfLibrary();
  if (path.empty())
    return std::unexpected(std::string(kLibrary) + " is not on this machine (package liblwip-dev)");
  std::unique_ptr<LwipLibrary> library(new LwipLibrary);
  library->file_ = CopyOf(path);
  if (library->file_ < 0) return std::unexpected("no copy of " + path);
  const std::string copy = "/proc/self/fd/" + std::to_string(library->file_);
  library->handle_ = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle_ == nullptr) return std::unexpected(std::string(dlerror()));
  std::string missing;
  const auto find = [&](const char* name) {
    void* const found = dlsym(library->handle_, name);
    if (found == nullptr) missing = name;
    return found;
  };
#define AETHER_LWIP_FIND(name) \
  library->name = reinterpret_cast<decltype(library->name)>(find(#name));
  AETHER_LWIP_FUNCTIONS(AETHER_LWIP_FIND)
#undef AETHER_LWIP_FIND
  library->active = static_cast<tcp_pcb**>(find("tcp_active_pcbs"));
  library->time_wait = static_cast<tcp_pcb**>(find("tcp_tw_pcbs"));
  if (!missing.empty()) return std::unexpected(path + " has no " + missing);
  return library;
}

LwipLibrary::~LwipLibrary() {
  if (handle_ != nullptr) dlclose(handle_);
  // Not before: the linker knows libraries by their names, and this one is the number.
  if (file_ >= 0) ::close(file_);
}

}  // namespace aether::bench
