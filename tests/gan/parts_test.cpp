// The parts of a batch: against PyTorch's values for the whole batch, and against themselves on
// other numbers of processes (here threads that meet as processes do).
#include "gan/parts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <optional>

#include "runtime/random.h"
#include "support/reference_case.h"
#include "support/small_state.h"

namespace dcgan {
namespace {

using testing::load_reference;
using testing::ReferenceCase;

class PartsOfReference : public ::testing::TestWithParam<const char*> {};

TEST_P(PartsOfReference, HaveTheLossesAndPenaltiesOfTheWholeBatch) {
  constexpr double kTolerance = 1e-4;
  const ReferenceCase reference = load_reference(GetParam());
  TrainState state = testing::make_reference_state(reference);
  const std::int64_t images = reference.at("real").size(0);
  const std::int64_t count = images % 2 == 0 ? 2 : images % 3 == 0 ? 3 : images;
  Parts parts(state, {count, count, /*a_thread_each=*/true}, nullptr);
  const auto labels = reference.config.model.classes > 0 ? reference.at("labels") : torch::Tensor();
  const torch::Tensor losses = reference.at("d_losses");
  const double scale = losses.abs().max().item<double>();
  std::int64_t penalties = 0;
  for (std::int64_t i = 0; i < losses.size(0); ++i) {
    const StepNumbers numbers =
        read(parts.step(reference.at("real"), labels, reference.at("latents")[i]));
    EXPECT_NEAR(numbers.discriminator_loss, losses[i].item<double>(), kTolerance * scale) << i;
    if (numbers.r1) {
      const double expected = reference.at("penalties")[penalties++].item<double>();
      EXPECT_NEAR(*numbers.r1, expected, kTolerance * expected) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PyTorch, PartsOfReference,
                         ::testing::Values("dcgan_28x28x1", "dcgan_28x28x1_hinge",
                                           "dcgan_21x13x1_least_squares", "dcgan_28x28x1_wgan_gp",
                                           "dcgan_28x28x1_regularised", "dcgan_28x28x1_classes",
                                           "dcgan_64x64x3", "dense_28x28x1_regularised",
                                           "dcgan_28x28x1_mismatch", "dcgan_21x13x3_wgan"));

/// `processes` of them, ten steps; what the first one holds at the end.
TrainState train_on(const Config& config, std::int64_t processes, const PartsHere& parts_each) {
  const std::int64_t port = free_port();
  const auto run = [&](std::int64_t rank) {
    Launch launch{.rank = rank, .size = processes, .local_rank = rank, .local_size = processes};
    launch.address = "127.0.0.1";
    launch.port = port;
    std::optional<ProcessGroup> group;
    if (processes > 1) group.emplace(launch, std::chrono::seconds(60));
    TrainState state = testing::small_trained_state(config, /*steps=*/0);
    Parts parts(state, parts_each, group ? &*group : nullptr);
    const std::int64_t batch = config.train.batch_size;
    const std::int64_t own = batch / processes;
    for (std::int64_t i = 0; i < testing::kSmallRun; ++i) {
      const std::int64_t row = i * batch + rank * own;
      const torch::Tensor real = normal_rows(2, Purpose::sample_latents, row, own, 64).tanh();
      const torch::Tensor labels = torch::arange(row, row + own).remainder(3);
      parts.step(real.view({own, 1, 8, 8}), labels,
                 normal_rows(3, Purpose::train_latents, row, own, config.model.latent_dim));
    }
    return state;
  };
  std::vector<std::future<TrainState>> running;
  for (std::int64_t rank = 0; rank < processes; ++rank) {
    running.push_back(std::async(std::launch::async, run, rank));
  }
  std::vector<TrainState> states;
  for (auto& process : running) states.push_back(process.get());
  for (const TrainState& state : states) {  // but for the average, they are all the same
    EXPECT_TRUE(
        testing::equal(named_tensors(state.generator), named_tensors(states.front().generator)));
    EXPECT_TRUE(testing::equal(named_tensors(state.discriminator),
                               named_tensors(states.front().discriminator)));
  }
  return states.front();
}

Config config_of(bool sync_batch_norm, Precision precision, double gradient_penalty = 0) {
  Config config = testing::small_regularised_config();
  config.train.batch_size = 16;
  config.train.sync_batch_norm = sync_batch_norm;
  config.train.precision = precision;
  config.train.gradient_penalty = gradient_penalty;
  config.model.latent_modes = 3;
  config.model.latent_dim = 6;
  config.model.classes = 3;
  config.train.class_mismatch = 1;
  return config;
}

TEST(Parts, HaveTheSameBytesOnAnyNumberOfProcesses) {
  Config spectral = config_of(true, Precision::fp32);
  spectral.generator.norm = spectral.discriminator.norm = Norm::spectral;
  for (const Config& config :
       {config_of(true, Precision::fp32), config_of(false, Precision::fp32),
        config_of(true, Precision::bf16), config_of(true, Precision::fp32, 1), spectral}) {
    const TrainState one = train_on(config, 1, {4, 4, true});
    EXPECT_TRUE(testing::equal(one, train_on(config, 2, {2, 2, true})));
    EXPECT_TRUE(testing::equal(one, train_on(config, 4, {1, 1, true})));
    EXPECT_TRUE(testing::equal(one, train_on(config, 1, {4, 1, true})));  // train.accumulate: 4
    EXPECT_TRUE(testing::equal(one, train_on(config, 2, {2, 1, true})));
  }
}

TEST(Parts, WithoutSyncedStatisticsAreAnotherTraining) {
  EXPECT_FALSE(testing::equal(train_on(config_of(true, Precision::fp32), 1, {2, 2, true}),
                              train_on(config_of(false, Precision::fp32), 1, {2, 2, true})));
}

TEST(Parts, RethrowWhatOneOfThemThrows) {
  TrainState state = testing::small_trained_state();
  Parts parts(state, {2, 1, /*a_thread_each=*/true}, nullptr);
  const torch::Tensor wrong = torch::zeros({4, 1, 8, 9});
  EXPECT_THROW(parts.step(wrong, {}, torch::zeros({4, 3})), c10::Error);
}

}  // namespace
}  // namespace dcgan
