// What a discriminator with classes takes an image for.
//
// It gives 1 + classes numbers an image, and the logit of an image as one of class y is the first
// plus y's: the projection of Miyato and Koyama, "cGANs with projection discriminator", 2018,
// eq. 3.
#pragma once

#include <torch/types.h>

namespace dcgan {

/// numbers [N, 1 + K], as forward() gives them, or [N, 1 + K, 1, 1]; classes: int64 [N], each in
/// [0, K) -> the logit of each image as one of its class, [N].
torch::Tensor logits_of_class(const torch::Tensor& numbers, const torch::Tensor& classes);

/// Likewise as one of each other class, in their order: [N, K - 1].
torch::Tensor logits_of_other_classes(const torch::Tensor& numbers, const torch::Tensor& classes);

}  // namespace dcgan
