#include "dcgan/base/cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace dcgan {

std::int64_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace dcgan
