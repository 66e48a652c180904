#include "gan/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/torch.h"

namespace dcgan {
namespace {

torch::Tensor logits(const std::vector<float>& values) { return torch::tensor(values); }

TEST(Loss, DiscriminatorIsTheTwoCrossEntropies) {
  const auto real = logits({0.5F, -2.0F});
  const auto fake = logits({1.0F, 3.0F});
  const auto expected = -real.sigmoid().log().mean() - (1.0 - fake.sigmoid()).log().mean();
  EXPECT_NEAR(discriminator_loss(LossKind::non_saturating, real, fake).item<double>(),
              expected.item<double>(), 1e-6);
}

TEST(Loss, AtLogitZeroTheDiscriminatorKnowsNothing) {
  const auto zero = torch::zeros({4});
  EXPECT_NEAR(discriminator_loss(LossKind::non_saturating, zero, zero).item<double>(),
              2.0 * std::log(2.0), 1e-6);
  EXPECT_NEAR(generator_loss(LossKind::non_saturating, zero).item<double>(), std::log(2.0), 1e-6);
  EXPECT_NEAR(generator_loss(LossKind::minimax, zero).item<double>(), -std::log(2.0), 1e-6);
}

TEST(Loss, NonSaturatingKeepsItsGradientWhereMinimaxLosesIt) {
  // D is sure that the image is fake: the reason for Goodfellow's second form.
  const auto gradient = [](LossKind kind) {
    auto fake = logits({-12.0F}).requires_grad_(true);
    generator_loss(kind, fake).backward();
    return fake.grad().item<double>();
  };
  EXPECT_NEAR(gradient(LossKind::non_saturating), -1.0, 1e-3);
  EXPECT_NEAR(gradient(LossKind::minimax), 0.0, 1e-3);
}

TEST(Loss, SmoothingAsksForLessOnRealImagesOnly) {
  const auto real = logits({0.5F, -2.0F});
  const auto fake = logits({1.0F, 3.0F});
  const auto p = real.sigmoid();
  const auto expected =
      -(0.9 * p.log() + 0.1 * (1.0 - p).log()).mean() - (1.0 - fake.sigmoid()).log().mean();
  EXPECT_NEAR(discriminator_loss(LossKind::non_saturating, real, fake, 0.1).item<double>(),
              expected.item<double>(), 1e-6);
}

TEST(Loss, OnGeneratedImagesAloneIsWhatRealOnesLeaveUnchanged) {
  const auto fake = logits({0.5F, -2.0F, 3.0F});
  const auto real = logits({1.0F, -1.0F});
  for (const LossKind kind : {LossKind::non_saturating, LossKind::minimax, LossKind::hinge,
                              LossKind::least_squares, LossKind::wasserstein}) {
    const auto difference =
        discriminator_loss(kind, real, fake) - discriminator_loss(kind, real, -fake);
    EXPECT_NEAR((fake_loss(kind, fake) - fake_loss(kind, -fake)).item<double>(),
                difference.item<double>(), 1e-6);
  }
}

TEST(Loss, HingeAsksForNoMoreThanAMarginOfOne) {
  const auto real = logits({2.0F, 0.5F});
  const auto fake = logits({-3.0F, 0.25F});
  EXPECT_NEAR(discriminator_loss(LossKind::hinge, real, fake).item<double>(), 0.25 + 0.625, 1e-6);
  EXPECT_NEAR(generator_loss(LossKind::hinge, fake).item<double>(), 1.375, 1e-6);
}

TEST(Loss, LeastSquaresWantsOneForRealAndZeroForGenerated) {
  const auto real = logits({2.0F, 0.0F});
  const auto fake = logits({0.5F, -0.5F});
  EXPECT_NEAR(discriminator_loss(LossKind::least_squares, real, fake).item<double>(), 0.5 + 0.125,
              1e-6);
  EXPECT_NEAR(generator_loss(LossKind::least_squares, fake).item<double>(), 0.625, 1e-6);
}

TEST(Loss, WassersteinIsMinusTheDistance) {
  const auto real = logits({3.0F, 1.0F});
  const auto fake = logits({-1.0F, 0.0F});
  EXPECT_NEAR(discriminator_loss(LossKind::wasserstein, real, fake).item<double>(), -2.5, 1e-6);
  EXPECT_NEAR(generator_loss(LossKind::wasserstein, fake).item<double>(), 0.5, 1e-6);
}

TEST(GradientPenalty, IsOfEachImagesOwnSlope) {
  // logit(x) = s <w, x> with another s for each image: slopes of 5 s.
  const auto w = torch::tensor({{3.0F, 4.0F}}).view({1, 1, 1, 2});
  const auto s = torch::tensor({{0.2F}, {1.0F}, {0.0F}}).view({3, 1, 1, 1});
  const auto images = torch::randn({3, 1, 1, 2}).requires_grad_(true);
  const auto penalty = gradient_penalty((images * w * s).flatten(1).sum(1), images);
  EXPECT_NEAR(penalty.item<double>(), (0.0 + 16.0 + 1.0) / 3, 1e-5);
}

TEST(GradientPenalty, OfAFlatDiscriminatorHasAFiniteGradient) {
  const auto w = torch::zeros({1, 1, 1, 2}).requires_grad_(true);
  const auto images = torch::ones({3, 1, 1, 2}).requires_grad_(true);
  gradient_penalty((images * w).flatten(1).sum(1), images).backward();
  EXPECT_TRUE(w.grad().isfinite().all().item<bool>());
}

TEST(SquaredGradientNorm, OfALinearFunctionIsThatOfItsWeights) {
  // logit(x) = <w, x>: the gradient is w at every image.
  const auto w = torch::tensor({{1.0F, -2.0F}, {3.0F, 0.5F}}).requires_grad_(true);
  const auto real = torch::randn({5, 1, 2, 2}).requires_grad_(true);
  const auto penalty = squared_gradient_norm((real * w).flatten(1).sum(1), real);
  EXPECT_NEAR(penalty.item<double>(), 14.25, 1e-5);
  penalty.backward();  // d |w|^2 / dw = 2 w
  EXPECT_TRUE(torch::allclose(w.grad(), 2.0 * w.detach()));
}

TEST(Loss, StaysFiniteAtHugeLogits) {
  const auto huge = logits({1e30F});
  EXPECT_TRUE(
      std::isfinite(discriminator_loss(LossKind::non_saturating, -huge, huge).item<double>()));
  EXPECT_TRUE(std::isfinite(generator_loss(LossKind::non_saturating, -huge).item<double>()));
}

}  // namespace
}  // namespace dcgan
