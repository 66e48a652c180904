#include "base/system_limits.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/text.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

std::int64_t machine_memory() {
  return std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

/// What `read` gives for the folders of this process's cgroup (version 2) and of those above it:
/// the least. A container may see the path of the machine and the files of its own: a folder that
/// is not there has no limit.
std::optional<double> least_limit(const CgroupFiles& files, auto read) {
  std::string line;
  std::ifstream membership(files.membership);  // "0::/job/step"
  while (std::getline(membership, line) && !line.starts_with("0::/")) {
  }
  std::optional<double> least;
  for (fs::path path = line.substr(std::min<std::size_t>(line.size(), 4));;
       path = path.parent_path()) {
    const std::optional<double> limit = read(files.mount / path);
    if (limit) least = std::min(*limit, least.value_or(*limit));
    if (path.empty()) return least;
  }
}

}  // namespace

std::optional<std::int64_t> cgroup_memory_limit(const CgroupFiles& files) {
  const auto bytes = least_limit(files, [](const fs::path& folder) -> std::optional<double> {
    double number = 0;  // or "max"
    if (std::ifstream(folder / "memory.max") >> number) return number;
    return std::nullopt;
  });
  if (!bytes || *bytes >= static_cast<double>(machine_memory())) return std::nullopt;
  return static_cast<std::int64_t>(*bytes);
}

std::optional<double> cgroup_cores(const CgroupFiles& files) {
  return least_limit(files, [](const fs::path& folder) -> std::optional<double> {
    double quota = 0;
    double period = 0;
    if (std::ifstream(folder / "cpu.max") >> quota >> period && period > 0) return quota / period;
    return std::nullopt;
  });
}

std::int64_t usable_memory() { return cgroup_memory_limit().value_or(machine_memory()); }

std::int64_t affinity_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::int64_t usable_cores() {
  const std::int64_t cores = affinity_cores();
  const double quota = std::ceil(cgroup_cores().value_or(static_cast<double>(cores)));
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(quota), 1, cores);
}

std::int64_t default_threads() {
  const char* const wanted = std::getenv("OMP_NUM_THREADS");
  const std::string_view text = wanted == nullptr ? std::string_view() : wanted;
  const auto count = parse_integer(text.substr(0, text.find(','))).value_or(0);
  constexpr std::int64_t kMax = 1024;  // as run.threads has it
  return count > 0 ? std::min(count, kMax) : usable_cores();
}

}  // namespace dcgan
