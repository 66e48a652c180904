// The forward pass, layer by layer: on a CPU with the kernels of dcgan/kernels, elsewhere with
// LibTorch's operators.
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

/// Latents [N, L] whose first `modes` numbers choose a mode: the largest becomes sqrt(modes), the
/// others 0, so that they keep their mean square and the layer above adds a vector of its own for
/// each mode. The normal latents become a mixture of `modes` normals with learned means, since one
/// cluster of noise cannot cover data in several clusters without images that lie between them
/// (Gurumurthy et al., "DeLiGAN", 2017, section 3; Khayatkhoei et al., "Disconnected manifold
/// learning for generative adversarial networks", 2018, section 2).
torch::Tensor choose_mode(const torch::Tensor& latents, std::int64_t modes);

/// The class of the images that latents [N, L] of a generator with classes become: that of the mode
/// they choose, mode m having class m mod `classes`. int64 [N].
torch::Tensor classes_of(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes);

/// Latents [N, L] that become images of the classes `wanted`, int64 [N]: those that choose another
/// class's mode are put out of the race (minus infinity), so that the largest of the others wins.
torch::Tensor choose_classes(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes,
                             const torch::Tensor& wanted);

struct ForwardOptions {
  /// `input` may hold so many batches of N / batches images one after another: BatchNorm sees each
  /// by itself, so that the result is that of a call for each, by larger products.
  std::int64_t batches = 1;
  /// Weights and what goes between the layers are rounded to bfloat16 (8 bits of precision), which
  /// halves the memory and, where the CPU multiplies it, the time. Parameters, their gradients,
  /// BatchNorm's sums and the result stay float32 (Micikevicius et al., "Mixed precision training",
  /// 2018, section 3.1).
  bool bfloat16 = false;
  /// int64 [N], for a discriminator with classes alone: what it takes each image for.
  torch::Tensor classes;
};

/// Generator: [N, latent_dim] -> [N, C, H, W]. Discriminator: [N, C, H, W] -> logits [N]; with
/// classes but no `options.classes`, the numbers that they are made of, [N, 1 + classes, 1, 1].
/// Differentiable twice in every parameter, and in every input that is not choose_mode()'s.
torch::Tensor forward(const Network& network, const torch::Tensor& input, Mode mode,
                      const ForwardOptions& options = {});

}  // namespace dcgan
