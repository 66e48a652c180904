#include "model/modes.h"

#include <gtest/gtest.h>

#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;

TEST(Modes, TheLargestOfTheFirstLatentsIsTheMode) {
  const torch::Tensor latents =
      torch::tensor({{-1.0F, -0.5F, -2.0F, -3.0F, 7.0F}, {2.0F, 1.0F, 0.0F, 3.0F, 9.0F}});
  const torch::Tensor wanted =
      torch::tensor({{0.0F, 2.0F, 0.0F, 0.0F, 7.0F}, {0.0F, 0.0F, 0.0F, 2.0F, 9.0F}});
  EXPECT_TRUE(torch::equal(choose_mode(latents, 4, {}), wanted));
}

TEST(Modes, TheClassOfALatentIsThatOfItsMode) {
  // Modes 0, 2, 4 are of class 0, modes 1, 3, 5 of class 1.
  const torch::Tensor latents = torch::tensor({{0.0F, 1.0F, 2.0F, 3.0F, -1.0F, 0.5F, 9.0F},
                                               {5.0F, 1.0F, 2.0F, 3.0F, -1.0F, 0.5F, 9.0F},
                                               {0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 0.5F, 9.0F}});
  EXPECT_TRUE(torch::equal(classes_of(latents, 6, 2, {}), torch::tensor({1, 0, 0})));
}

TEST(Modes, AChosenClassTakesItsLargestLatentAndLeavesTheRest) {
  const torch::Tensor latents = noise({40, 9}, 4);
  const torch::Tensor wanted = torch::arange(40).remainder(3);
  const torch::Tensor chosen = choose_classes(latents, 6, 3, wanted);
  EXPECT_TRUE(torch::equal(classes_of(chosen, 6, 3, {}), wanted));
  EXPECT_TRUE(torch::equal(chosen.narrow(1, 6, 3), latents.narrow(1, 6, 3)));
  const torch::Tensor input = choose_mode(chosen, 6, {});
  EXPECT_TRUE(input.isfinite().all().item<bool>());
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::int64_t of_class = wanted[i].item<std::int64_t>();
    const bool second = (latents[i][of_class + 3] > latents[i][of_class]).item<bool>();
    EXPECT_GT(input[i][of_class + (second ? 3 : 0)].item<float>(), 0) << i;
  }
  // Where the class is asked for that would come anyway, the image is the same.
  const torch::Tensor same = choose_classes(latents, 6, 3, classes_of(latents, 6, 3, {}));
  EXPECT_TRUE(torch::equal(choose_mode(same, 6, {}), choose_mode(latents, 6, {})));
}

TEST(Modes, ABiasDecidesWhichWins) {
  const torch::Tensor latents = torch::tensor({{0.1F, 0.2F, 0.3F, 5.0F}, {0.1F, 0.2F, 0.9F, 5.0F}});
  const torch::Tensor bias = torch::tensor({0.5F, 0.0F, 0.0F});
  EXPECT_TRUE(torch::equal(modes_of(latents, 3, bias), torch::tensor({0, 2})));
  EXPECT_TRUE(torch::equal(modes_of(latents, 3, {}), torch::tensor({2, 2})));
  EXPECT_TRUE(torch::equal(classes_of(latents, 3, 3, bias), torch::tensor({0, 2})));
  EXPECT_GT(choose_mode(latents, 3, bias)[0][0].item<float>(), 0);
}

/// How often each class comes among a million latents, against how often it should: as the
/// largest difference in deviations of such a count.
double farthest(const std::vector<std::int64_t>& counts, std::int64_t modes) {
  constexpr std::int64_t kDraws = 1'000'000;
  const torch::Tensor latents = normal_rows(1, Purpose::sample_latents, 0, kDraws, modes);
  const auto classes = static_cast<std::int64_t>(counts.size());
  const torch::Tensor drawn =
      torch::bincount(classes_of(latents, modes, classes, mode_bias_for(counts, modes)), {},
                      classes)
          .to(torch::kFloat64);
  const torch::Tensor wanted = torch::tensor(counts).to(torch::kFloat64);
  const torch::Tensor expected = wanted / wanted.sum() * static_cast<double>(kDraws);
  return ((drawn - expected) / expected.sqrt()).abs().max().item<double>();
}

TEST(Modes, ClassesComeAsOftenAsTheyShould) {
  constexpr double kLikely = 5;
  EXPECT_LT(farthest({5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}, 20), kLikely);
  EXPECT_LT(farthest({1, 1}, 2), kLikely);
  EXPECT_LT(farthest({7, 90, 3}, 6), kLikely);
  EXPECT_LT(farthest({1, 99'999}, 2), kLikely);
  EXPECT_LT(farthest({4}, 4), kLikely);
}

TEST(Modes, OfAClassComeEquallyOften) {
  const torch::Tensor bias = mode_bias_for({30, 10, 60}, 6);
  EXPECT_TRUE(torch::equal(bias.narrow(0, 0, 3), bias.narrow(0, 3, 3)));
  EXPECT_LT(mode_bias_for({5, 5}, 4).abs().max().item<float>(), 1e-6F);
}

}  // namespace
}  // namespace dcgan
