#include "dcgan/train/device.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <torch/torch.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <sstream>
#include <thread>

namespace dcgan {
namespace {

/// The kernel's struct sched_attr: 4 size, 4 policy, 8 flags, 4 nice, 4 priority, 8 runtime, ...
struct Scheduling {
  std::uint32_t size = 0;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::array<std::uint64_t, 2> rest{};
};

Scheduling scheduling() {
  Scheduling found;
  syscall(SYS_sched_getattr, 0, &found, sizeof(found), 0);
  return found;
}

/// Linux 6.12 and later, where nothing forbids the call.
bool has_turns() {
  utsname name{};
  uname(&name);
  std::istringstream release(name.release);
  int major = 0;
  int minor = 0;
  char dot = 0;
  release >> major >> dot >> minor;
  Scheduling same = scheduling();
  return (major > 6 || (major == 6 && minor >= 12)) && same.size != 0 &&
         syscall(SYS_sched_setattr, 0, &same, 0) == 0;
}

TEST(SetThreads, IsWhatLibTorchThenHas) {
  const int before = at::get_num_threads();
  for (const std::int64_t threads : {1, 3, 2, 2}) {
    EXPECT_EQ(set_threads(threads), threads);
    EXPECT_EQ(at::get_num_threads(), threads);
  }
  const std::int64_t own = set_threads(0);  // the tests have OMP_NUM_THREADS or nothing
  EXPECT_EQ(at::get_num_threads(), own);
  at::set_num_threads(before);
}

TEST(TakeShortTurns, ShortensTheTurnsOfThisThreadAndTheNextAndNothingElse) {
  if (!has_turns()) GTEST_SKIP() << "this kernel has none, or forbids to set them";
  std::thread own([] {  // the other tests keep their turns
    const Scheduling before = scheduling();
    take_short_turns();
    const Scheduling after = scheduling();
    EXPECT_EQ(after.runtime, 100'000U);
    EXPECT_EQ(after.policy, before.policy);
    EXPECT_EQ(after.nice, before.nice);
    std::thread next([] { EXPECT_EQ(scheduling().runtime, 100'000U); });
    next.join();
  });
  own.join();
}

}  // namespace
}  // namespace dcgan
