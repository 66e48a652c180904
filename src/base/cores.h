// The cores that this process and its threads may use.
#pragma once

#include <cstdint>

namespace dcgan {

/// At least 1. taskset(1), containers' sets of CPUs and the like leave a process fewer cores than
/// the machine has, a cgroup's share of processor time the time of fewer.
std::int64_t usable_cores();

/// Those of the process's affinity alone, at least 1.
std::int64_t affinity_cores();

/// OMP_NUM_THREADS, where it is set to a number, as every OpenMP program reads it; its first level
/// if there are several ("4,2"). Else usable_cores().
std::int64_t default_threads();

}  // namespace dcgan
