#include <gtest/gtest.h>

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

}  // namespace
}  // namespace dcgan
