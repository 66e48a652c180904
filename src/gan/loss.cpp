#include "gan/loss.h"

#include <torch/csrc/autograd/autograd.h>

#include "runtime/torch.h"

namespace dcgan {
namespace {

// -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), without overflow.

torch::Tensor log_loss_on_real(const torch::Tensor& logits, double label_smoothing) {
  const torch::Tensor loss = torch::softplus(-logits).mean();
  if (label_smoothing == 0) return loss;
  return loss * (1 - label_smoothing) + torch::softplus(logits).mean() * label_smoothing;
}

/// D's loss on real images alone.
torch::Tensor real_loss(LossKind kind, const torch::Tensor& logits, double label_smoothing) {
  switch (kind) {
    case LossKind::non_saturating:
    case LossKind::minimax:
      return log_loss_on_real(logits, label_smoothing);
    case LossKind::hinge:
      return torch::relu(1 - logits).mean();
    case LossKind::least_squares:
      return (logits - 1).square().mean() / 2;
    case LossKind::wasserstein:
      return -logits.mean();
  }
  return {};
}

/// Of each image's logit in its pixels: [N, C, H, W], with a graph.
torch::Tensor gradient_at(const torch::Tensor& images, const torch::Tensor& logits) {
  return torch::autograd::grad({logits.sum()}, {images}, /*grad_outputs=*/{},
                               /*retain_graph=*/true, /*create_graph=*/true)[0];
}

}  // namespace

torch::Tensor discriminator_loss(LossKind kind, const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits, double label_smoothing) {
  return real_loss(kind, real_logits, label_smoothing) + fake_loss(kind, fake_logits);
}

torch::Tensor fake_loss(LossKind kind, const torch::Tensor& logits) {
  switch (kind) {
    case LossKind::non_saturating:
    case LossKind::minimax:
      return torch::softplus(logits).mean();
    case LossKind::hinge:
      return torch::relu(1 + logits).mean();
    case LossKind::least_squares:
      return logits.square().mean() / 2;
    case LossKind::wasserstein:
      return logits.mean();
  }
  return {};
}

torch::Tensor generator_loss(LossKind kind, const torch::Tensor& fake_logits) {
  switch (kind) {
    case LossKind::non_saturating:
      return torch::softplus(-fake_logits).mean();
    case LossKind::minimax:
      return -torch::softplus(fake_logits).mean();
    case LossKind::least_squares:
      return (fake_logits - 1).square().mean() / 2;
    case LossKind::hinge:
    case LossKind::wasserstein:
      return -fake_logits.mean();
  }
  return {};
}

torch::Tensor squared_gradient_norm(const torch::Tensor& logits, const torch::Tensor& images) {
  return gradient_at(images, logits).square().sum() / static_cast<double>(images.size(0));
}

torch::Tensor gradient_penalty(const torch::Tensor& logits, const torch::Tensor& images) {
  constexpr double kAboveZero = 1e-12;  // the root has no gradient at 0
  const torch::Tensor squares = gradient_at(images, logits).square().flatten(1).sum(1);  // [N]
  return ((squares + kAboveZero).sqrt() - 1).square().mean();
}

}  // namespace dcgan
