// What makes a discriminator's units respond: guided backpropagation (Springenberg, Dosovitskiy,
// Brox, Riedmiller, "Striving for simplicity: the all convolutional net", 2014, section 3.4), as in
// figure 5 of Radford, Metz, Chintala (2015).
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "dcgan/config.h"
#include "model/network.h"

namespace dcgan {

/// Units of a network's last hidden layer, each with the images that it responds to most.
struct StrongUnits {
  torch::Tensor channels;   ///< int64 [U], the strongest response first
  torch::Tensor images;     ///< int64 [U, K]: rows, the strongest response first
  torch::Tensor positions;  ///< int64 [U, K]: where in the layer's map, row * width + column
};

/// images: float32 [N, C, H, W] in [-1, 1], N >= 1. At most `units` channels and `each` images.
StrongUnits find_strong_units(const Network& discriminator, const torch::Tensor& images,
                              std::int64_t units, std::int64_t each);

/// The gradient of one number of the last hidden layer an image, in the image. On the way back only
/// positive gradients pass each layer's output and, at a ReLU or LeakyReLU, only where its input is
/// positive. images: float32 [N, C, H, W]; channels, positions: int64 [N]; -> [N, C, H, W].
torch::Tensor guided_gradient(const Network& discriminator, const torch::Tensor& images,
                              const torch::Tensor& channels, const torch::Tensor& positions);

/// A picture of the strongest units, a row each: images and their guided gradients, grey where
/// these are 0. The right half is of the same network with random weights. `discriminator`: trained
/// with `config`; images: uint8 [N, C, H, W] -> uint8 [C, height, width].
torch::Tensor draw_strong_units(const Network& discriminator, const Config& config,
                                const torch::Tensor& images);

}  // namespace dcgan
