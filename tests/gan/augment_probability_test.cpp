#include "gan/augment_probability.h"

#include <gtest/gtest.h>

#include <vector>

#include "gan/train_step.h"
#include "model/forward.h"
#include "runtime/torch.h"
#include "support/small_state.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;

/// The probability after each step with these mean signs.
std::vector<double> follow(const std::vector<float>& signs, std::int64_t batch, double target) {
  AugmentProbability probability = make_augment_probability(torch::kCPU);
  std::vector<double> values;
  for (std::size_t step = 0; step < signs.size(); ++step) {
    adapt(probability, torch::tensor(signs[step]),
          augment_rate(static_cast<std::int64_t>(step), batch), target);
    values.push_back(probability.value.item<double>());
  }
  return values;
}

TEST(AugmentProbability, FollowsTheMeanSignOfFourSteps) {
  const std::vector<double> values =
      follow({1, 1, 0, 0.5F, /*mean 0.625*/ 1, 1, 1, 1, /*1*/ 1, 1, 0, 0.3F /*0.575*/}, 250, 0.6);
  const std::vector<double> expected{0, 0, 0, 0.01, 0.01, 0.01, 0.01, 0.02, 0.02, 0.02, 0.02, 0.01};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-6) << i;
}

TEST(AugmentProbability, StaysBetweenZeroAndOne) {
  EXPECT_EQ(follow(std::vector<float>(8, -1), 10000, 0.6).back(), 0);
  EXPECT_EQ(follow(std::vector<float>(16, 1), 10000, 0.6).back(), 1);
}

Config adaptive_config() {
  Config config = testing::small_config();
  config.train.color_jitter = 1;
  config.train.augment_target = 0.6;
  return config;
}

TEST(AugmentProbability, FollowsTheDiscriminatorsSignOnRealImages) {
  Config config = adaptive_config();
  config.train.batch_size = 4;
  config.train.augment_target = 0.01;
  TrainState state = make_train_state(config, torch::kCPU);
  const TrainState before = make_train_state(config, torch::kCPU);
  double sum = 0;
  for (int step = 0; step < 4; ++step) {
    EXPECT_EQ(state.augment_probability->value.item<double>(), 0);
    const torch::Tensor real = noise({4, 1, 8, 8}, 8);
    const StepStats stats = train_step(state, real, {}, noise({4, 3}, 2));
    sum += stats.real_sign.item<double>();
    if (step > 0) continue;
    const torch::Tensor signs = forward(before.discriminator, real, Mode::train).sign();
    EXPECT_NEAR(sum, signs.mean().item<double>(), 1e-6);
  }
  ASSERT_GT(sum, 0);  // of these images, so that it rises
  EXPECT_NEAR(state.augment_probability->value.item<double>(), 16 / 100000.0, 1e-7);
}

TEST(AugmentProbability, IsNoneWithoutATarget) {
  TrainState state = make_train_state(testing::small_config(), torch::kCPU);
  const StepStats stats = train_step(state, noise({4, 1, 8, 8}, 1), {}, noise({4, 3}, 2));
  EXPECT_FALSE(stats.augment_probability.defined());
  EXPECT_FALSE(read(stats).augment_probability.has_value());
}

}  // namespace
}  // namespace dcgan
