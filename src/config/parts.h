// How a step's batch is cut into parts.
#pragma once

#include <cstdint>

#include "dcgan/config.h"

namespace dcgan {

/// The parts of each batch that one process has.
struct PartsHere {
  std::int64_t count = 1;
  std::int64_t at_once = 1;    ///< divides `count`: the others wait for their turn
  bool a_thread_each = false;  ///< as the same bits anywhere need; else LibTorch's own threads
};

/// What each of so many processes has: train.shards in all or, where that is 1, train.accumulate
/// each. Throws a usage error with the nearest value that fits where the batch or the shards can't
/// be shared out evenly, or an epoch's last batch could not.
PartsHere parts_here(const Config& config, std::int64_t processes);

}  // namespace dcgan
