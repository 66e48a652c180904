// From a network's output to images.
#pragma once

#include <torch/types.h>

#include "dcgan/config.h"
#include "dcgan/sampler.h"
#include "model/network.h"

namespace dcgan {

/// The images of a network of ours, as a Sampler of its file makes them. latents: float32
/// [N, latent_dim], on the network's device -> uint8 [N, C, H, W], CPU; a NaN becomes any byte.
torch::Tensor generate_images(const Network& generator, const torch::Tensor& latents,
                              OutputRange range);

/// A network's output, in the range of `generator.output`, -> [-1, 1].
torch::Tensor to_symmetric_range(const torch::Tensor& images, OutputRange range);

/// float [N, C, H, W] in [-1, 1] -> uint8, rounded to nearest, on the CPU.
torch::Tensor to_bytes(const torch::Tensor& images);

}  // namespace dcgan
