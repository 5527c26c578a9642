// Who watches one execution of a stateful target: fuzz-decode, which prints and writes a pcap.
// While fuzzing nobody does.
#pragma once

#include <string_view>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::fuzz {

class Observer {
 public:
  virtual ~Observer() = default;
  // A record is about to be carried out.
  virtual void OnRecord(std::string_view text, Instant now) = 0;
  // A frame reaches `host` (0 in targets with one) or leaves it.
  virtual void OnFrame(int host, bool in, Bytes frame, Instant now) = 0;
  // Anything else that is worth a line: an event, a verdict, a call's result.
  virtual void OnNote(std::string_view text, Instant now) = 0;
};

// Null while nobody watches. Set before the target runs, by its main.
Observer*& CurrentObserver();

}  // namespace aether::fuzz
