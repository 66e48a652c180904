#include "dcgan/train/loss.h"

#include <torch/torch.h>

namespace dcgan {

// -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), without overflow.

torch::Tensor discriminator_loss(const torch::Tensor& real_logits, const torch::Tensor& fake_logits,
                                 double label_smoothing) {
  torch::Tensor real_loss = torch::softplus(-real_logits).mean();
  if (label_smoothing > 0) {
    real_loss =
        real_loss * (1 - label_smoothing) + torch::softplus(real_logits).mean() * label_smoothing;
  }
  return real_loss + torch::softplus(fake_logits).mean();
}

torch::Tensor generator_loss(LossKind kind, const torch::Tensor& fake_logits) {
  switch (kind) {
    case LossKind::non_saturating:
      return torch::softplus(-fake_logits).mean();
    case LossKind::minimax:
      return -torch::softplus(fake_logits).mean();
  }
  return {};
}

torch::Tensor gradient_penalty(const torch::Tensor& real_logits, const torch::Tensor& real) {
  const torch::Tensor gradient =
      torch::autograd::grad({real_logits.sum()}, {real}, /*grad_outputs=*/{},
                            /*retain_graph=*/true, /*create_graph=*/true)[0];  // [N, C, H, W]
  return gradient.square().sum() / static_cast<double>(real.size(0));
}

}  // namespace dcgan
