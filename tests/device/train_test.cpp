#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "device/pretended_device.h"
#include "generate/generator_file.h"
#include "support/small_state.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::device_counts;
using testing::device_memory;
using testing::pretended_device;
using testing::reset_device_counts;
using testing::small_config;
using testing::small_regularised_config;
using testing::small_state;
using testing::train_on_noise;

struct Case {
  std::string name;
  Config config;
};

void PrintTo(const Case& of, std::ostream* out) { *out << of.name; }

std::vector<Case> cases() {
  std::vector<Case> all{{"plain", small_config()}, {"regularised", small_regularised_config()}};
  const auto add = [&](const std::string& name) -> Config& {
    return all.emplace_back(Case{name, small_config()}).config;
  };
  for (const auto& [name, loss] : {std::pair{"minimax", LossKind::minimax},
                                   {"least_squares", LossKind::least_squares},
                                   {"hinge", LossKind::hinge},
                                   {"wasserstein", LossKind::wasserstein}}) {
    add(name).train.loss = loss;
  }
  Config& penalised = add("gradient_penalty");
  penalised.train.loss = LossKind::wasserstein;
  penalised.train.gradient_penalty = 10;
  penalised.train.discriminator_steps = 2;
  Config& clipped = add("weight_clip");
  clipped.train.loss = LossKind::wasserstein;
  clipped.train.weight_clip = 0.01;
  Config& classes = add("classes");
  classes.model.classes = 3;
  classes.model.latent_modes = 6;
  classes.model.latent_dim = 8;
  classes.train.class_mismatch = 0.5;
  for (const auto& [name, norm] : {std::pair{"no_norm", Norm::none},
                                   {"batch_all", Norm::batch_all},
                                   {"layer", Norm::layer},
                                   {"instance", Norm::instance},
                                   {"spectral", Norm::spectral}}) {
    Config& config = add(name);
    config.generator.norm = config.discriminator.norm = norm;
  }
  add("sgd").train.optimizer = OptimizerKind::sgd;
  add("rmsprop").train.optimizer = OptimizerKind::rmsprop;
  Config& pooled = add("pooled");
  pooled.model.downsampling = Downsampling::max_pool;
  pooled.model.upsampling = Upsampling::bilinear;
  add("hidden_units").model.hidden_units = 5;
  Config& dense = add("dense");
  dense.model.kind = ModelKind::dense;
  dense.model.dense_widths = {6, 5};
  Config& color = add("color");
  color.data.channels = 3;
  color.train.color_jitter = 1;
  color.discriminator.activation = Activation::gelu;
  return all;
}

class TrainOnADevice : public ::testing::TestWithParam<Case> {};

TEST_P(TrainOnADevice, EqualsTheCpu) {
  Config config = GetParam().config;
  config.train.eps = 1e-3;  // else Adam moves a weight by the rate for a gradient that is rounding
  TrainState here = small_state(config);
  TrainState there = small_state(config, pretended_device());
  train_on_noise(here, config, 4);
  train_on_noise(there, config, 4);
  const auto expected = parts_of(here);
  const auto found = parts_of(there);
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t part = 0; part < expected.size(); ++part) {
    for (std::size_t i = 0; i < expected[part].second.size(); ++i) {
      const auto& [name, tensor] = found[part].second[i];
      EXPECT_EQ(tensor.device(), pretended_device()) << name;
      const torch::Tensor want = expected[part].second[i].second;
      const double distance = (tensor.cpu() - want).abs().max().item<double>();
      EXPECT_LT(distance, 1e-5 * want.abs().max().item<double>() + 1e-7)
          << found[part].first << name;
    }
  }
}

TEST_P(TrainOnADevice, NeverWaitsForIt) {
  const Config& config = GetParam().config;
  TrainState state = small_state(config, pretended_device());
  reset_device_counts();
  train_on_noise(state, config, 10);
  const std::int64_t memory = device_memory();
  train_on_noise(state, config, 10);
  const auto counts = device_counts();
  EXPECT_EQ(counts.to_host, 0);
  EXPECT_EQ(counts.synchronisations, 0);
  EXPECT_EQ(counts.overwritten_sources, 0);
  EXPECT_GT(counts.operators, 0);
  EXPECT_EQ(device_memory(), memory);
}

TEST(TrainOnADeviceInBfloat16, FollowsTheOneInFloat32) {
  Config config = small_regularised_config();
  TrainState exact = small_state(config, pretended_device());
  config.train.precision = Precision::bf16;
  TrainState rounded = small_state(config, pretended_device());
  train_on_noise(exact, config, 4);
  train_on_noise(rounded, config, 4);
  const torch::Tensor latents =
      testing::noise({8, config.model.latent_dim}, /*seed=*/5).to(pretended_device());
  const torch::Tensor want = generate_images(exact.generator, latents, config.output).cpu();
  const torch::Tensor found = generate_images(rounded.generator, latents, config.output).cpu();
  EXPECT_LT((found.to(torch::kFloat) - want.to(torch::kFloat)).abs().max().item<float>(), 3);
  EXPECT_FALSE(torch::equal(rounded.generator.layers[1].weight, exact.generator.layers[1].weight));
  EXPECT_EQ(rounded.generator.layers[1].weight.scalar_type(), torch::kFloat32);
}

INSTANTIATE_TEST_SUITE_P(, TrainOnADevice, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace dcgan
