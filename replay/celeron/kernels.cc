#include "replay/celeron/kernels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

namespace aether::celeron {
namespace {

constexpr uint64_t kSeed = 3109;

struct Item {
  Item* next;
  uint64_t key;
  uint64_t count;
  uint64_t rest[5];
};

// A list in an order that no prefetcher guesses; each item is looked at, as by a lookup in a chain.
Kernel Chase(std::string name, std::string what, size_t bytes, uint64_t operations) {
  auto items = std::make_shared<std::vector<Item>>(bytes / sizeof(Item));
  std::vector<size_t> order(items->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937_64 random(kSeed);
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random() % (i + 1)]);
  for (size_t i = 0; i < order.size(); ++i) {
    (*items)[order[i]].next = &(*items)[order[(i + 1) % order.size()]];
    (*items)[order[i]].key = random() | 1;
  }
  auto at = std::make_shared<Item*>(&items->front());
  return {std::move(name),
          std::move(what),
          operations,
          items->size(),
          true,
          [items, at](uint64_t count) {
            uint64_t sum = 0;
            Item* item = *at;
            for (uint64_t i = 0; i < count; ++i) {
              if (item->key == sum) ++item->count;
              sum += item->key ^ (item->key >> 7);
              item = item->next;
            }
            *at = item;
            return sum;
          }};
}

// A decision for each byte: of random ones it is guessed wrongly every other time.
Kernel Decide(std::string name, std::string what, unsigned share_of_256) {
  // So many that no predictor learns them by heart, and each run goes on where the last one ended.
  constexpr uint64_t kBytes = 1 << 20;
  auto bytes = std::make_shared<std::vector<uint8_t>>(kBytes);
  auto position = std::make_shared<uint64_t>(0);
  std::mt19937_64 random(kSeed);
  for (uint8_t& byte : *bytes) byte = random() % 256 < share_of_256 ? 1 : 0;
  return {
      std::move(name), std::move(what), 8'000, kBytes, false, [bytes, position](uint64_t count) {
        uint64_t taken = 0;
        uint64_t other = 1;
        const uint64_t begin = *position;
        *position += count;
        for (uint64_t i = begin; i < begin + count; ++i) {
          if ((*bytes)[i % kBytes] != 0) {
            ++taken;
            other ^= taken << 3;
            asm volatile("" : "+r"(taken));
          } else {
            other += i >> 2;
            asm volatile("" : "+r"(other));
          }
        }
        return taken + other;
      }};
}

Kernel Arithmetic() {
  return {"integers",
          "additions, shifts and comparisons that do not wait for one another",
          8'000,
          8'000,
          false,
          [](uint64_t count) {
            std::array<uint64_t, 4> lanes{1, 2, 3, 4};
            for (uint64_t i = 0; i < count; ++i) {
              for (size_t lane = 0; lane < lanes.size(); ++lane) {
                lanes[lane] += (lanes[lane] >> 5) ^ (i + lane);
                asm volatile("" : "+r"(lanes[lane]));
              }
            }
            return lanes[0] + lanes[1] + lanes[2] + lanes[3];
          }};
}

Kernel Mix() {
  return {"mix",
          "a keyed hash of four words, each step of which waits for the one before",
          2'000,
          2'000,
          false,
          [](uint64_t count) {
            uint64_t hash = kSeed;
            for (uint64_t i = 0; i < count; ++i) {
              for (uint64_t word = 0; word < 4; ++word) {
                hash = (hash ^ (i + word)) * 0xbf58476d1ce4e5b9ULL;
                hash ^= hash >> 31;
              }
            }
            return hash;
          }};
}

Kernel Copy(std::string name, std::string what, size_t size, size_t buffers) {
  auto from = std::make_shared<std::vector<uint8_t>>(size * buffers, uint8_t{7});
  auto to = std::make_shared<std::vector<uint8_t>>(size * buffers);
  return {std::move(name),
          std::move(what),
          1'000,
          buffers,
          false,
          [from, to, size, buffers](uint64_t count) {
            for (uint64_t i = 0; i < count; ++i) {
              const size_t at = i % buffers * size;
              std::memcpy(to->data() + at, from->data() + at, size);
              asm volatile("" : : : "memory");
            }
            return uint64_t{to->front()};
          }};
}

Kernel Checksum() {
  auto frames = std::make_shared<std::vector<uint8_t>>(1500 * 16, uint8_t{0x5a});
  return {
      "checksum", "RFC 1071 sums of 40 to 1460 bytes", 400, 400, false, [frames](uint64_t count) {
        uint64_t all = 0;
        for (uint64_t i = 0; i < count; ++i) {
          const uint8_t* frame = frames->data() + i % 16 * 1500;
          const size_t size = i % 3 == 0 ? 1460 : 40;
          uint64_t sum = 0;
          for (size_t offset = 0; offset < size; offset += 4) {
            uint32_t word = 0;
            std::memcpy(&word, frame + offset, 4);
            sum += word;
          }
          while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
          all += sum;
        }
        return all;
      }};
}

// Open addressing, keys drawn by a generator that is part of the work.
Kernel Table(std::string name, std::string what, size_t slots) {
  auto table = std::make_shared<std::vector<std::array<uint64_t, 4>>>(slots);
  const auto find = [table, slots](uint64_t key) {
    size_t slot = (key * 0x9e3779b97f4a7c15ULL >> 20) & (slots - 1);
    while ((*table)[slot][0] != key && (*table)[slot][0] != 0) slot = (slot + 1) & (slots - 1);
    return slot;
  };
  for (uint64_t key = 1; key <= slots / 2; ++key) (*table)[find(key)][0] = key;
  auto state = std::make_shared<uint64_t>(kSeed);
  return {std::move(name),
          std::move(what),
          1'000,
          slots,
          false,
          [table, slots, find, state](uint64_t count) {
            uint64_t found = 0;
            for (uint64_t i = 0; i < count; ++i) {
              *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
              const size_t slot = find(1 + (*state >> 33) % (slots / 2));
              found += ++(*table)[slot][1];
            }
            return found;
          }};
}

// Byte by byte through a request's head, as a parser goes.
Kernel Parse() {
  auto text = std::make_shared<std::string>(
      "GET /index.html?a=1 HTTP/1.1\r\nHost: aether\r\nUser-Agent: probe/1.0\r\nAccept: */*\r\n"
      "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
  return {
      "parse", "a request's head, character by character", 200, 200, false, [text](uint64_t count) {
        uint64_t fields = 0;
        for (uint64_t i = 0; i < count; ++i) {
          uint64_t name = 0;
          for (const char c : *text) {
            switch (c) {
              case ':':
                fields += name & 3;
                name = 0;
                break;
              case '\r':
              case ' ':
                ++fields;
                break;
              case '\n':
                name = 0;
                break;
              default:
                name = name * 31 + static_cast<uint64_t>(c | 0x20);
            }
          }
        }
        return fields;
      }};
}

// An interpreter's loop: the next step depends on what was loaded.
Kernel Interpret() {
  constexpr uint64_t kBytes = 1 << 15;
  auto program = std::make_shared<std::vector<uint8_t>>(kBytes);
  auto position = std::make_shared<uint64_t>(0);
  std::mt19937_64 random(kSeed);
  for (uint8_t& code : *program) code = static_cast<uint8_t>(random() % 6);
  return {"interpret",
          "a small byte-code interpreter, 32768 random instructions",
          8'000,
          kBytes,
          false,
          [program, position](uint64_t count) {
            std::array<uint64_t, 8> stack{1, 2, 3, 4, 5, 6, 7, 8};
            size_t top = 0;
            const uint64_t begin = *position;
            *position += count;
            for (uint64_t i = begin; i < begin + count; ++i) {
              uint64_t& at = stack[top & 7];
              switch ((*program)[i % kBytes]) {
                case 0:
                  at += stack[(top + 1) & 7];
                  break;
                case 1:
                  ++top;
                  break;
                case 2:
                  at ^= at >> 3;
                  break;
                case 3:
                  stack[(top + 2) & 7] = at + i;
                  break;
                case 4:
                  at = at * 5 + 1;
                  break;
                default:
                  top = (top - 1) & 7;
              }
              asm volatile("" : : : "memory");
            }
            return stack[0] + stack[7] + top;
          }};
}

}  // namespace

std::vector<Kernel> MakeKernels() {
  constexpr size_t kKib = 1024;
  std::vector<Kernel> kernels;
  kernels.push_back(Chase("list_l1", "a list of 16 KiB walked and compared", 16 * kKib, 6'000));
  kernels.push_back(Chase("list_l2", "a list of 512 KiB", 512 * kKib, 3'000));
  kernels.push_back(Chase("list_memory", "a list of 16 MiB", 16 * kKib * kKib, 300));
  kernels.push_back(Decide("decide_random", "a random decision for each byte", 128));
  kernels.push_back(Decide("decide_seldom", "a decision that falls otherwise once in 16", 16));
  kernels.push_back(Decide("decide_same", "a decision that is always the same", 0));
  kernels.push_back(Arithmetic());
  kernels.push_back(Mix());
  kernels.push_back(Copy("copy_small", "memcpy of 400 bytes in L1", 400, 16));
  kernels.push_back(Copy("copy_l2", "memcpy of 1460 bytes, 600 KiB in all", 1460, 205));
  kernels.push_back(Copy("copy_memory", "memcpy of 1460 bytes, 12 MiB in all", 1460, 4310));
  kernels.push_back(Checksum());
  kernels.push_back(Table("table_l2", "a hash table of 256 KiB", 8 * kKib));
  kernels.push_back(Table("table_memory", "a hash table of 16 MiB", 512 * kKib));
  kernels.push_back(Parse());
  kernels.push_back(Interpret());
  return kernels;
}

}  // namespace aether::celeron
