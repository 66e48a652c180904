// The cores that this process and its threads may use.
#pragma once

#include <cstdint>
#include <vector>

namespace dcgan {

/// At least 1. taskset(1), containers' sets of CPUs and the like leave a process fewer cores than
/// the machine has, a cgroup's share of processor time the time of fewer.
std::int64_t usable_cores();

/// OMP_NUM_THREADS, where it is set to a number, as every OpenMP program reads it; its first level
/// if there are several ("4,2"). Else usable_cores().
std::int64_t default_threads();

/// Those that the calling thread may run on, as the kernel numbers them, in ascending order. Empty
/// where the kernel has more (1024) than this can ask for.
std::vector<int> cores_of_thread();

/// Lets the calling thread run on `cores` alone. False where the system doesn't allow it.
bool run_thread_on(const std::vector<int>& cores);

}  // namespace dcgan
