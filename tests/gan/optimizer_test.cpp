#include "gan/optimizer.h"

#include <gtest/gtest.h>
#include <torch/optim.h>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Twenty steps of ours and of LibTorch's on one loss, at an eps that is seen.
template <typename Theirs, typename TheirOptions>
void expect_to_follow(OptimizerKind kind, const TheirOptions& their_options) {
  torch::Tensor ours = torch::linspace(-1, 1, 24).view({4, 6}).requires_grad_(true);
  torch::Tensor theirs = ours.detach().clone().requires_grad_(true);
  Optimizer optimizer({{"weight", ours}}, {3e-3, 0.5, 0.9, 1e-3, kind});
  Theirs reference(std::vector<torch::Tensor>{theirs}, their_options);
  for (int i = 0; i < 20; ++i) {
    optimizer.zero_grad();
    reference.zero_grad();
    (ours.pow(3) - 0.3 * ours + 0.01 * i).pow(2).sum().backward();
    (theirs.pow(3) - 0.3 * theirs + 0.01 * i).pow(2).sum().backward();
    optimizer.step();
    reference.step();
    ASSERT_TRUE(torch::allclose(ours, theirs, 1e-6, 1e-7)) << "step " << i;
  }
  EXPECT_EQ(optimizer.steps_done(), 20);
}

TEST(Optimizer, AdamFollowsLibTorchsOwn) {
  expect_to_follow<torch::optim::Adam>(OptimizerKind::adam,
                                       torch::optim::AdamOptions(3e-3).betas({0.5, 0.9}).eps(1e-3));
}

TEST(Optimizer, SgdFollowsLibTorchsOwn) {
  expect_to_follow<torch::optim::SGD>(OptimizerKind::sgd,
                                      torch::optim::SGDOptions(3e-3).momentum(0.5));
}

TEST(Optimizer, RmspropFollowsLibTorchsOwn) {
  expect_to_follow<torch::optim::RMSprop>(OptimizerKind::rmsprop,
                                          torch::optim::RMSpropOptions(3e-3).alpha(0.9).eps(1e-3));
}

TEST(Optimizer, FirstStepOfAdamMovesByTheLearningRate) {
  // m / sqrt(v) is the gradient's sign after one step: Kingma and Ba, section 2.1.
  torch::Tensor weight = torch::tensor({1.0F, 1.0F}).requires_grad_(true);
  Optimizer optimizer({{"weight", weight}}, {0.1, 0.5, 0.999, 1e-8});
  (weight * torch::tensor({5.0F, -0.01F})).sum().backward();
  optimizer.step();
  EXPECT_NEAR(weight[0].item<double>(), 0.9, 1e-5);
  EXPECT_NEAR(weight[1].item<double>(), 1.1, 1e-5);
}

TEST(Optimizer, TakesANewLearningRate) {
  torch::Tensor weight = torch::tensor({1.0F}).requires_grad_(true);
  Optimizer optimizer({{"weight", weight}}, {0.1, 0.5, 0.999, 1e-8});
  optimizer.set_lr(0.3);
  weight.sum().backward();
  optimizer.step();
  EXPECT_NEAR(weight[0].item<double>(), 0.7, 1e-5);
}

TEST(Optimizer, NamesItsMomentsAfterTheParameters) {
  Optimizer optimizer({{"layer1.weight", torch::zeros({2})}}, {});
  const NamedTensors moments = optimizer.named_moments();
  ASSERT_EQ(moments.size(), 2U);
  EXPECT_EQ(moments[0].first, "exp_avg.layer1.weight");
  EXPECT_EQ(moments[1].first, "exp_avg_sq.layer1.weight");
  const auto first_name = [](OptimizerKind kind) {
    return Optimizer({{"layer1.weight", torch::zeros({2})}}, {.kind = kind})
        .named_moments()[0]
        .first;
  };
  EXPECT_EQ(first_name(OptimizerKind::sgd), "momentum_buffer.layer1.weight");
  EXPECT_EQ(first_name(OptimizerKind::rmsprop), "square_avg.layer1.weight");
}

TEST(Optimizer, TakesItsRateFromATensor) {
  // As a recorded step does: what the optimizer's own options say then is of no account.
  for (const auto kind : {OptimizerKind::adam, OptimizerKind::sgd, OptimizerKind::rmsprop}) {
    torch::Tensor weight = torch::tensor({1.0F}).requires_grad_(true);
    Optimizer optimizer({{"weight", weight}}, {.lr = 0.1, .kind = kind});
    weight.sum().backward();
    optimizer.step(torch::tensor({0.0F, 1.0F}));
    EXPECT_EQ(weight.item<float>(), 1.0F);
    optimizer.step(optimizer.next_rates(0.5));
    EXPECT_LT(weight.item<float>(), 1.0F);
  }
}

TEST(Optimizer, RefusesAParameterWithoutGradient) {
  Optimizer optimizer({{"weight", torch::zeros({2}).requires_grad_(true)}}, {});
  EXPECT_THROW(optimizer.step(), c10::Error);
}

}  // namespace
}  // namespace dcgan
