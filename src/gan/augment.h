// What is changed at random in every image that the discriminator sees.
//
// A discriminator memorises its training images: it then tells them from other real images and
// pulls the generator towards them. Where it sees every image changed, real and generated alike,
// there is more to memorise, and what it says of generated images passes through the change back
// to the generator (Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for data-efficient GAN
// training", 2020, section 3). In this order:
//
//   images ─► color jitter ─► translation ─► cutout ─► instance noise ─► D
//
// Instance noise: Sønderby, Caballero, Theis, Shi, Huszár, "Amortised MAP inference for image
// super-resolution", 2017, section 3.3.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "dcgan/config.h"

namespace dcgan {

/// What a run does to images.
struct Augmentation {
  double color_jitter = 0;       ///< train.color_jitter
  std::int64_t translation = 0;  ///< train.translation
  double cutout = 0;             ///< train.cutout
  double noise = 0;              ///< train.instance_noise, in units of the images
  bool adaptive = false;         ///< the three above have a probability (augment_probability.h)
  double half_range = 1;         ///< of the images: 1 of [-1, 1], 0.5 of [0, 1]
  torch::Tensor border_fill;     ///< of translate()
};

/// On the CPU.
Augmentation augmentation_of(const Config& config);

/// What is drawn for a batch of B images; undefined where the run does not ask for it.
struct AugmentDraws {
  torch::Tensor color;       ///< float32 [B, 3] in [-1, 1): brightness, saturation, contrast
  torch::Tensor shifts;      ///< int64 [B, 2]: down and right, in whole pixels
  torch::Tensor centres;     ///< int64 [B, 2]: row and column of the square that is cut out
  torch::Tensor thresholds;  ///< float32 [B, 3] in [0, 1): the probability above which an image
                             ///< has color jitter, translation and cutout
  torch::Tensor noise;       ///< float32 [B, C, H, W]
};

/// A step's.
struct StepDraws {
  AugmentDraws real;        ///< of the real images
  AugmentDraws fake;        ///< of the generated ones in D's half
  AugmentDraws fake_again;  ///< of the same in G's half
};

/// Those of images [B, C, H, W] that a run sees from its `first` on: a function of the arguments
/// alone; noise, which is large, on `device`, the rest on the CPU. `noise_share`: of
/// augmentation.noise, [0, 1].
StepDraws draw_augmentations(const Augmentation& augmentation, std::int64_t seed,
                             std::int64_t first, at::IntArrayRef sizes, double noise_share,
                             torch::Device device = torch::kCPU);

/// `images` [B, C, H, W], changed as drawn. `probability`: float32 [], where there are thresholds.
/// Differentiable any number of times in `images`.
torch::Tensor augment(const torch::Tensor& images, const Augmentation& augmentation,
                      const AugmentDraws& draws, const torch::Tensor& probability);

/// What a shifted image shows beyond its border: with data.fit `pad` data.background, float32
/// [1, C, 1, 1] in the range of generator.output; else undefined, for the image mirrored there.
torch::Tensor border_fill(const Config& config);

/// Each image of `images` [B, C, H, W] shifted by its row of `shifts` [B, 2], in whole pixels below
/// its height and width. `fill` [1, C, 1, 1] comes in at the borders; undefined: the image mirrored
/// at them, the border's own pixels not repeated.
torch::Tensor translate(const torch::Tensor& images, const torch::Tensor& shifts,
                        const torch::Tensor& fill);

/// Brightness, saturation and contrast as in Zhao et al. (2020), whose strength is 1. With the
/// image's row (b, s, c) of `color` [B, 3], a strength k and half a range h, one after another:
/// x + b k h / 2; m + (x - m)(1 + s k) with m the mean over a pixel's channels;
/// m + (x - m)(1 + c k / 2) with m the mean over the image.
torch::Tensor jitter_color(const torch::Tensor& images, const torch::Tensor& color, double strength,
                           double half_range);

/// A rectangle of `share` of each side around `centres` [B, 2] gets the middle of the range.
/// `apply`: bool [B], which images; undefined: all.
torch::Tensor cut_out(const torch::Tensor& images, const torch::Tensor& centres, double share,
                      double half_range, const torch::Tensor& apply = {});

}  // namespace dcgan
