#include "base/system_limits.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> process_limit(auto resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

std::int64_t machine_memory() {
  return std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

/// The folders of this process's cgroup and of those above it. A line of the membership is
/// "0::/job/step" (version 2) or "4:cpu,cpuacct:/job/step" (1). A container may see the path of the
/// machine and the files of its own: what is not there is passed over when it is read.
std::vector<fs::path> cgroup_folders(const CgroupFiles& files, const std::string& controller) {
  std::vector<fs::path> folders;
  std::ifstream membership(files.membership);
  for (std::string line; std::getline(membership, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() &&
        ("," + controllers + ",").find("," + controller + ",") == std::string::npos) {
      continue;
    }
    const fs::path top = controllers.empty() ? files.mount : files.mount / controller;
    fs::path path = fs::path(line.substr(second + 1)).relative_path();
    for (; !path.empty(); path = path.parent_path()) folders.push_back(top / path);
    folders.push_back(top);
  }
  return folders;
}

/// The number that a file begins with; nothing where there is none, or "max".
std::optional<double> read_number(const fs::path& path) {
  std::ifstream file(path);
  double number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

/// Version 2 has both numbers in a file, version 1 a file for each, with -1 for none.
std::optional<double> read_cores(const fs::path& folder) {
  std::ifstream both(folder / "cpu.max");
  double quota = 0;
  double period = 0;
  if (both >> quota >> period && period > 0) return quota / period;
  quota = read_number(folder / "cpu.cfs_quota_us").value_or(-1);
  period = read_number(folder / "cpu.cfs_period_us").value_or(0);
  if (quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> address_space_limit() { return process_limit(RLIMIT_AS); }
std::optional<std::int64_t> data_limit() { return process_limit(RLIMIT_DATA); }

std::optional<std::int64_t> cgroup_memory_limit(const CgroupFiles& files) {
  const std::int64_t machine = machine_memory();
  double least = static_cast<double>(machine);
  for (const fs::path& folder : cgroup_folders(files, "memory")) {
    for (const char* const name : {"memory.max", "memory.limit_in_bytes"}) {
      least = std::min(least, read_number(folder / name).value_or(least));
    }
  }
  const auto bytes = static_cast<std::int64_t>(least);
  return bytes < machine ? std::optional(bytes) : std::nullopt;
}

std::optional<double> cgroup_cores(const CgroupFiles& files) {
  std::optional<double> least;
  for (const fs::path& folder : cgroup_folders(files, "cpu")) {
    const std::optional<double> cores = read_cores(folder);
    if (cores) least = std::min(*cores, least.value_or(*cores));
  }
  return least;
}

std::int64_t usable_memory() { return cgroup_memory_limit().value_or(machine_memory()); }

std::int64_t affinity_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return std::max(1U, std::thread::hardware_concurrency());
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

std::string describe_memory_limits() {
  std::string text;
  const auto add = [&](const std::optional<std::int64_t>& bytes, const char* what) {
    if (!bytes) return;
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", format_bytes(*bytes), what);
  };
  add(address_space_limit(), "address space (ulimit -v)");
  add(data_limit(), "data (ulimit -d)");
  add(cgroup_memory_limit(), "memory (cgroup)");
  return text;
}

}  // namespace dcgan
