// The cores that this process and its threads may use.
#pragma once

#include <cstdint>

namespace dcgan {

/// At least 1. taskset(1), containers' sets of CPUs and the like leave a process fewer cores than
/// the machine has.
std::int64_t usable_cores();

}  // namespace dcgan
