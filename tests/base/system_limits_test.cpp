#include "base/system_limits.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "base/file.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

/// A process's cgroups as the kernel shows them.
class Cgroup : public ::testing::Test {
 protected:
  void membership(const std::string& lines) { write_file_atomically(files_.membership, lines); }
  void put(const std::string& file, const std::string& text) {
    const std::filesystem::path path = files_.mount / file;
    make_folder(path.parent_path());
    write_file_atomically(path, text);
  }

  testing::TempFolder folder_;
  CgroupFiles files_{folder_ / "membership", folder_ / "mount"};
};

TEST_F(Cgroup, VersionTwoHasTheLeastLimitOfItsOwnAndThoseAbove) {
  membership("1:name=systemd:/\n0::/batch/job7/step\n");
  put("memory.max", "max\n");
  put("batch/memory.max", "1048576\n");
  put("batch/job7/memory.max", "2097152\n");
  put("batch/job7/step/memory.max", "max\n");
  put("batch/job7/cpu.max", "150000 100000\n");
  put("batch/job7/step/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_memory_limit(files_), 1048576);
  EXPECT_EQ(cgroup_cores(files_), 1.5);
}

TEST_F(Cgroup, AContainerSeesTheMachinesPathAndItsOwnFiles) {
  membership("0::/docker/0123abcd\n");
  put("memory.max", "1048576\n");
  EXPECT_EQ(cgroup_memory_limit(files_), 1048576);
}

TEST_F(Cgroup, NoLimitIsNone) {
  EXPECT_EQ(cgroup_memory_limit(files_), std::nullopt);
  membership("0::/\nnonsense\n");
  put("memory.max", "max\n");
  put("cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_memory_limit(files_), std::nullopt);
  EXPECT_EQ(cgroup_cores(files_), std::nullopt);
  put("memory.max", "9000000000000000000\n");  // more than any machine has
  EXPECT_EQ(cgroup_memory_limit(files_), std::nullopt);
}

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
