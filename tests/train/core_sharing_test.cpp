#include "dcgan/train/core_sharing.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "dcgan/base/cores.h"
#include "dcgan/kernels/parallel.h"

namespace dcgan {
namespace {

/// The cores that the threads of a loop of `threads` may run on; more than one set where they
/// differ.
std::set<std::vector<int>> cores_of_team(std::int64_t threads) {
  std::set<std::vector<int>> found;
  std::mutex mutex;
  parallel_blocks(threads, [&](std::int64_t /*block*/) {
    const std::vector<int> cores = cores_of_thread();
    const std::lock_guard lock(mutex);
    found.insert(cores);
  });
  return found;
}

/// What happens between two looks: for how much of the time the thread waits, and how much the
/// cores are idle that the team may run on, and the others.
struct Interval {
  double waited;
  double idle_here;
  double idle_elsewhere;
};

/// A machine of which the test says what it does.
class Machine {
 public:
  CoreSharing::Reader reader() {
    return [this](const std::vector<int>& cores) {
      cores_ = cores;
      now_.idle.resize(cores.size());
      ++readings_;
      return now_;
    };
  }

  void pass(CoreSharing& sharing, Interval interval) {
    const std::vector<int> here = cores_of_thread();
    now_.wall += 1;
    now_.waited += interval.waited;
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      const bool ours = std::find(here.begin(), here.end(), cores_[i]) != here.end();
      now_.idle[i] += ours ? interval.idle_here : interval.idle_elsewhere;
    }
    sharing.look();
  }

  int readings() const { return readings_; }

 private:
  CoreTimes now_;
  std::vector<int> cores_;
  int readings_ = 0;
};

constexpr Interval kAlone = {0.01, 0.02, 0};
constexpr Interval kContended = {0.4, 0.05, 0};
constexpr Interval kOneNeighbour = {0.4, 0.25, 0};  // ours wait, but a core is often free
constexpr Interval kTogether = {0.5, 0, 0};         // ours wait for each other
constexpr Interval kDeserted = {0.5, 0, 0.95};
constexpr auto kNoInterval = std::chrono::milliseconds(0);

class CoreSharingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (count_ < 2) GTEST_SKIP() << "one core can't be shared out";
    at::set_num_threads(static_cast<int>(count_));
  }
  void TearDown() override { at::set_num_threads(threads_before_); }

  std::set<std::vector<int>> team() const { return cores_of_team(count_); }

  const int threads_before_ = at::get_num_threads();
  const std::vector<int> cores_ = cores_of_thread();
  const std::int64_t count_ = static_cast<std::int64_t>(cores_.size());
  const std::set<std::vector<int>> everywhere_ = {cores_};
  Machine machine_;
};

TEST_F(CoreSharingTest, LeavesTheTeamAloneWithoutOthersAndWhereACoreIsFree) {
  CoreSharing sharing(count_, machine_.reader(), kNoInterval);
  sharing.look();
  for (const Interval& interval : {kAlone, kOneNeighbour, kAlone}) {
    machine_.pass(sharing, interval);
    EXPECT_FALSE(sharing.together());
    EXPECT_EQ(team(), everywhere_);
  }
}

TEST_F(CoreSharingTest, BringsTheTeamTogetherOnHalfOfTheCoresWhileOthersWantThemAll) {
  CoreSharing sharing(count_, machine_.reader(), kNoInterval);
  EXPECT_EQ(sharing.cores(), count_);
  EXPECT_EQ(sharing.half(), count_ / 2);
  sharing.look();
  for (int i = 0; i < 5; ++i) {
    machine_.pass(sharing, kContended);
    EXPECT_TRUE(sharing.together());
    const auto half = team();
    ASSERT_EQ(half.size(), 1U);
    EXPECT_EQ(half.begin()->size(), static_cast<std::size_t>(count_ / 2));
    machine_.pass(sharing, kTogether);
    EXPECT_TRUE(sharing.together());
    EXPECT_EQ(team(), half);
    machine_.pass(sharing, kDeserted);
    EXPECT_FALSE(sharing.together());
    EXPECT_EQ(team(), everywhere_);
  }
}

TEST_F(CoreSharingTest, HoldsASecondTeamWhileTogether) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  team();
  CoreSharing sharing(count_, machine_.reader(), kNoInterval);
  sharing.look();
  const auto before = threads();
  machine_.pass(sharing, kContended);
  EXPECT_EQ(threads(), before + count_);
  machine_.pass(sharing, kDeserted);
  for (int i = 0; i < 500 && threads() != before; ++i) {  // the last of them end on their own
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(threads(), before);
}

/// Two trainings that always took the same half would never both find room.
TEST_F(CoreSharingTest, DrawsItsHalf) {
  CoreSharing sharing(count_, machine_.reader(), kNoInterval);
  sharing.look();
  std::set<std::vector<int>> halves;
  for (int i = 0; i < 40; ++i) {
    machine_.pass(sharing, kContended);
    halves.insert(cores_of_thread());
    machine_.pass(sharing, kDeserted);
  }
  EXPECT_EQ(halves.size(), 2U);
  EXPECT_EQ(halves.begin()->front(), cores_.front());
  EXPECT_EQ(halves.rbegin()->back(), cores_.back());
}

TEST_F(CoreSharingTest, GivesTheCoresBackAtItsEnd) {
  {
    CoreSharing sharing(count_, machine_.reader(), kNoInterval);
    sharing.look();
    machine_.pass(sharing, kContended);
    ASSERT_TRUE(sharing.together());
  }
  EXPECT_EQ(team(), everywhere_);
}

TEST_F(CoreSharingTest, DoesNothingForATeamThatHalfOfTheCoresHaveRoomForOrThatIsLargerThanAll) {
  for (const std::int64_t threads : {count_ / 2, count_ + 1, 2 * count_}) {
    CoreSharing sharing(threads, machine_.reader(), kNoInterval);
    sharing.look();
    machine_.pass(sharing, kContended);
    EXPECT_FALSE(sharing.together());
    EXPECT_EQ(machine_.readings(), 0);
  }
}

TEST_F(CoreSharingTest, DoesNothingWhereTheSystemTellsNothing) {
  int readings = 0;
  const auto nothing = [&](const std::vector<int>& /*cores*/) -> std::optional<CoreTimes> {
    ++readings;
    return std::nullopt;
  };
  CoreSharing sharing(count_, nothing, kNoInterval);
  sharing.look();
  sharing.look();
  EXPECT_FALSE(sharing.together());
  EXPECT_EQ(readings, 1);  // it doesn't ask again
}

TEST_F(CoreSharingTest, ReadsOnceInAnInterval) {
  CoreSharing sharing(count_, machine_.reader(), std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) sharing.look();
  EXPECT_EQ(machine_.readings(), 1);
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
  // Counted in hundredths of a second, and read a moment apart from the clock.
  EXPECT_GT(after->idle[0] - before->idle[0], -0.2);
  EXPECT_LT(after->idle[0] - before->idle[0], wall + 0.2);
  EXPECT_GE(after->waited, before->waited);
  EXPECT_LE(after->waited - before->waited, wall);
  EXPECT_FALSE(read_core_times({0, 100'000}));
}

/// Two threads on one core: each waits for the other for about half of the time.
TEST(ReadCoreTimes, CountsTheTimeThatAThreadWaitsForItsCore) {
  if (!read_core_times({})) GTEST_SKIP() << "this system has no /proc/thread-self/schedstat";
  const int core = cores_of_thread().front();
  std::atomic<bool> done = false;
  double waited = 0;
  auto busy_until = [&](auto over) {
    run_thread_on({core});
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
