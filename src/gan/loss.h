// The GAN losses, as functions of the discriminator's output, its logits.
//
// With D(x) = sigmoid(logit), Goodfellow et al., "Generative Adversarial Nets" (2014):
//   D minimises        -E log D(x) - E log(1 - D(G(z)))                          (eq. 1)
//   G, minimax:         E log(1 - D(G(z)))                                       (eq. 1)
//   G, non-saturating: -E log D(G(z))                                            (section 3)
// One-sided label smoothing s (Salimans et al., "Improved techniques for training GANs", 2016,
// section 3.4) asks D for 1 - s on real images:
//   -(1 - s) E log D(x) - s E log(1 - D(x)) in place of -E log D(x).
//
// Of D's logit f:
//   hinge (Lim, Ye, "Geometric GAN", 2017, section 4.1):
//     D minimises E max(0, 1 - f(x)) + E max(0, 1 + f(G(z))), G minimises -E f(G(z))
//   least squares (Mao et al., "Least squares generative adversarial networks", 2017, eq. 9):
//     D minimises E (f(x) - 1)^2 / 2 + E f(G(z))^2 / 2, G minimises E (f(G(z)) - 1)^2 / 2
//   wasserstein (Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, eq. 2 and 3):
//     D minimises E f(G(z)) - E f(x), G minimises -E f(G(z)). Minus D's loss is the distance of the
//     real from the generated images (Wasserstein-1), as long as f's gradient norm is 1 at most.
//
// With classes D's loss may have, beside these, that on real images said to be of each other class,
// as on generated ones (Reed et al., "Generative adversarial text to image synthesis", 2016,
// section 4.2): otherwise D never sees a wrong class and does not learn to mind it.
//
// Penalties, which D's loss has beside these:
//   R1 (Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", 2018,
//   eq. 9): (gamma / 2) E |grad f(x)|^2 over real images x
//   gradient penalty (Gulrajani et al., "Improved training of Wasserstein GANs", 2017, eq. 3):
//   lambda E (|grad f(m)| - 1)^2 over mixtures m = e x + (1 - e) G(z), e uniform in [0, 1] for each
//   image
#pragma once

#include <torch/types.h>

#include "dcgan/config.h"

namespace dcgan {

/// logits: [N]; the result is a scalar. `non_saturating` and `minimax` give D the same objective.
/// `label_smoothing`: s in [0, 0.5), for these two; the others know none.
torch::Tensor discriminator_loss(LossKind kind, const torch::Tensor& real_logits,
                                 const torch::Tensor& fake_logits, double label_smoothing = 0);

/// D's loss on generated images alone, and on whatever else it shall take for no real image.
/// `logits`: of any shape.
torch::Tensor fake_loss(LossKind kind, const torch::Tensor& logits);

/// May be negative under `minimax`, `hinge` and `wasserstein`.
torch::Tensor generator_loss(LossKind kind, const torch::Tensor& fake_logits);

/// E |grad f(x)|^2, a scalar that can be differentiated in D's parameters. `images`: those
/// [N, C, H, W] from which `logits` [N] were computed while they required a gradient.
torch::Tensor squared_gradient_norm(const torch::Tensor& logits, const torch::Tensor& images);

/// E (|grad f(m)| - 1)^2, likewise.
torch::Tensor gradient_penalty(const torch::Tensor& logits, const torch::Tensor& images);

}  // namespace dcgan
