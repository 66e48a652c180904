// The forward pass, layer by layer, with stock operators and autograd.
#pragma once

#include <torch/types.h>

#include "dcgan/model/network.h"

namespace dcgan {

/// Which statistics BatchNorm uses.
enum class Mode {
  train,  ///< the batch's; the running ones move towards them (momentum 0.1)
  eval,   ///< the running ones: an image does not depend on its batch-mates
};

constexpr double kBatchNormMomentum = 0.1;
constexpr double kBatchNormEps = 1e-5;

/// Generator: [N, latent_dim] -> [N, C, H, W]. Discriminator: [N, C, H, W] -> logits [N].
/// Differentiable twice in every input and parameter.
torch::Tensor forward(const Network& network, const torch::Tensor& input, Mode mode);

}  // namespace dcgan
