#include "runtime/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/torch.h"

namespace dcgan {
namespace {

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

}  // namespace
}  // namespace dcgan
