// Inversion: the latent whose image is nearest to a given one (Lipton, Tripathi, "Precise recovery
// of latent vectors from generative adversarial networks", 2017; Creswell, Bharath, "Inverting the
// generator of a generative adversarial network", 2016). What no latent comes near to is what the
// generator can't make (Metz et al., "Unrolled generative adversarial networks", 2017,
// section 3.4).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "dcgan/sampler.h"
#include "evaluate/features.h"
#include "model/network.h"

namespace dcgan {

/// Features by which images are compared beside their pixels: float32 [N, C, H, W] in [-1, 1], on
/// the generator's device -> tensors [N, ...], through which gradients flow. Empty: pixels alone.
using ImageFeatures = std::function<std::vector<torch::Tensor>(const torch::Tensor& images)>;

/// What all of D's hidden layers give, in eval mode.
ImageFeatures hidden_features(const Network& discriminator);

/// Those of a feature network of ours.
ImageFeatures classifier_features(const Features& features);

/// Images that are to be made.
struct ProjectionTarget {
  torch::Tensor images;                 ///< float32 [N, C, H, W] in [-1, 1]
  ImageFeatures features_of;            ///< may be empty
  std::vector<torch::Tensor> features;  ///< of `images`
};
ProjectionTarget make_target(const torch::Tensor& images, const ImageFeatures& features_of);

/// How far images are from the target's, [N]: the mean squared difference of the pixels plus a
/// tenth of that of the features, which is taken over the mean square of the target's, in each
/// tensor, and averaged over the tensors.
torch::Tensor projection_loss(const torch::Tensor& images, const ProjectionTarget& target);

using Generate = std::function<torch::Tensor(const torch::Tensor& latents)>;

/// `steps` of Adam (0.2, falling to 0 by a cosine; betas 0.9, 0.99) from `latents` [N, latent_dim]
/// on, for all images at once. The first `modes` of a latent, which choose its mode, stay; the
/// others, D numbers, are kept in the ball of radius sqrt(D) + 2, which holds 99.7 % of latents
/// from N(0, 1), or more. On `latents`' device, without gradient.
torch::Tensor descend(const Generate& generate, const ProjectionTarget& target,
                      const torch::Tensor& latents, std::int64_t modes, std::int64_t steps);

/// Of N images.
struct Projection {
  torch::Tensor latents;  ///< float32 [N, latent_dim], CPU
  torch::Tensor images;   ///< uint8 [N, C, H, W]: what the generator makes of them
  torch::Tensor errors;   ///< float64 [N]: root mean squared difference of the bytes, [0, 255]
};

/// images: uint8 [N, C, H, W], CPU, of the generator's size. Of 2,048 latents drawn by `seed` the
/// eight with the nearest images begin, of eight modes where there are so many. After 30 steps by
/// pixels alone the nearest of them goes on for 200, by pixels and features.
Projection project(const Sampler& sampler, const torch::Tensor& images,
                   const ImageFeatures& features, std::int64_t seed);

}  // namespace dcgan
