#include "dcgan/kernels/parallel.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "dcgan/base/cores.h"

namespace dcgan {
namespace {

/// Milliseconds of CPU time that the threads of a loop take after its end; the median of nine
/// loops.
double milliseconds_spun() {
  std::array<double, 9> spun{};
  for (double& milliseconds : spun) {
    parallel_blocks(at::get_num_threads(), [](std::int64_t /*block*/) {});
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    milliseconds = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  }
  std::sort(spun.begin(), spun.end());
  return spun[spun.size() / 2];
}

TEST(ParallelBlocks, CallsEachBlockOnceWithAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 5}) {
    at::set_num_threads(count);
    for (const std::int64_t blocks : {0, 1, 2, 3, 64, 1001}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(blocks));
      parallel_blocks(blocks,
                      [&](std::int64_t block) { ++calls.at(static_cast<std::size_t>(block)); });
      for (const auto& number : calls) EXPECT_EQ(number, 1) << blocks << " blocks";
    }
  }
  at::set_num_threads(threads);
}

TEST(ParallelBlocks, UsesSeveralThreads) {
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_blocks(64, [&](std::int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  at::set_num_threads(threads);
  EXPECT_EQ(seen.size(), 2U);
}

TEST(SecondTeam, KeepsIdleThreadsFromSpinningWhileItExists) {
  const std::size_t cores = cores_of_thread().size();
  if (cores < 2) GTEST_SKIP() << "a single thread waits for nobody";
  const int threads = at::get_num_threads();
  at::set_num_threads(static_cast<int>(cores));
  const double before = milliseconds_spun();
  double meanwhile = 0;
  {
    const SecondTeam second;
    meanwhile = milliseconds_spun();
  }
  const double after = milliseconds_spun();
  at::set_num_threads(threads);
  if (before < 1) GTEST_SKIP() << "this OpenMP doesn't spin, or is told not to";
  EXPECT_LT(meanwhile, before / 4);
  EXPECT_GT(after, before / 4);
}

}  // namespace
}  // namespace dcgan
