#include "gan/train_step.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "gan/loss.h"
#include "model/forward.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

Config tiny_config() {
  Config config;
  config.model.base_channels = 4;
  config.model.latent_dim = 8;
  config.train.batch_size = 6;
  return config;
}

struct Inputs {
  torch::Tensor real;
  torch::Tensor latents;
};

Inputs make_inputs(const Config& config) {
  const std::int64_t batch = config.train.batch_size;
  return {
      normal_rows(5, Purpose::sample_latents, 0, batch, 28 * 28).tanh().view({batch, 1, 28, 28}),
      normal_rows(6, Purpose::sample_latents, 0, batch, config.model.latent_dim)};
}

/// D's gradient of its own loss, computed by itself: what D must hold after a step, and no more.
std::vector<torch::Tensor> own_discriminator_gradient(const Config& config, const Inputs& inputs) {
  TrainState state = make_train_state(config, torch::kCPU);
  const torch::Tensor fake = forward(state.generator, inputs.latents, Mode::train).detach();
  const torch::Tensor loss = discriminator_loss(
      LossKind::non_saturating, forward(state.discriminator, inputs.real, Mode::train),
      forward(state.discriminator, fake, Mode::train));
  return torch::autograd::grad({loss}, parameters(state.discriminator));
}

TEST(TrainStep, LeavesNoGradientOfTheGeneratorsHalfInTheDiscriminator) {
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  const auto expected = own_discriminator_gradient(config, inputs);
  TrainState state = make_train_state(config, torch::kCPU);
  train_step(state, inputs.real, {}, inputs.latents);
  const auto held = parameters(state.discriminator);
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_LT(testing::relative_distance(held[i].grad(), expected[i]), 1e-5) << i;
  }
}

TEST(TrainStep, ComputesTheGradientOfEveryWeightOnce) {
  // D's weight gradients in G's half would cost a fifth of the step and be thrown away. A hook on a
  // leaf runs each time that a gradient is computed for it.
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  std::map<std::string, int> computed;
  for (const Network* network : {&state.generator, &state.discriminator}) {
    for (const auto& [name, parameter] : named_parameters(*network)) {
      const std::string full = network->name + "." + name;
      computed[full] = 0;
      parameter.register_hook([&computed, full](const torch::Tensor&) { ++computed[full]; });
    }
  }
  train_step(state, inputs.real, {}, inputs.latents);
  for (const auto& [name, count] : computed) EXPECT_EQ(count, 1) << name;
}

TEST(TrainStep, OfASingleClassKnowsNoWrongOne) {
  Config config = tiny_config();
  config.model.classes = 1;
  config.model.latent_modes = 2;
  config.train.class_mismatch = 0.5;
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  const torch::Tensor labels = torch::zeros({config.train.batch_size}, torch::kLong);
  train_step(state, inputs.real, labels, inputs.latents);
  for (const torch::Tensor& parameter : parameters(state.discriminator)) {
    EXPECT_TRUE(parameter.isfinite().all().item<bool>());
  }
}

TEST(TrainStep, InBfloat16FollowsTheOneInFloat32) {
  Config config = tiny_config();
  config.train.r1_gamma = 1;
  config.train.r1_every = 2;
  const Inputs inputs = make_inputs(config);
  TrainState exact = make_train_state(config, torch::kCPU);
  config.train.precision = Precision::bf16;
  TrainState rounded = make_train_state(config, torch::kCPU);
  for (int step = 0; step < 10; ++step) {
    const StepNumbers theirs = read(train_step(exact, inputs.real, {}, inputs.latents));
    const StepNumbers ours = read(train_step(rounded, inputs.real, {}, inputs.latents));
    EXPECT_NEAR(ours.discriminator_loss, theirs.discriminator_loss, 0.03) << step;
    EXPECT_NEAR(ours.generator_loss, theirs.generator_loss, 0.03) << step;
    EXPECT_NE(ours.generator_loss, theirs.generator_loss) << step;
    // R1's pass is in float32: at the first step it knows nothing of the rounding.
    if (step == 0) {
      EXPECT_EQ(*ours.r1, *theirs.r1);
    }
  }
  for (const torch::Tensor& parameter : parameters(rounded.generator)) {
    EXPECT_EQ(parameter.scalar_type(), torch::kFloat32);
  }
}

TEST(TrainStep, LeavesTheDiscriminatorTrainable) {
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  train_step(state, inputs.real, {}, inputs.latents);
  for (const torch::Tensor& parameter : parameters(state.discriminator)) {
    EXPECT_TRUE(parameter.requires_grad());
  }
}

TEST(TrainStep, ShowsRealAndFakeToTheDiscriminatorInBatchesOfTheirOwn) {
  // BatchNorm's running mean tells: with m = 0.1 three batches a, b, c leave
  // 0.81 * 0.1 a + 0.9 * 0.1 b + 0.1 c. One joint batch could not.
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState plain = make_train_state(config, torch::kCPU);
  const torch::Tensor fake = forward(plain.generator, inputs.latents, Mode::train).detach();
  forward(plain.discriminator, inputs.real, Mode::train);
  forward(plain.discriminator, fake, Mode::train);
  const torch::Tensor after_two = plain.discriminator.layers[1].running_mean.clone();

  TrainState state = make_train_state(config, torch::kCPU);
  train_step(state, inputs.real, {}, inputs.latents);
  // The third batch is seen through moved weights: recompute it from the moved D.
  TrainState moved = make_train_state(config, torch::kCPU);
  {
    const torch::NoGradGuard no_grad;
    const auto from = named_parameters(state.discriminator);
    const auto to = named_parameters(moved.discriminator);
    for (std::size_t i = 0; i < from.size(); ++i) torch::Tensor(to[i].second).copy_(from[i].second);
    moved.discriminator.layers[1].running_mean.copy_(after_two);
    forward(moved.discriminator, fake, Mode::train);
  }
  EXPECT_TRUE(torch::allclose(state.discriminator.layers[1].running_mean,
                              moved.discriminator.layers[1].running_mean, 1e-6, 1e-8));
  EXPECT_FALSE(torch::allclose(state.discriminator.layers[1].running_mean, after_two, 1e-3, 1e-5));
}

TEST(TrainStep, CountsItsSteps) {
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  train_step(state, inputs.real, {}, inputs.latents);
  train_step(state, inputs.real, {}, inputs.latents);
  EXPECT_EQ(state.step, 2);
  EXPECT_EQ(state.discriminator_optimizer.steps_done(), 2);
  EXPECT_EQ(state.generator_optimizer.steps_done(), 2);
}

TEST(TrainStep, RepeatsBitForBit) {
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState first = make_train_state(config, torch::kCPU);
  TrainState second = make_train_state(config, torch::kCPU);
  for (int i = 0; i < 3; ++i) {
    train_step(first, inputs.real, {}, inputs.latents);
    train_step(second, inputs.real, {}, inputs.latents);
  }
  const auto ours = named_tensors(first.generator);
  const auto theirs = named_tensors(second.generator);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_TRUE(torch::equal(ours[i].second, theirs[i].second)) << ours[i].first;
  }
}

TEST(TrainStep, ScoresAreProbabilities) {
  const Config config = tiny_config();
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  const StepNumbers numbers = read(train_step(state, inputs.real, {}, inputs.latents));
  for (const double score : {numbers.real_score, numbers.fake_score, numbers.fake_score_after}) {
    EXPECT_GT(score, 0.0);
    EXPECT_LT(score, 1.0);
  }
}

TEST(TrainStep, MovesTheGeneratorOnEveryNthStepOnly) {
  Config config = tiny_config();
  config.train.discriminator_steps = 3;
  config.train.ema_decay = 0.9;
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  for (int step = 1; step <= 6; ++step) {
    const torch::Tensor generator = parameters(state.generator)[0].detach().clone();
    const torch::Tensor average = parameters(*state.average)[0].detach().clone();
    const torch::Tensor discriminator = parameters(state.discriminator)[0].detach().clone();
    const StepStats stats = train_step(state, inputs.real, {}, inputs.latents);
    const bool moves = step % 3 == 0;
    EXPECT_EQ(stats.updated_generator, moves) << step;
    EXPECT_EQ(torch::equal(parameters(state.generator)[0], generator), !moves) << step;
    EXPECT_EQ(torch::equal(parameters(*state.average)[0], average), !moves) << step;
    EXPECT_FALSE(torch::equal(parameters(state.discriminator)[0], discriminator)) << step;
    EXPECT_TRUE(std::isfinite(read(stats).generator_loss));
  }
  EXPECT_EQ(state.generator_optimizer.steps_done(), 2);
  EXPECT_EQ(state.discriminator_optimizer.steps_done(), 6);
}

TEST(TrainStep, CutsTheDiscriminatorsWeights) {
  Config config = tiny_config();
  config.train.loss = LossKind::wasserstein;
  config.train.weight_clip = 0.01;
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  train_step(state, inputs.real, {}, inputs.latents);
  for (const auto& [name, parameter] : named_parameters(state.discriminator)) {
    EXPECT_LE(parameter.abs().max().item<float>(), 0.01F) << name;
  }
  EXPECT_GT(parameters(state.generator)[0].abs().max().item<float>(), 0.01F);
}

TEST(TrainStep, PullsTheCriticsSlopeToOne) {
  Config config = tiny_config();
  config.train.loss = LossKind::wasserstein;
  config.train.gradient_penalty = 1000;  // little but the slope counts
  config.discriminator.norm = Norm::none;
  config.discriminator.lr = 2e-3;
  const Inputs inputs = make_inputs(config);
  TrainState state = make_train_state(config, torch::kCPU);
  const double first = *read(train_step(state, inputs.real, {}, inputs.latents)).gradient_penalty;
  EXPECT_GT(first, 0.9) << "new weights are small, and so is the slope";
  double last = first;
  for (int step = 0; step < 200; ++step) {
    last = *read(train_step(state, inputs.real, {}, inputs.latents)).gradient_penalty;
  }
  EXPECT_LT(last, 0.1);
}

TEST(AllFinite, SeesANaNInAnyTensor) {
  const Config config = tiny_config();
  TrainState state = make_train_state(config, torch::kCPU);
  EXPECT_TRUE(all_finite(state));
  const torch::NoGradGuard no_grad;
  state.discriminator.layers[1].running_var[0] = std::nan("");
  EXPECT_FALSE(all_finite(state));
}

}  // namespace
}  // namespace dcgan
