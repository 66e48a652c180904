// The GAN losses, as functions of the discriminator's logits.
//
// With D(x) = sigmoid(logit), Goodfellow et al., "Generative Adversarial Nets" (2014):
//   D minimises        -E log D(x) - E log(1 - D(G(z)))                          (eq. 1)
//   G, minimax:         E log(1 - D(G(z)))                                       (eq. 1)
//   G, non-saturating: -E log D(G(z))                                            (section 3)
// One-sided label smoothing s (Salimans et al., "Improved techniques for training GANs", 2016,
// section 3.4) asks D for 1 - s on real images:
//   -(1 - s) E log D(x) - s E log(1 - D(x)) in place of -E log D(x).
// R1 (Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", 2018,
// eq. 9) adds (gamma / 2) E |grad_x logit(x)|^2 over real images x to D's loss.
#pragma once

#include <torch/types.h>

#include "dcgan/config/config.h"

namespace dcgan {

/// logits: [N]; the results are scalars. Both losses give D the same objective.
/// `label_smoothing`: s in [0, 0.5).
torch::Tensor discriminator_loss(const torch::Tensor& real_logits, const torch::Tensor& fake_logits,
                                 double label_smoothing = 0);

/// May be negative under `minimax`.
torch::Tensor generator_loss(LossKind kind, const torch::Tensor& fake_logits);

/// E |grad_x logit(x)|^2, a scalar that can be differentiated in D's parameters. `real`: the images
/// [N, C, H, W] from which `real_logits` [N] were computed while `real` required a gradient.
torch::Tensor gradient_penalty(const torch::Tensor& real_logits, const torch::Tensor& real);

}  // namespace dcgan
