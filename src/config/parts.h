// How a step's batch is cut into parts.
#pragma once

#include <cstdint>

#include "dcgan/config.h"

namespace dcgan {

/// The parts of each batch that one of so many processes has: train.shards in all or, where that is
/// 1, one a process. Throws a usage error with the nearest value that fits where the batch or the
/// shards can't be shared out evenly, or an epoch's last batch could not.
std::int64_t parts_here(const Config& config, std::int64_t processes);

}  // namespace dcgan
