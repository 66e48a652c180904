// Latents whose first numbers choose a mode, and the classes that modes have.
//
// The largest of the first `modes` numbers, each plus its bias, becomes sqrt(modes) and the others
// 0, so that they keep their mean square and the layer above adds a vector of its own for each
// mode. The normal latents become a mixture of `modes` normals with learned means, since one
// cluster of noise cannot cover data in several clusters without images that lie between them
// (Gurumurthy et al., "DeLiGAN", 2017, section 3; Khayatkhoei et al., "Disconnected manifold
// learning for generative adversarial networks", 2018, section 2).
//
// With classes mode m is of class m mod `classes`: the generator is conditional (Mirza, Osindero,
// "Conditional generative adversarial nets", 2014) though its input is noise alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace dcgan {

/// The modes that latents [N, L] choose: int64 [N]. bias: float32 [modes], or undefined.
torch::Tensor modes_of(const torch::Tensor& latents, std::int64_t modes, const torch::Tensor& bias);

/// Latents [N, L] -> what the layers see, [N, L].
torch::Tensor choose_mode(const torch::Tensor& latents, std::int64_t modes,
                          const torch::Tensor& bias);

/// The class of the images that latents [N, L] become: int64 [N].
torch::Tensor classes_of(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes,
                         const torch::Tensor& bias);

/// Latents [N, L] that become images of the classes `wanted`, int64 [N]: those that choose another
/// class's mode are put out of the race (minus infinity), so that the largest of the others wins.
torch::Tensor choose_classes(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes,
                             const torch::Tensor& wanted);

/// The bias, float32 [modes], under which latents ~ N(0, 1) choose a mode of class c as often as
/// counts[c] of all counts, and the modes of one class equally often. counts: one for each class,
/// each above 0; `modes` is a multiple of their number.
torch::Tensor mode_bias_for(const std::vector<std::int64_t>& counts, std::int64_t modes);

}  // namespace dcgan
