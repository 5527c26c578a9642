#include "bench/report/identity.h"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/report/files.h"

namespace aether::perf {

namespace {

template <typename T>
bool ReadAt(const std::string& bytes, uint64_t offset, T& value) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return true;
}

// To what stands behind it anyway, so that longer and shorter names come out the same.
void Blank(std::string& content, const std::string& text) {
  if (text.size() < 7) return;
  for (size_t at = content.find(text); at != content.npos;
       at = content.find(text, at + text.size()))
    content.replace(at, text.size(), text.size(), '\0');
}

// The sections that are loaded, one after the other, with their names and addresses.
bool AppendSections(const std::string& file, std::string& content) {
  Elf64_Ehdr header;
  if (!ReadAt(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return false;
  Elf64_Shdr names;
  if (!ReadAt(file, header.e_shoff + uint64_t{header.e_shstrndx} * sizeof(Elf64_Shdr), names))
    return false;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!ReadAt(file, header.e_shoff + i * sizeof(Elf64_Shdr), section)) return false;
    if ((section.sh_flags & SHF_ALLOC) == 0) continue;
    const uint64_t name_at = names.sh_offset + section.sh_name;
    if (name_at >= file.size()) return false;
    const std::string name(file.c_str() + name_at);
    if (name == ".note.gnu.build-id") continue;
    absl::StrAppend(&content, name, " ", section.sh_addr, " ", section.sh_size, "\n");
    if (section.sh_type == SHT_NOBITS) continue;
    if (section.sh_offset > file.size() || file.size() - section.sh_offset < section.sh_size)
      return false;
    content.append(file, section.sh_offset, section.sh_size);
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> LoadedContent(const std::string& path, const std::string& commit) {
  absl::StatusOr<std::string> file = ReadFile(path);
  if (!file.ok()) return file.status();
  std::string content;
  if (!AppendSections(*file, content)) content = *std::move(file);
  Blank(content, commit);
  return content;
}

std::string Digest(const std::string& content) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : content) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return absl::StrFormat("%016x", hash);
}

}  // namespace aether::perf
