#include "dcgan/train/core_sharing.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <torch/torch.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "dcgan/kernels/parallel.h"

namespace dcgan {
namespace {

int cores_of_thread() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof(set), &set);
  return CPU_COUNT(&set);
}

/// On how many cores each thread of a loop of `threads` may run; more than one number where they
/// differ.
std::set<int> cores_of_team(std::int64_t threads) {
  std::set<int> counts;
  std::mutex mutex;
  parallel_blocks(threads, [&](std::int64_t /*block*/) {
    const int cores = cores_of_thread();
    const std::lock_guard lock(mutex);
    counts.insert(cores);
  });
  return counts;
}

/// What happens in one quarter of a second: for how much of it the thread waits, and how much each
/// core of the first and of the second half is idle.
struct Quarter {
  double waited;
  double first_half_idle;
  double second_half_idle;
};

/// A machine of which the test says what it does. The first look finds its start.
class Machine {
 public:
  CoreSharing::Reader reader() {
    return [this](const std::vector<int>& cores) {
      now_.idle.resize(cores.size());
      return now_;
    };
  }

  /// Real time passes, too: a look that comes earlier would not be used.
  void pass(CoreSharing& sharing, Quarter quarter) {
    std::this_thread::sleep_for(std::chrono::milliseconds(260));
    now_.wall += 0.25;
    now_.waited += 0.25 * quarter.waited;
    for (std::size_t i = 0; i < now_.idle.size(); ++i) {
      const bool first = i < now_.idle.size() / 2;
      now_.idle[i] += 0.25 * (first ? quarter.first_half_idle : quarter.second_half_idle);
    }
    sharing.look();
  }

 private:
  CoreTimes now_;
};

constexpr Quarter kAlone = {0.01, 0.02, 0.02};
constexpr Quarter kContended = {0.4, 0, 0.05};
constexpr Quarter kOneNeighbour = {0.4, 0.25, 0.25};  // ours wait, but a core is often free
constexpr Quarter kTogether = {0.5, 0, 0};            // ours wait for each other
constexpr Quarter kDeserted = {0.5, 0, 0.95};

class CoreSharingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (cores_ < 2) GTEST_SKIP() << "one core can't be shared out";
    at::set_num_threads(cores_);
  }
  void TearDown() override { at::set_num_threads(threads_before_); }

  const int threads_before_ = at::get_num_threads();
  const int cores_ = cores_of_thread();
  Machine machine_;
};

TEST_F(CoreSharingTest, LeavesTheTeamAloneWithoutOthersAndWhereACoreIsFree) {
  CoreSharing sharing(cores_, machine_.reader());
  sharing.look();
  for (const Quarter& quarter : {kAlone, kOneNeighbour, kAlone}) {
    machine_.pass(sharing, quarter);
    EXPECT_FALSE(sharing.together());
    EXPECT_EQ(cores_of_team(cores_), std::set<int>{cores_});
  }
}

TEST_F(CoreSharingTest, BringsTheTeamTogetherOnHalfOfTheCoresWhileOthersWantThemAll) {
  CoreSharing sharing(cores_, machine_.reader());
  EXPECT_EQ(sharing.cores(), cores_);
  EXPECT_EQ(sharing.half(), cores_ / 2);
  sharing.look();
  machine_.pass(sharing, kContended);
  EXPECT_TRUE(sharing.together());
  EXPECT_EQ(cores_of_team(cores_), std::set<int>{cores_ / 2});
  machine_.pass(sharing, kTogether);
  EXPECT_TRUE(sharing.together());
  machine_.pass(sharing, kDeserted);
  EXPECT_FALSE(sharing.together());
  EXPECT_EQ(cores_of_team(cores_), std::set<int>{cores_});
}

TEST_F(CoreSharingTest, GivesTheCoresBackAtItsEnd) {
  {
    CoreSharing sharing(cores_, machine_.reader());
    sharing.look();
    machine_.pass(sharing, kContended);
    ASSERT_TRUE(sharing.together());
  }
  EXPECT_EQ(cores_of_team(cores_), std::set<int>{cores_});
}

TEST_F(CoreSharingTest, DoesNothingForATeamThatHalfOfTheCoresHaveRoomFor) {
  CoreSharing sharing(cores_ / 2, machine_.reader());
  sharing.look();
  machine_.pass(sharing, kContended);
  EXPECT_FALSE(sharing.together());
}

TEST_F(CoreSharingTest, DoesNothingWhereTheSystemTellsNothing) {
  int readings = 0;
  CoreSharing sharing(cores_, [&](const std::vector<int>& /*cores*/) -> std::optional<CoreTimes> {
    ++readings;
    return std::nullopt;
  });
  sharing.look();
  machine_.pass(sharing, kContended);
  EXPECT_FALSE(sharing.together());
  EXPECT_EQ(readings, 1);  // it doesn't ask again
}

TEST_F(CoreSharingTest, UsesOneReadingAQuarterOfASecond) {
  int readings = 0;
  CoreSharing sharing(cores_, [&](const std::vector<int>& cores) {
    ++readings;
    return std::optional<CoreTimes>({0, 0, std::vector<double>(cores.size())});
  });
  for (int i = 0; i < 100; ++i) sharing.look();
  EXPECT_EQ(readings, 1);
}

TEST(ReadCoreTimes, IdleTimeGrowsNoFasterThanTheClockAndAMissingCoreIsNothing) {
  const auto before = read_core_times({0});
  if (!before) GTEST_SKIP() << "this system has no /proc/thread-self/schedstat or /proc/stat";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto after = read_core_times({0});
  ASSERT_TRUE(after);
  ASSERT_EQ(after->idle.size(), 1U);
  const double wall = after->wall - before->wall;
  EXPECT_GE(wall, 0.3);
  EXPECT_GE(after->idle[0], before->idle[0]);
  EXPECT_LE(after->idle[0] - before->idle[0], wall + 0.05);  // counted in hundredths of a second
  EXPECT_GE(after->waited, before->waited);
  EXPECT_LE(after->waited - before->waited, wall);
  EXPECT_FALSE(read_core_times({0, 100'000}));
}

/// Two threads on one core: each waits for the other for about half of the time.
TEST(ReadCoreTimes, CountsTheTimeThatAThreadWaitsForItsCore) {
  if (!read_core_times({})) GTEST_SKIP() << "this system has no /proc/thread-self/schedstat";
  cpu_set_t before;
  sched_getaffinity(0, sizeof(before), &before);
  int core = 0;
  while (!CPU_ISSET(core, &before)) ++core;
  std::atomic<bool> done = false;
  double waited = 0;
  auto busy_until = [&](auto over) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof(one), &one);
    while (!over()) {
    }
  };
  std::thread other([&] { busy_until([&] { return done.load(); }); });
  std::thread measured([&] {
    const double start = read_core_times({})->wall;
    busy_until([&] { return read_core_times({})->wall - start > 0.5; });
    waited = read_core_times({})->waited;
    done = true;
  });
  measured.join();
  other.join();
  EXPECT_GT(waited, 0.1);
}

}  // namespace
}  // namespace dcgan
