#include "dcgan/base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>
#include <vector>

namespace dcgan {
namespace {

/// In a thread of its own: the other tests keep their cores.
TEST(Cores, AreThoseOfTheThreadsAffinity) {
  std::thread own([] {
    cpu_set_t set;
    ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    EXPECT_LE(usable_cores(), CPU_COUNT(&set));  // a cgroup may leave the time of fewer
    const std::vector<int> cores = cores_of_thread();
    ASSERT_EQ(static_cast<int>(cores.size()), CPU_COUNT(&set));
    for (const int core : cores) EXPECT_TRUE(CPU_ISSET(core, &set));

    ASSERT_TRUE(run_thread_on({cores.back()}));
    ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(CPU_COUNT(&set), 1);
    EXPECT_TRUE(CPU_ISSET(cores.back(), &set));
    EXPECT_EQ(cores_of_thread(), std::vector<int>{cores.back()});
    EXPECT_EQ(usable_cores(), 1);
  });
  own.join();
}

TEST(Cores, AThreadCantRunOnNone) {
  const std::vector<int> before = cores_of_thread();
  EXPECT_FALSE(run_thread_on({}));
  EXPECT_EQ(cores_of_thread(), before);
}

}  // namespace
}  // namespace dcgan
