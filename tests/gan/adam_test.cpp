#include "gan/adam.h"

#include <gtest/gtest.h>
#include <torch/optim.h>

#include "runtime/torch.h"

namespace dcgan {
namespace {

TEST(Adam, FollowsLibTorchsOwn) {
  const AdamOptions options{3e-3, 0.5, 0.999, 1e-8};
  torch::Tensor ours = torch::linspace(-1, 1, 24).view({4, 6}).requires_grad_(true);
  torch::Tensor theirs = ours.detach().clone().requires_grad_(true);
  Adam adam({{"weight", ours}}, options);
  torch::optim::Adam reference(
      {theirs},
      torch::optim::AdamOptions(options.lr).betas({options.beta1, options.beta2}).eps(options.eps));
  for (int i = 0; i < 20; ++i) {
    adam.zero_grad();
    reference.zero_grad();
    (ours.pow(3) - 0.3 * ours + 0.01 * i).pow(2).sum().backward();
    (theirs.pow(3) - 0.3 * theirs + 0.01 * i).pow(2).sum().backward();
    adam.step();
    reference.step();
    ASSERT_TRUE(torch::allclose(ours, theirs, 1e-6, 1e-7)) << "step " << i;
  }
  EXPECT_EQ(adam.steps_done(), 20);
}

TEST(Adam, FirstStepMovesByTheLearningRate) {
  // m / sqrt(v) is the gradient's sign after one step: Kingma and Ba, section 2.1.
  torch::Tensor weight = torch::tensor({1.0F, 1.0F}).requires_grad_(true);
  Adam adam({{"weight", weight}}, {0.1, 0.5, 0.999, 1e-8});
  (weight * torch::tensor({5.0F, -0.01F})).sum().backward();
  adam.step();
  EXPECT_NEAR(weight[0].item<double>(), 0.9, 1e-5);
  EXPECT_NEAR(weight[1].item<double>(), 1.1, 1e-5);
}

TEST(Adam, TakesANewLearningRate) {
  torch::Tensor weight = torch::tensor({1.0F}).requires_grad_(true);
  Adam adam({{"weight", weight}}, {0.1, 0.5, 0.999, 1e-8});
  adam.set_lr(0.3);
  weight.sum().backward();
  adam.step();
  EXPECT_NEAR(weight[0].item<double>(), 0.7, 1e-5);
}

TEST(Adam, NamesItsMomentsAfterTheParameters) {
  Adam adam({{"layer1.weight", torch::zeros({2})}}, {});
  const NamedTensors moments = adam.named_moments();
  ASSERT_EQ(moments.size(), 2U);
  EXPECT_EQ(moments[0].first, "exp_avg.layer1.weight");
  EXPECT_EQ(moments[1].first, "exp_avg_sq.layer1.weight");
}

TEST(Adam, RefusesAParameterWithoutGradient) {
  Adam adam({{"weight", torch::zeros({2}).requires_grad_(true)}}, {});
  EXPECT_THROW(adam.step(), c10::Error);
}

}  // namespace
}  // namespace dcgan
