// Are the samples copies: of training images, or of each other?
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "evaluate/neighbours.h"

namespace dcgan {

/// Samples beside the training image nearest in pixels. Distances are root mean squares of the
/// pixel differences in [0, 1].
struct Copies {
  torch::Tensor sample_rows;         ///< int64 [n]: which samples were compared
  torch::Tensor training_rows;       ///< int64 [n]: each one's nearest training image
  torch::Tensor distances;           ///< float64 [n]
  torch::Tensor held_out_distances;  ///< float64 [m]: of held-out images to their nearest
};

inline constexpr std::int64_t kMaxCompared = 1000;

/// Images: uint8 [N, C, H, W], all of one size. At most `max_compared` samples and as many held-out
/// images are compared, evenly spaced, each with every training image.
Copies find_copies(const torch::Tensor& samples, const torch::Tensor& training,
                   const torch::Tensor& held_out, std::int64_t max_compared = kMaxCompared);

/// How near counts as a copy: the distance that 1 % of the held-out images do not exceed; 0 where
/// that many are training images, too.
double copy_threshold(const Copies& copies);

/// The distance of `count` rows of a set, evenly spaced, to the nearest other among them: float64
/// [count]. Sets are compared at one count, since in a larger one the next image is nearer.
torch::Tensor nearest_among(const Manifold& set, std::int64_t count);

/// min(count, max) rows of 0 .. count-1, evenly spaced from 0 on, ascending: int64.
torch::Tensor evenly_spaced(std::int64_t count, std::int64_t max);

}  // namespace dcgan
