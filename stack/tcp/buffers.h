// The pools that all connections of a layer share. What is in them exists only while data is in
// flight or queued.
#pragma once

#include "stack/base/chunk_queue.h"
#include "stack/base/pool.h"
#include "stack/tcp/flight.h"
#include "stack/tcp/out_of_order.h"
#include "stack/tcp/reassembler.h"
#include "stack/tcp/recovery.h"
#include "stack/tcp/send_queue.h"

namespace aether::tcp {

struct Buffers {
  ChunkPool chunks;
  Pool<SendItem> items;
  Pool<SentSegment> segments;
  Pool<HeldRange> ranges;
  Pool<Recovery> recoveries;
  Pool<OutOfOrder> out_of_orders;

  ReassemblyPools reassembly() { return {chunks, ranges}; }
};

}  // namespace aether::tcp
