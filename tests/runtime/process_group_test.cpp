// Processes of one run, here as threads of one process.
#include "runtime/process_group.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <vector>

#include "runtime/torch.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

/// Calls `work` in each of `size` processes and returns what they return, by rank.
template <typename Result>
std::vector<Result> in_each(std::int64_t size, const std::function<Result(ProcessGroup&)>& work,
                            bool one_machine = true) {
  const std::int64_t port = free_port();
  std::vector<std::future<Result>> running;
  for (std::int64_t rank = 0; rank < size; ++rank) {
    running.push_back(std::async(std::launch::async, [=, &work] {
      Launch launch{.rank = rank, .size = size, .local_rank = rank, .local_size = size};
      if (!one_machine) launch.local_size = 1;
      launch.address = "127.0.0.1";
      launch.port = port;
      ProcessGroup group(launch, std::chrono::seconds(30));
      return work(group);
    }));
  }
  std::vector<Result> results;
  for (auto& process : running) results.push_back(process.get());
  return results;
}

/// Numbers of very different sizes, whose sum depends on the order.
torch::Tensor numbers_of(std::int64_t rank, std::int64_t count) {
  torch::manual_seed(static_cast<std::uint64_t>(rank));
  return torch::randn({count}) * torch::randn({count}).mul(8).exp();
}

TEST(TreeSum, AddsNeighboursFirst) {
  const auto number = [](float value) { return torch::full({1}, value); };
  EXPECT_EQ(tree_sum({number(1), number(2), number(3)}).item<float>(), 6);
  // (1e8 - 1e8) + (1 + 1), where (1e8 + 1) would lose its one.
  EXPECT_EQ(tree_sum({number(1e8F), number(-1e8F), number(1), number(1)}).item<float>(), 2);
  EXPECT_EQ(tree_sum({number(1e8F), number(1), number(-1e8F), number(1)}).item<float>(), 0);
}

TEST(ProcessGroup, SumsAsTheTreeDoesWhateverTheirSize) {
  for (const std::int64_t size : {2, 3, 4}) {
    for (const std::int64_t count : {1, 1000, 40'001, 300'001}) {
      std::vector<torch::Tensor> parts;
      for (std::int64_t rank = 0; rank < size; ++rank) parts.push_back(numbers_of(rank, count));
      const torch::Tensor expected = tree_sum(parts);
      for (const bool one_machine : {true, false}) {
        std::vector<torch::Tensor> own;
        for (std::int64_t rank = 0; rank < size; ++rank) own.push_back(numbers_of(rank, count));
        const auto work = [&](ProcessGroup& group) {
          const torch::Tensor numbers = own[static_cast<std::size_t>(group.rank())];
          group.sum(numbers);
          EXPECT_GT(group.bytes_sent(), 0);
          return numbers;
        };
        const auto sums = in_each<torch::Tensor>(size, work, one_machine);
        for (const torch::Tensor& sum : sums) EXPECT_TRUE(torch::equal(sum, expected));
      }
    }
  }
}

TEST(ProcessGroup, GoesOnByGlooWhereNcclCannotStart) {
  const auto sums = in_each<torch::Tensor>(2, [](ProcessGroup& group) {
    EXPECT_EQ(group.use_gpus(torch::kCPU), "");
    // Without libdcgan_cuda.so, or without two GPUs: two threads of one process name the same one.
    EXPECT_NE(group.use_gpus({torch::kCUDA, 0}), "");
    const torch::Tensor numbers = torch::ones({3});
    group.sum(numbers);
    return numbers;
  });
  for (const torch::Tensor& sum : sums) EXPECT_TRUE(torch::equal(sum, torch::full({3}, 2.0F)));
}

TEST(ProcessGroup, SumsSideBySideWithOtherCollectives) {
  constexpr int kSums = 5;
  const auto sums = in_each<torch::Tensor>(3, [](ProcessGroup& group) {
    std::vector<torch::Tensor> numbers;
    std::vector<std::future<void>> running;
    for (int i = 0; i < kSums; ++i) {
      numbers.push_back(torch::full({200'000}, static_cast<float>(i + group.rank())));
      running.push_back(group.begin_sum(numbers.back()));
      const torch::Tensor ranks = torch::full({10}, static_cast<float>(group.rank()));
      group.sum(ranks);
      EXPECT_TRUE(torch::equal(ranks, torch::full({10}, 3.F)));
    }
    for (std::future<void>& sum : running) sum.get();
    EXPECT_GE(group.hidden_share(), 0);
    EXPECT_LE(group.hidden_share(), 1);
    return torch::stack(numbers);
  });
  for (const torch::Tensor& all : sums) {
    const torch::Tensor expected = torch::arange(kSums).mul(3).add(3).to(torch::kFloat32);
    EXPECT_TRUE(torch::equal(all, expected.unsqueeze(1).expand({kSums, 200'000})));
  }
}

TEST(ProcessGroup, GathersByRank) {
  const auto gathered = in_each<torch::Tensor>(3, [](ProcessGroup& group) {
    return torch::stack(group.gather(torch::full({2}, static_cast<float>(group.rank()))));
  });
  for (const torch::Tensor& all : gathered) {
    EXPECT_TRUE(torch::equal(all.select(1, 0), torch::tensor({0.F, 1.F, 2.F})));
  }
}

TEST(ProcessGroup, NamesWhoDiffers) {
  const auto errors = in_each<Error>(2, [](ProcessGroup& group) {
    group.require_same("seed", "7");
    return testing::caught([&] { group.require_same("data set", group.leads() ? "a" : "b"); });
  });
  EXPECT_EQ(errors[0].problem(), "rank 0 and rank 1 differ in their data set (a and b)");
  EXPECT_EQ(errors[1].problem(), "rank 1 and rank 0 differ in their data set (b and a)");
}

TEST(ProcessGroup, TellsTheOthersWhy) {
  const auto errors = in_each<Error>(3, [](ProcessGroup& group) {
    if (group.rank() == 1) {
      group.tell("g.pt: no space left");
      return failure("");
    }
    return testing::caught([&] { group.sum(torch::zeros({4})); });
  });
  for (const std::size_t other : {0, 2}) {
    EXPECT_THAT(errors[other],
                testing::IsError(ErrorKind::failure, "", "rank 1: g.pt: no space left",
                                 "see its own message"));
  }
}

TEST(ProcessGroup, NamesTheAddressWhereNobodyIs) {
  Launch launch{.rank = 1, .size = 2, .local_rank = 1, .local_size = 2};
  launch.address = "127.0.0.1";
  launch.port = free_port();
  const auto error = testing::caught([&] { ProcessGroup(launch, std::chrono::seconds(1)); });
  EXPECT_EQ(error.where(), "127.0.0.1:" + std::to_string(launch.port));
  EXPECT_THAT(error.problem(), HasSubstr("rank 1 met nobody within 1 s"));
}

}  // namespace
}  // namespace dcgan
