#include "dcgan/model/forward.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "dcgan/config/fields.h"
#include "dcgan/data/random.h"
#include "dcgan/model/init.h"
#include "dcgan/model/libtorch_version.h"

namespace dcgan {
namespace {

torch::Tensor noise(at::IntArrayRef sizes, std::int64_t seed) {
  return normal_rows(seed, Purpose::sample_latents, 0, 1, c10::multiply_integers(sizes))
      .view(sizes);
}

TEST(TransposedConvolution, IsLibTorchsOwn) {
  for (const std::int64_t kernel : {3, 4}) {
    const std::int64_t size = kernel == 4 ? 10 : 9;  // from 5
    const auto x = noise({2, 3, 5, 5}, 1).requires_grad_(true);
    const auto weight = noise({3, 4, kernel, kernel}, 2).requires_grad_(true);
    const auto bias = noise({4}, 3).requires_grad_(true);
    const auto ours = transposed_convolution(x, weight, bias, {2, 2}, {1, 1}, {size, size});
    const auto stock = torch::conv_transpose2d(x, weight, bias, 2, 1);
    ASSERT_TRUE(torch::allclose(ours, stock, 1e-5, 1e-5));
    const auto ours_gradients = torch::autograd::grad({ours.pow(2).sum()}, {x, weight, bias});
    const auto stock_gradients = torch::autograd::grad({stock.pow(2).sum()}, {x, weight, bias});
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(torch::allclose(ours_gradients[i], stock_gradients[i], 1e-4, 1e-4)) << i;
    }
  }
}

TEST(TransposedConvolution, HasASecondDerivative) {
  const auto x = noise({2, 3, 5, 5}, 1).requires_grad_(true);
  const auto weight = noise({3, 4, 4, 4}, 2).requires_grad_(true);
  const auto second = [&](const torch::Tensor& y) {
    const auto first =
        torch::autograd::grad({y.pow(3).sum()}, {x}, {}, true, /*create_graph=*/true);
    return torch::autograd::grad({first[0].pow(2).sum()}, {x, weight});
  };
  const auto ours = second(transposed_convolution(x, weight, {}, {2, 2}, {1, 1}, {10, 10}));
  const auto stock = second(torch::conv_transpose2d(x, weight, {}, 2, 1));
  EXPECT_TRUE(torch::allclose(ours[0], stock[0], 1e-4, 1e-2));
  EXPECT_TRUE(torch::allclose(ours[1], stock[1], 1e-4, 1e-2));
}

TEST(Forward, InEvalModeAnImageDoesNotDependOnItsBatchMates) {
  Config config;
  config.model.base_channels = 8;
  Network network = make_network(plan_generator(config), torch::kCPU);
  initialise(network, 1, Purpose::generator_init, 0.1);
  const torch::NoGradGuard no_grad;
  const auto latents = noise({6, 100}, 4);
  const auto together = forward(network, latents, Mode::eval);
  const auto alone = forward(network, latents.narrow(0, 2, 1), Mode::eval);
  EXPECT_TRUE(torch::allclose(together[2], alone[0], 1e-5, 1e-6));
}

TEST(Forward, OnlyTrainModeMovesTheRunningStatistics) {
  Config config;
  config.model.base_channels = 8;
  Network network = make_network(plan_generator(config), torch::kCPU);
  initialise(network, 1, Purpose::generator_init, 0.1);
  const torch::NoGradGuard no_grad;
  const auto before = network.layers[0].running_mean.clone();
  forward(network, noise({6, 100}, 4), Mode::eval);
  EXPECT_TRUE(torch::equal(network.layers[0].running_mean, before));
  forward(network, noise({6, 100}, 4), Mode::train);
  EXPECT_FALSE(torch::equal(network.layers[0].running_mean, before));
}

TEST(Forward, TheLargestOfTheFirstLatentsIsTheMode) {
  const torch::Tensor latents =
      torch::tensor({{-1.0F, -0.5F, -2.0F, -3.0F, 7.0F}, {2.0F, 1.0F, 0.0F, 3.0F, 9.0F}});
  const torch::Tensor wanted =
      torch::tensor({{0.0F, 2.0F, 0.0F, 0.0F, 7.0F}, {0.0F, 0.0F, 0.0F, 2.0F, 9.0F}});
  EXPECT_TRUE(torch::equal(choose_mode(latents, 4), wanted));
}

TEST(Forward, OfOneModeDiffersOnlyByTheOtherLatents) {
  Config config;
  config.model.base_channels = 8;
  config.model.latent_dim = 6;
  config.model.latent_modes = 4;
  Network network = make_network(plan_generator(config), torch::kCPU);
  initialise(network, 1, Purpose::generator_init, 0.1);
  const torch::NoGradGuard no_grad;
  torch::Tensor latents = noise({1, 6}, 4);
  const torch::Tensor image = forward(network, latents, Mode::eval);
  const std::int64_t mode = latents[0].narrow(0, 0, 4).argmax().item<std::int64_t>();
  latents[0][mode] += 1.0;  // the same mode
  EXPECT_TRUE(torch::equal(forward(network, latents, Mode::eval), image));
  latents[0][(mode + 1) % 4] = latents[0][mode] + 1.0;  // another
  EXPECT_FALSE(torch::allclose(forward(network, latents, Mode::eval), image));
}

struct ActivationCase {
  Activation activation;
  double at_minus_one;  ///< its value there, slope 0.3
};

void PrintTo(const ActivationCase& activation, std::ostream* out) {
  *out << to_string(activation.activation);
}

class ForwardWithActivation : public ::testing::TestWithParam<ActivationCase> {};

TEST_P(ForwardWithActivation, AppliesTheFormula) {
  // One hidden linear unit with weight 1: G(z) = tanh(f(z)).
  Config config;
  config.model.kind = ModelKind::dense;
  config.model.latent_dim = 1;
  config.model.dense_widths = {1};
  config.generator.batch_norm = false;
  config.generator.activation = GetParam().activation;
  config.generator.slope = 0.3;
  Network network = make_network(plan_generator(config), torch::kCPU);
  const torch::NoGradGuard no_grad;
  for (Layer& layer : network.layers) layer.weight.fill_(1.0);
  const auto image = forward(network, torch::full({1, 1}, -1.0), Mode::eval);
  EXPECT_NEAR(image.flatten()[0].item<double>(), std::tanh(GetParam().at_minus_one), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Activations, ForwardWithActivation,
    ::testing::Values(ActivationCase{Activation::relu, 0.0},
                      ActivationCase{Activation::leaky_relu, -0.3},
                      ActivationCase{Activation::elu, 0.3 * (std::exp(-1.0) - 1.0)},
                      ActivationCase{Activation::selu, 1.0507009873554805 * 1.6732632423543772 *
                                                           (std::exp(-1.0) - 1.0)},
                      ActivationCase{Activation::gelu, -0.15865525393145707},
                      ActivationCase{Activation::swish, -1.0 / (1.0 + std::exp(0.3))}));

}  // namespace
}  // namespace dcgan
