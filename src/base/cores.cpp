#include "dcgan/base/cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace dcgan {

std::int64_t usable_cores() {
  const std::size_t cores = cores_of_thread().size();
  return cores > 0 ? static_cast<std::int64_t>(cores)
                   : std::max(1U, std::thread::hardware_concurrency());
}

std::vector<int> cores_of_thread() {
  cpu_set_t set;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

bool run_thread_on(const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

}  // namespace dcgan
