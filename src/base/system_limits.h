// How much memory and how many cores the system leaves this process: what batch systems and
// containers set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dcgan {

/// Where the kernel says which cgroups this process is in, and where their files lie.
struct CgroupFiles {
  std::filesystem::path membership = "/proc/self/cgroup";
  std::filesystem::path mount = "/sys/fs/cgroup";
};

/// The least limit of this process's cgroup (version 2) and those above it, in bytes. Nothing where
/// it is not less than the machine's memory.
std::optional<std::int64_t> cgroup_memory_limit(const CgroupFiles& files = {});

/// The same for processor time, in cores: 1.5 is three seconds of it in two.
std::optional<double> cgroup_cores(const CgroupFiles& files = {});

/// The machine's memory in bytes, or the cgroup's limit.
std::int64_t usable_memory();

/// The cores that this process may use, at least 1. taskset(1), containers' sets of CPUs and the
/// like leave it fewer than the machine has, a cgroup's share of processor time the time of fewer.
std::int64_t usable_cores();

/// Those of the process's affinity alone, at least 1.
std::int64_t affinity_cores();

/// OMP_NUM_THREADS, where it is set to a number, as every OpenMP program reads it; its first level
/// if there are several ("4,2"). Else usable_cores().
std::int64_t default_threads();

}  // namespace dcgan
