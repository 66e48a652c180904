#include "evaluate/guided.h"

#include <gtest/gtest.h>

#include "model/network.h"
#include "runtime/torch.h"
#include "support/reference_case.h"
#include "support/small_state.h"

namespace dcgan {
namespace {

using testing::load_reference;
using testing::ReferenceCase;

Network discriminator_of(const ReferenceCase& reference) {
  Network network = make_network(plan_discriminator(reference.config), torch::kCPU);
  testing::load_network(network, reference, "discriminator.");
  return network;
}

/// tests/fixtures/make_guided.py
void expect_pytorchs_gradients(const std::string& activation, const std::string& name) {
  const ReferenceCase reference = load_reference(name);
  const ReferenceCase expected = load_reference("guided");
  const torch::Tensor& gradients = expected.at(activation + ".gradients");
  const torch::Tensor images = reference.at("real").narrow(0, 0, gradients.size(0));
  const torch::Tensor computed =
      guided_gradient(discriminator_of(reference), images, expected.at(activation + ".channels"),
                      expected.at(activation + ".positions"));
  EXPECT_TRUE(torch::allclose(computed, gradients, 1e-4, 1e-6));
}

TEST(GuidedGradient, IsPyTorchsOfLeakyReluAndBatchNorm) {
  expect_pytorchs_gradients("leaky_relu", "dcgan_28x28x1");
}

TEST(GuidedGradient, IsPyTorchsOfAnotherActivation) {
  expect_pytorchs_gradients("gelu", "dcgan_28x28x1_wgan_gp");
}

TEST(StrongUnits, AreWherePyTorchFindsTheLargestResponse) {
  const ReferenceCase reference = load_reference("dcgan_28x28x1");
  const ReferenceCase expected = load_reference("guided");
  const Network network = discriminator_of(reference);
  for (std::int64_t i = 0; i < 3; ++i) {
    const StrongUnits found = find_strong_units(network, reference.at("real").slice(0, i, i + 1),
                                                /*units=*/4, /*each=*/6);
    EXPECT_EQ(found.images.sizes(), (std::vector<std::int64_t>{4, 1}));
    EXPECT_TRUE(found.channels[0].equal(expected.at("leaky_relu.channels")[i]));
    EXPECT_TRUE(found.positions[0][0].equal(expected.at("leaky_relu.positions")[i]));
  }
}

TEST(StrongUnits, AreDrawnBesideThoseOfRandomWeights) {
  const Config config = testing::small_config();
  const TrainState state = testing::small_trained_state(config);
  torch::manual_seed(1);
  const torch::Tensor images = torch::randint(256, {20, 1, 8, 8}, torch::kByte);
  const torch::Tensor sheet = draw_strong_units(state.discriminator, config, images);
  // 4 units, each with 6 images and their gradients; twice. Pictures are enlarged to 48 pixels.
  EXPECT_EQ(sheet.sizes(), (std::vector<std::int64_t>{1, 4 * 52, 2 * 2 * 6 * 52 + 12}));
  EXPECT_TRUE(sheet.equal(draw_strong_units(state.discriminator, config, images)));
}

}  // namespace
}  // namespace dcgan
