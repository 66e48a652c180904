#include "dcgan/train/loss.h"

#include <torch/torch.h>

namespace dcgan {

// -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), without overflow.

torch::Tensor discriminator_loss(const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits) {
  return torch::softplus(-real_logits).mean() + torch::softplus(fake_logits).mean();
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

}  // namespace dcgan
