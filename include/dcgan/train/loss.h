// The GAN losses, as functions of the discriminator's logits.
//
// With D(x) = sigmoid(logit), Goodfellow et al., "Generative Adversarial Nets" (2014):
//   D minimises        -E log D(x) - E log(1 - D(G(z)))                          (eq. 1)
//   G, minimax:         E log(1 - D(G(z)))                                       (eq. 1)
//   G, non-saturating: -E log D(G(z))                                            (section 3)
#pragma once

#include <torch/types.h>

#include "dcgan/config/config.h"

namespace dcgan {

/// logits: [N]; the results are scalars. Both losses give D the same objective.
torch::Tensor discriminator_loss(const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits);

/// May be negative under `minimax`.
torch::Tensor generator_loss(LossKind kind, const torch::Tensor& fake_logits);

}  // namespace dcgan
