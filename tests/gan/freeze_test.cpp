#include "gan/freeze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gan/parts.h"
#include "support/expect_error.h"
#include "support/small_state.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;

const std::vector<std::string> kFrozen{"discriminator.layer1", "discriminator.layer2",
                                       "generator.layer2"};

Config frozen_config() {
  Config config = testing::small_regularised_config();
  config.train.freeze = kFrozen;
  return config;
}

bool is_frozen(const Network& network, const std::string& tensor) {
  const std::string layer = network.name + "." + tensor.substr(0, tensor.find('.'));
  return std::find(kFrozen.begin(), kFrozen.end(), layer) != kFrozen.end();
}

void expect_only_others_moved(const TrainState& before, const TrainState& after) {
  for (const auto network : {&TrainState::generator, &TrainState::discriminator}) {
    const NamedTensors old = named_tensors(before.*network);
    const NamedTensors now = named_tensors(after.*network);
    for (std::size_t i = 0; i < old.size(); ++i) {
      const std::string& name = old[i].first;
      // Statistics follow the batches in every layer.
      const bool stays = is_frozen(before.*network, name) && name.find("running") == name.npos;
      EXPECT_EQ(torch::equal(old[i].second, now[i].second), stays)
          << (before.*network).name << '.' << name;
    }
  }
}

TEST(Freeze, KeepsTheParametersOfItsLayersAlone) {
  const Config config = frozen_config();
  expect_only_others_moved(testing::small_trained_state(config, 0),
                           testing::small_trained_state(config, 3));
}

TEST(Freeze, HoldsInTheAveragesToo) {
  const TrainState state = testing::small_trained_state(frozen_config(), 3);
  for (const Network& average :
       {*state.average, state.power_averages[0], state.power_averages[1]}) {
    EXPECT_TRUE(torch::equal(average.layers[1].weight, state.generator.layers[1].weight));
  }
}

TEST(Freeze, HoldsInParts) {
  const Config config = frozen_config();
  const TrainState before = testing::small_trained_state(config, 0);
  TrainState state = testing::small_trained_state(config, 0);
  Parts parts(state, {2, 2, /*a_thread_each=*/true}, nullptr);
  for (std::int64_t i = 0; i < 3; ++i) {
    parts.step(normal_rows(2, Purpose::sample_latents, i * 4, 4, 64).tanh().view({4, 1, 8, 8}), {},
               normal_rows(3, Purpose::train_latents, i * 4, 4, 3));
  }
  expect_only_others_moved(before, state);
}

TEST(Freeze, LeavesTheGradientsOfOtherLayersAsTheyWere) {
  Config config = testing::small_regularised_config();
  const TrainState free = testing::small_trained_state(config, 1);
  config.train.freeze = {"generator.layer2", "discriminator.layer3"};
  const TrainState frozen = testing::small_trained_state(config, 1);
  const auto theirs = named_parameters(free.discriminator);
  const auto ours = named_parameters(frozen.discriminator);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const bool is_of_layer3 = ours[i].first.starts_with("layer3.");
    ASSERT_EQ(ours[i].second.grad().defined(), !is_of_layer3) << ours[i].first;
    if (is_of_layer3) continue;
    EXPECT_TRUE(torch::allclose(ours[i].second.grad(), theirs[i].second.grad(), 1e-5, 1e-8))
        << ours[i].first;
  }
}

TEST(Freeze, LeavesNoMoments) {
  const TrainState state = testing::small_trained_state(frozen_config(), 1);
  for (const auto& [name, tensor] : state.discriminator_optimizer.named_moments()) {
    EXPECT_THAT(name, ::testing::Not(HasSubstr("layer1"))) << name;
  }
}

TEST(Freeze, KeepsWeightsBeyondTheClip) {
  Config config = testing::small_config();
  config.train.loss = LossKind::wasserstein;
  config.train.weight_clip = 1e-4;
  config.train.freeze = {"discriminator.layer1"};
  const TrainState state = testing::small_trained_state(config, 1);
  EXPECT_GT(state.discriminator.layers[0].weight.abs().max().item<float>(), 1e-3F);
  EXPECT_LE(state.discriminator.layers[1].weight.abs().max().item<float>(), 1e-4F);
}

TEST(Freeze, RefusesALayerThatIsNotThere) {
  Config config = testing::small_config();
  const auto refused = [&](const char* name) {
    config.train.freeze = {"generator.layer1", name};
    return caught([&] { make_train_state(config, torch::kCPU); });
  };
  EXPECT_THAT(refused("generater.layer2"),
              IsError(ErrorKind::usage, "", "train.freeze: the networks have no 'generater.layer2'",
                      "did you mean 'generator.layer2'?"));
  EXPECT_THAT(refused("x"), IsError(ErrorKind::usage, "", HasSubstr("have no 'x'"),
                                    "the layers are generator.layer1 to layer3 and "
                                    "discriminator.layer1 to layer3, from the input on"));
}

TEST(Freeze, RefusesAllLayersOfANetwork) {
  Config config = testing::small_config();
  config.train.freeze = {"generator.layer1", "generator.layer2", "generator.layer3"};
  EXPECT_THAT(
      caught([&] { make_train_state(config, torch::kCPU); }),
      IsError(ErrorKind::usage, "",
              "train.freeze has all layers of the generator: nothing in it would be trained",
              "leave out at least one"));
}

}  // namespace
}  // namespace dcgan
