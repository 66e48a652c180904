#include "dcgan/base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace dcgan {
namespace {

TEST(UsableCores, AreThoseOfTheThreadsAffinity) {
  std::thread own([] {  // the other tests keep their cores
    cpu_set_t set;
    ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(usable_cores(), CPU_COUNT(&set));
    int core = 0;
    while (!CPU_ISSET(core, &set)) ++core;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(usable_cores(), 1);
  });
  own.join();
}

}  // namespace
}  // namespace dcgan
