#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "base/system_limits.h"
#include "base/text.h"

namespace dcgan {

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

}  // namespace dcgan
