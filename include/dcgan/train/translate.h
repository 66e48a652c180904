// Random translations of what the discriminator sees.
//
// A discriminator learns its training images by heart: it then tells them from other real images
// and draws the generator towards them. Where it sees every image, real and generated alike, moved
// at random, there is more to learn by heart, and what it says of generated images passes through
// the move back to the generator (Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for
// data-efficient GAN training", 2020, section 3).
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dcgan {

/// A step's moves, down and right in whole pixels of -limit to limit each: int64 [count, 2].
struct Translations {
  torch::Tensor real;        ///< of the real images
  torch::Tensor fake;        ///< of the generated ones in D's half
  torch::Tensor fake_again;  ///< of the same in G's half
};

/// Those of the `count` images that a run sees from its `first` on, a function of the arguments
/// alone, on `device`; uniform.
Translations draw_translations(std::int64_t seed, std::int64_t first, std::int64_t count,
                               std::int64_t limit, torch::Device device);

/// Each image of `images` [B, C, H, W] moved by its row of `moves` [B, 2], of whole pixels within
/// +-limit; what comes in has the value `outside`. Differentiable any number of times in `images`.
torch::Tensor translate(const torch::Tensor& images, const torch::Tensor& moves, std::int64_t limit,
                        double outside);

}  // namespace dcgan
