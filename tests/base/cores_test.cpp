#include "base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace dcgan {
namespace {

/// In a thread of its own: the other tests keep their cores.
TEST(Cores, AreThoseOfTheThreadsAffinity) {
  std::thread own([] {
    cpu_set_t set;
    ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(affinity_cores(), CPU_COUNT(&set));
    EXPECT_LE(usable_cores(), CPU_COUNT(&set));  // a cgroup may leave the time of fewer

    const int first = [&] {
      int core = 0;
      while (!CPU_ISSET(core, &set)) ++core;
      return core;
    }();
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(usable_cores(), 1);
  });
  own.join();
}

}  // namespace
}  // namespace dcgan
