#include "runtime/random.h"

#include <ATen/ATen.h>
#include <ATen/core/PhiloxRNGEngine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <vector>

namespace dcgan {
namespace {

std::vector<float> values(const torch::Tensor& tensor) {
  const float* first = tensor.data_ptr<float>();
  return {first, first + tensor.numel()};
}

// Vectors of Random123's kat_vectors for philox4x32 with 10 rounds.
TEST(Random, LibTorchsEngineIsPhilox) {
  at::Philox4_32 zero(0, 0, 0);
  EXPECT_EQ(zero(), 0x6627e8d5U);
  EXPECT_EQ(zero(), 0xe169c58dU);
  EXPECT_EQ(zero(), 0xbc57ac4cU);
  EXPECT_EQ(zero(), 0x9b00dbd8U);
  at::Philox4_32 pi(/*seed=*/0x299f31d0a4093822, /*subsequence=*/0x0370734413198a2e,
                    /*offset=*/0x85a308d3243f6a88);
  EXPECT_EQ(pi(), 0xd16cfe09U);
  EXPECT_EQ(pi(), 0x94fdcceb);
  EXPECT_EQ(pi(), 0x5001e420U);
  EXPECT_EQ(pi(), 0x24126ea1U);
}

// Philox, the key and Box-Muller were written a second time, in Python, for these. A change breaks
// the promise that a run of an older version can be resumed.
TEST(Random, NormalsAreTheOnesThatPythonComputes) {
  const auto expect_row = [](const torch::Tensor& row, const std::vector<float>& expected) {
    const std::vector<float> actual = values(row);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_FLOAT_EQ(actual[i], expected[i]) << i;
  };
  expect_row(
      normal_rows(1, Purpose::train_latents, 0, 1, 6),
      {-1.74823439F, 1.09446418F, -0.0200626701F, -1.35338235F, -1.12054789F, -0.768620193F});
  expect_row(
      normal_rows(1, Purpose::train_latents, 7, 1, 6),
      {-0.427961469F, -0.027596008F, 0.0337230302F, -0.506970584F, -0.350813001F, 0.211067289F});
  expect_row(normal_rows(-3, Purpose::sample_latents, std::int64_t{1} << 40, 1, 6),
             {0.162853166F, 0.238244429F, 0.82521522F, 1.76635933F, 0.947528541F, -0.857842445F});
}

TEST(Random, PermutationsAreTheOnesThatPythonComputes) {
  EXPECT_EQ(permutation(1, Purpose::data_order, 0, 10),
            (std::vector<std::int64_t>{1, 9, 0, 2, 5, 7, 4, 3, 8, 6}));
  EXPECT_EQ(permutation(1, Purpose::data_order, 1, 10),
            (std::vector<std::int64_t>{8, 7, 0, 9, 5, 3, 6, 4, 2, 1}));
}

TEST(Random, UniformsAreTheOnesThatPythonComputes) {
  EXPECT_EQ(values(uniform_rows(1, Purpose::classifier_augmentation, 0, 1, 5)),
            (std::vector<float>{-0.4850482940673828F, 0.06719636917114258F, -0.7197997570037842F,
                                0.026326775550842285F, 0.4069652557373047F}));
  EXPECT_EQ(values(uniform_rows(1, Purpose::classifier_augmentation, std::int64_t{1} << 33, 1, 5)),
            (std::vector<float>{-0.47673892974853516F, 0.804375410079956F, -0.0189971923828125F,
                                0.9563937187194824F, -0.16236460208892822F}));
}

// Each bound is four standard errors over a million independent numbers.
TEST(Random, UniformsFillTheirRange) {
  const torch::Tensor rows = uniform_rows(3, Purpose::classifier_augmentation, 0, 10000, 100);
  EXPECT_GE(rows.min().item<double>(), -1.0);
  EXPECT_LT(rows.max().item<double>(), 1.0);
  EXPECT_NEAR(rows.mean().item<double>(), 0.0, 4 * std::sqrt(1.0 / 3.0) / 1000);
  EXPECT_NEAR(rows.pow(2).mean().item<double>(), 1.0 / 3.0, 4 * std::sqrt(4.0 / 45.0) / 1000);
}

TEST(Random, NormalsAreAFloatTensorOfTheShapeAskedFor) {
  const torch::Tensor rows = normal_rows(1, Purpose::train_latents, 0, 3, 7);
  EXPECT_EQ(rows.sizes(), (std::vector<std::int64_t>{3, 7}));
  EXPECT_EQ(rows.scalar_type(), at::kFloat);
  EXPECT_EQ(normal_rows(1, Purpose::train_latents, 0, 0, 7).numel(), 0);
}

// Each bound is four standard errors of the statistic over `count` independent N(0, 1) numbers.
TEST(Random, NormalsHaveTheMomentsOfANormalDistribution) {
  const std::vector<float> sample = values(normal_rows(1, Purpose::train_latents, 0, 10000, 100));
  const auto count = static_cast<double>(sample.size());
  double first = 0, second = 0, third = 0, fourth = 0, lag = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double x = sample[i];
    first += x;
    second += x * x;
    third += x * x * x;
    fourth += x * x * x * x;
    if (i > 0) lag += x * sample[i - 1];
  }
  EXPECT_LT(std::abs(first / count), 4 * std::sqrt(1 / count));
  EXPECT_LT(std::abs(second / count - 1), 4 * std::sqrt(2 / count));
  EXPECT_LT(std::abs(third / count), 4 * std::sqrt(15 / count));
  EXPECT_LT(std::abs(fourth / count - 3), 4 * std::sqrt(96 / count));
  EXPECT_LT(std::abs(lag / count), 4 * std::sqrt(1 / count));
}

TEST(Random, NormalsReachBothTails) {
  const std::vector<float> sample = values(normal_rows(2, Purpose::train_latents, 0, 10000, 100));
  // P(|x| > 4) = 6.334e-5, so 63 of 10^6 are expected, with a deviation of 8.
  const auto beyond =
      std::count_if(sample.begin(), sample.end(), [](float x) { return std::abs(x) > 4; });
  EXPECT_NEAR(static_cast<double>(beyond), 63.3, 4 * 8);
}

TEST(Random, ARowIsTheSameInWhateverBatch) {
  const torch::Tensor all = normal_rows(5, Purpose::sample_latents, 0, 10, 13);
  for (std::int64_t row = 0; row < 10; ++row) {
    EXPECT_TRUE(at::equal(normal_rows(5, Purpose::sample_latents, row, 1, 13)[0], all[row]));
  }
  EXPECT_TRUE(at::equal(normal_rows(5, Purpose::sample_latents, 4, 6, 13), all.narrow(0, 4, 6)));
}

TEST(Random, ARowBeginsTheSameAtWhateverWidth) {
  const torch::Tensor wide = normal_rows(5, Purpose::sample_latents, 3, 2, 64);
  for (std::int64_t width = 1; width < 64; ++width) {
    EXPECT_TRUE(
        at::equal(normal_rows(5, Purpose::sample_latents, 3, 2, width), wide.narrow(1, 0, width)));
  }
}

TEST(Random, SeedsPurposesAndRowsAllDiffer) {
  std::vector<std::vector<float>> rows;
  for (const std::int64_t seed : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                  std::int64_t{1} << 32, std::int64_t{1} << 63}) {
    for (const Purpose purpose :
         {Purpose::generator_init, Purpose::discriminator_init, Purpose::data_order,
          Purpose::train_latents, Purpose::grid_latents, Purpose::sample_latents}) {
      for (const std::int64_t row :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 32, std::int64_t{1} << 62}) {
        rows.push_back(values(normal_rows(seed, purpose, row, 1, 4)));
      }
    }
  }
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(std::adjacent_find(rows.begin(), rows.end()), rows.end());
}

TEST(Random, APermutationHoldsEveryNumberOnce) {
  for (const std::int64_t size : {0, 1, 2, 3, 100, 60000}) {
    std::vector<std::int64_t> order = permutation(1, Purpose::data_order, 3, size);
    std::sort(order.begin(), order.end());
    std::vector<std::int64_t> expected(static_cast<std::size_t>(size));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(order, expected);
  }
}

TEST(Random, PermutationsOfDifferentEpochsSeedsAndPurposesDiffer) {
  const std::vector<std::int64_t> order = permutation(1, Purpose::data_order, 0, 1000);
  EXPECT_EQ(order, permutation(1, Purpose::data_order, 0, 1000));
  EXPECT_NE(order, permutation(1, Purpose::data_order, 1, 1000));
  EXPECT_NE(order, permutation(2, Purpose::data_order, 0, 1000));
  EXPECT_NE(order, permutation(1, Purpose::train_latents, 0, 1000));
}

// Chi-square over the 24 orders of four numbers: 49.7 is passed once in a thousand seeds.
TEST(Random, EveryPermutationIsEquallyLikely) {
  constexpr int kDraws = 24000;
  constexpr double kExpected = kDraws / 24.0;
  std::map<std::vector<std::int64_t>, int> counts;
  for (int draw = 0; draw < kDraws; ++draw) ++counts[permutation(1, Purpose::data_order, draw, 4)];
  ASSERT_EQ(counts.size(), 24U);
  double chi_square = 0;
  for (const auto& [order, count] : counts) {
    chi_square += (count - kExpected) * (count - kExpected) / kExpected;
  }
  EXPECT_LT(chi_square, 49.7);
}

// The place of one image over many epochs: a chi-square of 99 degrees, passed once in a thousand.
TEST(Random, EveryPlaceIsEquallyLikely) {
  constexpr int kDraws = 20000;
  constexpr double kExpected = kDraws / 100.0;
  std::vector<int> counts(100);
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<std::int64_t> order = permutation(1, Purpose::data_order, draw, 100);
    ++counts[static_cast<std::size_t>(std::find(order.begin(), order.end(), 42) - order.begin())];
  }
  double chi_square = 0;
  for (const int count : counts) {
    chi_square += (count - kExpected) * (count - kExpected) / kExpected;
  }
  EXPECT_LT(chi_square, 148.2);
}

TEST(Resample, DrawsEachNumberOnceOnAverage) {
  constexpr std::int64_t kSize = 1000;
  std::vector<int> counts(kSize);
  for (std::int64_t position = 0; position < 100; ++position) {
    for (const std::int64_t draw : resample(1, Purpose::evaluation_resamples, position, kSize)) {
      ++counts.at(static_cast<std::size_t>(draw));
    }
  }
  // Poisson(100): seven deviations.
  EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 30);
  EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 170);
}

TEST(Resample, DependsOnSeedAndPosition) {
  const auto draws = resample(1, Purpose::evaluation_resamples, 0, 50);
  EXPECT_EQ(resample(1, Purpose::evaluation_resamples, 0, 50), draws);
  EXPECT_NE(resample(2, Purpose::evaluation_resamples, 0, 50), draws);
  EXPECT_NE(resample(1, Purpose::evaluation_resamples, 1, 50), draws);
}

}  // namespace
}  // namespace dcgan
