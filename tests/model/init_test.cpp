#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

#include "model/network.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

Network initialised(std::int64_t seed, Purpose purpose, const Config& config = {}) {
  Network network = make_network(plan_generator(config), torch::kCPU);
  initialise(network, seed, purpose, config.model.init_deviation);
  return network;
}

TEST(Init, WeightsAreNormalWithTheDeviation) {
  const Network network = initialised(1, Purpose::generator_init);
  const torch::Tensor weight = network.layers[0].weight.detach();  // 409,600 numbers
  EXPECT_NEAR(weight.mean().item<double>(), 0.0, 4 * 0.02 / 640);
  EXPECT_NEAR(weight.std().item<double>(), 0.02, 4 * 0.02 / 900);
}

TEST(Init, BatchNormScalesAreNormalAroundOne) {
  const Network network = initialised(1, Purpose::generator_init);
  const torch::Tensor scale = network.layers[0].norm_scale.detach();  // 256 numbers
  EXPECT_NEAR(scale.mean().item<double>(), 1.0, 4 * 0.02 / 16);
  EXPECT_GT(scale.std().item<double>(), 0.01);
  EXPECT_EQ(network.layers[0].norm_shift.abs().max().item<double>(), 0.0);
}

TEST(Init, DependsOnSeedAndPurpose) {
  const auto first = initialised(1, Purpose::generator_init).layers[0].weight;
  EXPECT_TRUE(torch::equal(first, initialised(1, Purpose::generator_init).layers[0].weight));
  EXPECT_FALSE(torch::equal(first, initialised(2, Purpose::generator_init).layers[0].weight));
  EXPECT_FALSE(torch::equal(first, initialised(1, Purpose::discriminator_init).layers[0].weight));
}

TEST(Init, LayersHaveStreamsOfTheirOwn) {
  Config without_norm;
  without_norm.generator.norm = Norm::none;
  const Network with = initialised(1, Purpose::generator_init);
  const Network without = initialised(1, Purpose::generator_init, without_norm);
  for (std::size_t i = 0; i < with.layers.size(); ++i) {
    EXPECT_TRUE(torch::equal(with.layers[i].weight, without.layers[i].weight)) << i;
  }
}

/// Standard deviation and mean of a uniform distribution in [-bound, bound], in its own bounds.
void expect_uniform(const torch::Tensor& tensor, double bound, const std::string& name) {
  const torch::Tensor numbers = tensor.detach().to(torch::kFloat64) / bound;
  const auto root = std::sqrt(static_cast<double>(numbers.numel()));
  EXPECT_LE(numbers.abs().max().item<double>(), 1 + 1e-6) << name;
  EXPECT_NEAR(numbers.mean().item<double>(), 0, 4 / std::sqrt(3) / root) << name;
  EXPECT_NEAR(numbers.square().mean().item<double>(), 1.0 / 3, 4 * 0.3 / root) << name;
  if (numbers.numel() > 10'000) {
    EXPECT_GT(numbers.abs().max().item<double>(), 0.999) << name;
  }
}

TEST(Init, OfPyTorchHasTheBoundsOfItsModules) {
  // Their largest number of many is at the bound, whatever its formula.
  const auto bound_of = [](const torch::Tensor& weight) {
    return weight.abs().max().item<double>();
  };
  torch::manual_seed(1);
  const double transposed = bound_of(torch::nn::ConvTranspose2d(100, 256, 4)->weight);
  const double strided = bound_of(
      torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(256, 128, 3).stride(2))->weight);
  const double convolution = bound_of(torch::nn::Conv2d(64, 128, 4)->weight);
  const double linear = bound_of(torch::nn::Linear(256, 512)->weight);
  EXPECT_NEAR(transposed, 1 / std::sqrt(256 * 16), 1e-4);
  Config config;
  config.model.init = Init::pytorch;
  const auto made = [&](const NetworkPlan& plan) {
    Network network = make_network(plan, torch::kCPU);
    initialise(network, 1, Purpose::generator_init, config.model.init_deviation, config.model.init);
    return network;
  };
  const Network generator = made(plan_generator(config));
  expect_uniform(generator.layers[0].weight, 1 / std::sqrt(256 * 16), "generator.layer1");
  EXPECT_NEAR(bound_of(generator.layers[0].weight), transposed, 1e-4 * transposed);
  EXPECT_NEAR(bound_of(generator.layers[1].weight), strided, 1e-4 * strided);
  EXPECT_NEAR(bound_of(made(plan_discriminator(config)).layers[1].weight), convolution,
              1e-3 * convolution);
  config.model.kind = ModelKind::dense;
  EXPECT_NEAR(bound_of(made(plan_generator(config)).layers[1].weight), linear, 1e-3 * linear);
}

TEST(Init, OfPyTorchDrawsBiasesAndLeavesBatchNormPlain) {
  Config config;
  config.generator.norm = Norm::none;
  const auto made = [&] {
    Network network = make_network(plan_generator(config), torch::kCPU);
    initialise(network, 1, Purpose::generator_init, 0.02, Init::pytorch);
    return network;
  };
  const Network plain = made();
  expect_uniform(plain.layers[0].bias, 1 / std::sqrt(256 * 16), "layer1.bias");
  EXPECT_GT(plain.layers[0].bias.abs().min().item<double>(), 0);
  config.generator.norm = Norm::batch;
  const Network normed = made();
  EXPECT_TRUE(torch::equal(normed.layers[0].norm_scale, torch::ones({256})));
  EXPECT_TRUE(torch::equal(normed.layers[0].norm_shift, torch::zeros({256})));
  EXPECT_TRUE(torch::equal(normed.layers[1].weight, plain.layers[1].weight));
  config.generator.norm = Norm::spectral;
  EXPECT_NEAR(made().layers[0].spectral_u.norm().item<double>(), 1, 1e-5);
}

}  // namespace
}  // namespace dcgan
