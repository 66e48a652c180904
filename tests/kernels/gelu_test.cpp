#include "kernels/gelu.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/torch.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::noise;
using testing::relative_distance;

TEST(Gelu, IsPyTorchsOverAllThatAFloatCanBe) {
  const torch::Tensor x =
      torch::cat({torch::linspace(-12, 12, 240001),
                  torch::tensor({0.0F, -0.0F, 1e-30F, -1e-30F, 80.0F, -80.0F, 1e30F, -1e30F,
                                 std::numeric_limits<float>::infinity()})})
          .view({1, -1});
  const torch::Tensor y = dcgan::gelu(x);
  const torch::Tensor exact = torch::gelu(x.to(torch::kFloat64));
  EXPECT_TRUE(torch::allclose(y.to(torch::kFloat64), exact, /*rtol=*/1e-6, /*atol=*/1e-6));
  EXPECT_TRUE(dcgan::gelu(torch::full({1, 1}, std::nanf(""))).isnan().all().item<bool>());
}

TEST(Gelu, HasAFiniteSecondDerivativeFarOut) {
  const torch::Tensor x = torch::tensor({{1e30F, -1e30F, 1e4F, -1e4F}}).requires_grad_();
  const torch::Tensor first =
      torch::autograd::grad({dcgan::gelu(x).sum()}, {x}, {}, true, /*create_graph=*/true)[0];
  const torch::Tensor second = torch::autograd::grad({first.sum()}, {x})[0];
  EXPECT_LT(second.abs().max().item<float>(), 1e-6F) << second;
}

class GeluOf : public ::testing::TestWithParam<std::vector<std::int64_t>> {};

TEST_P(GeluOf, HasTheGradientsAndSecondDerivativesOfTheOperator) {
  const auto derive = [&](torch::Tensor x, const auto& function) {
    x.requires_grad_();
    const torch::Tensor weights = noise(GetParam(), 2).to(x.scalar_type());
    const torch::Tensor y = function(x);
    const auto plain = torch::autograd::grad({y}, {x}, {weights}, true)[0];
    const auto first = torch::autograd::grad({y}, {x}, {weights}, true, /*create_graph=*/true)[0];
    const auto second = torch::autograd::grad({first.square().sum()}, {x})[0];
    return std::vector<torch::Tensor>{y.detach(), plain, first.detach(), second};
  };
  const torch::Tensor x = noise(GetParam(), 1) * 2;
  const auto ours = derive(x.clone(), [](const torch::Tensor& in) { return dcgan::gelu(in); });
  const auto theirs =
      derive(x.to(torch::kFloat64), [](const torch::Tensor& in) { return torch::gelu(in); });
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT(relative_distance(ours[i], theirs[i]), 1e-5) << i;
  }
}

TEST_P(GeluOf, InBfloat16RoundsOnlyItsResults) {
  const torch::Tensor x = (noise(GetParam(), 1) * 2).to(torch::kBFloat16);
  const torch::Tensor grad = noise(GetParam(), 2).to(torch::kBFloat16);
  const torch::Tensor leaf = x.clone().requires_grad_();
  const torch::Tensor exact_leaf = x.to(torch::kFloat64).requires_grad_();
  const torch::Tensor y = dcgan::gelu(leaf);
  const torch::Tensor exact_y = torch::gelu(exact_leaf);
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
  EXPECT_LT(relative_distance(y.to(torch::kFloat64), exact_y), 1.0 / 256);
  const auto ours = torch::autograd::grad({y}, {leaf}, {grad})[0];
  const auto theirs = torch::autograd::grad({exact_y}, {exact_leaf}, {grad.to(torch::kFloat64)})[0];
  EXPECT_LT(relative_distance(ours.to(torch::kFloat64), theirs), 1.0 / 256);
}

INSTANTIATE_TEST_SUITE_P(Shapes, GeluOf,
                         ::testing::Values(std::vector<std::int64_t>{8, 32, 14, 14},
                                           std::vector<std::int64_t>{3, 5, 7, 1},
                                           std::vector<std::int64_t>{12, 33},
                                           std::vector<std::int64_t>{1, 1}));

}  // namespace
}  // namespace dcgan
