// How often images are changed before the discriminator sees them: as often as it has memorised
// real ones (Karras, Aittala, Hellsten, Laine, Lehtinen, Aila, "Training generative adversarial
// networks with limited data", 2020, section 3).
//
// The more a discriminator memorises, the more often its output on training images is positive:
// r_t = E[sign(D(x))] goes from 0 to 1. While it is above train.augment_target the probability
// rises, else it falls.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dcgan {

/// Tensors on the training's device, which all copies share.
struct AugmentProbability {
  torch::Tensor value;         ///< float32 [] in [0, 1]
  torch::Tensor sum_of_signs;  ///< float32 []: of the steps since the value last changed
};

/// 0, as a run begins.
AugmentProbability make_augment_probability(torch::Device device);

/// By how much the probability changes in step `step` (from 0), float32 []: 0 but in every fourth;
/// in 100,000 images it goes from 0 to 1.
torch::Tensor augment_rate(std::int64_t step, std::int64_t batch_size);

/// Takes `mean_sign`, float32 []: E[sign(D(x))] of the step's real images.
void adapt(AugmentProbability& probability, const torch::Tensor& mean_sign,
           const torch::Tensor& rate, double target);

}  // namespace dcgan
