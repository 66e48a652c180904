#include "training/initial_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "generate/generator_file.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using testing::caught;
using testing::equal;
using ::testing::HasSubstr;
using testing::IsError;
using ::testing::Not;
using testing::TempFolder;

/// A checkpoint and a g.pt of a run with an average, and new states that begin from files.
class InitialWeights : public ::testing::Test {
 protected:
  InitialWeights() {
    log_.add_file(folder_ / "log");
    std::filesystem::create_directories(folder_ / "run/checkpoints");
    save_checkpoint(folder_ / "run/checkpoints/000003.pt", source_, source_config_, "12345678");
    save_generator(folder_ / "run/g.pt", *source_.average, source_config_, 3);
  }

  TrainState start(const Config& config, const std::string& from) {
    Config changed = config;
    changed.train.init_from = (folder_ / from).string();
    TrainState state = make_train_state(changed, torch::kCPU);
    take_initial_weights(state, log_);
    return state;
  }
  std::string logged() const { return read_file(folder_ / "log"); }

  TempFolder folder_;
  Log log_{Verbosity::quiet};
  Config config_ = testing::small_config();
  Config source_config_ = [] {
    Config config = testing::small_config();
    config.train.ema_decay = 0.5;
    config.train.posthoc_ema = true;
    return config;
  }();
  TrainState source_ = testing::small_trained_state(source_config_);
};

TEST_F(InitialWeights, OfACheckpointAreItsAverageAndItsDiscriminator) {
  const TrainState state = start(config_, "run/checkpoints/000003.pt");
  EXPECT_TRUE(equal(named_tensors(state.generator), named_tensors(*source_.average)));
  EXPECT_TRUE(equal(named_tensors(state.discriminator), named_tensors(source_.discriminator)));
  EXPECT_FALSE(equal(named_tensors(state.generator), named_tensors(source_.generator)));
  EXPECT_THAT(logged(), HasSubstr("the generator's average and the discriminator"));
}

TEST_F(InitialWeights, LeaveStepAndOptimizersAtRest) {
  const TrainState state = start(config_, "run");
  EXPECT_EQ(state.step, 0);
  EXPECT_EQ(state.generator_optimizer.steps_done(), 0);
  for (const auto& [name, moment] : state.discriminator_optimizer.named_moments()) {
    EXPECT_EQ(moment.abs().max().item<float>(), 0) << name;
  }
}

TEST_F(InitialWeights, OfARunAreThoseOfItsNewestCheckpoint) {
  TrainState later = testing::small_trained_state(source_config_, 5);
  save_checkpoint(folder_ / "run/checkpoints/000005.pt", later, source_config_, "12345678");
  const TrainState state = start(config_, "run");
  EXPECT_TRUE(equal(named_tensors(state.discriminator), named_tensors(later.discriminator)));
}

TEST_F(InitialWeights, OfAGeneratorFileLeaveTheDiscriminatorNew) {
  const TrainState state = start(config_, "run/g.pt");
  EXPECT_TRUE(equal(named_tensors(state.generator), named_tensors(*source_.average)));
  EXPECT_TRUE(equal(named_tensors(state.discriminator),
                    named_tensors(make_train_state(config_, torch::kCPU).discriminator)));
  EXPECT_THAT(logged(), HasSubstr("it holds no discriminator, which starts with new weights"));
}

TEST_F(InitialWeights, AreThoseOfTheNewAveragesToo) {
  TrainState state = start(source_config_, "run");
  EXPECT_TRUE(equal(named_tensors(*state.average), named_tensors(state.generator)));
  EXPECT_TRUE(equal(named_tensors(state.power_averages[0]), named_tensors(state.generator)));
  testing::train_on_noise(state, source_config_, 1);
  EXPECT_FALSE(equal(named_tensors(*state.average), named_tensors(state.generator)));
}

TEST_F(InitialWeights, OfFrozenLayersStay) {
  config_.train.freeze = {"discriminator.layer1"};
  TrainState state = start(config_, "run");
  testing::train_on_noise(state, config_, 2);
  EXPECT_TRUE(
      torch::equal(state.discriminator.layers[0].weight, source_.discriminator.layers[0].weight));
}

TEST_F(InitialWeights, OfOtherShapesAreListedAndRefused) {
  config_.data.channels = 3;
  const Error error = caught([&] { start(config_, "run"); });
  EXPECT_THAT(error.problem(),
              AllOf(HasSubstr("generator.layer3.weight [2, 3, 4, 4] here, [2, 1, 4, 4] there"),
                    HasSubstr("discriminator.layer1.weight [2, 3, 4, 4] here, [2, 1, 4, 4] there"),
                    Not(HasSubstr("layer2"))));
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(error.key(), "train.init_from");
  EXPECT_THAT(error.remedy(), HasSubstr("train.init_partial: true"));
}

TEST_F(InitialWeights, OfADeeperNetworkAreListedAndRefused) {
  config_.data.image_size = {32, 32};
  EXPECT_THAT(caught([&] { start(config_, "run"); }).problem(),
              HasSubstr("generator.layer4.weight [2, 1, 4, 4] here, none there"));
}

TEST_F(InitialWeights, ThatFitAreTakenByInitPartial) {
  config_.data.channels = 3;
  config_.train.init_partial = true;
  const TrainState state = start(config_, "run");
  EXPECT_TRUE(torch::equal(state.generator.layers[1].weight, source_.average->layers[1].weight));
  EXPECT_TRUE(torch::equal(state.generator.layers[2].weight,
                           make_train_state(config_, torch::kCPU).generator.layers[2].weight));
  EXPECT_THAT(logged(), HasSubstr("with new weights or left out: generator.layer3.weight"));
}

TEST_F(InitialWeights, WithoutClassesServeARunWithClasses) {
  config_.model.latent_dim = 4;
  save_generator(folder_ / "g.pt", make_train_state(config_, torch::kCPU).generator, config_, 0);
  config_.model.latent_modes = config_.model.classes = 2;
  TrainState state = start(config_, "g.pt");
  EXPECT_EQ(state.generator.layers[0].mode_bias.size(0), 2);
}

TEST_F(InitialWeights, OfFilesWithoutNetworksAreRefused) {
  const auto problem = [&](const std::string& from) {
    const Error error = caught([&] { start(config_, from); });
    EXPECT_EQ(error.key(), "train.init_from");
    EXPECT_EQ(error.where(), (folder_ / from).string());
    return error.problem();
  };
  EXPECT_EQ(problem("nothing.pt"), "no such file");
  Archive features;
  features.kind = ArchiveKind::features;
  features.tensors = {{"layer1.weight", torch::zeros({1})}};
  write_archive(folder_ / "features.pt", features);
  EXPECT_EQ(problem("features.pt"), "it holds neither a generator nor a checkpoint of dcgan");
  write_file_atomically(folder_ / "text.pt", "text");
  EXPECT_EQ(problem("text.pt"), "not a TorchScript archive");
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_EQ(problem("empty"), "a folder without g.pt and without checkpoints");
}

}  // namespace
}  // namespace dcgan
