// Random translations of what the discriminator sees.
//
// A discriminator memorises its training images: it then tells them from other real images and
// pulls the generator towards them. Where it sees every image, real and generated alike, shifted at
// random, there is more to memorise, and what it says of generated images passes through the shift
// back to the generator (Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for data-efficient
// GAN training", 2020, section 3).
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "dcgan/config.h"

namespace dcgan {

/// A step's shifts, down and right in whole pixels of -limit to limit each: int64 [count, 2].
struct Translations {
  torch::Tensor real;        ///< of the real images
  torch::Tensor fake;        ///< of the generated ones in D's half
  torch::Tensor fake_again;  ///< of the same in G's half
};

/// Those of the `count` images that a run sees from its `first` on, a function of the arguments
/// alone; uniform, on the CPU.
Translations draw_translations(std::int64_t seed, std::int64_t first, std::int64_t count,
                               std::int64_t limit);

/// What a shifted image shows beyond its border: with data.fit `pad` data.background, float32
/// [1, C, 1, 1] in the range of generator.output; else undefined, for the image mirrored there.
torch::Tensor border_fill(const Config& config);

/// Each image of `images` [B, C, H, W] shifted by its row of `shifts` [B, 2], in whole pixels below
/// its height and width. `fill` [1, C, 1, 1] comes in at the borders; undefined: the image mirrored
/// at them, the border's own pixels not repeated. Differentiable any number of times in `images`.
torch::Tensor translate(const torch::Tensor& images, const torch::Tensor& shifts,
                        const torch::Tensor& fill);

}  // namespace dcgan
