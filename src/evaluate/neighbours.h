// Nearest neighbours, and the measures that count who lies within whose.
//
// Distances are Euclidean and exact: a float32 matrix product gives a lower bound for each pair,
// and where the bound leaves a doubt the pair is computed again in float64. No N x N matrix is
// kept.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dcgan {

struct Neighbours {
  torch::Tensor distances;  ///< float64 [N, k], ascending
  torch::Tensor indices;    ///< int64 [N, k]: rows of the other set; of equal ones the first
};

/// The k nearest rows of `base` for each row of `queries`: [N, D] and [M, D], M >= k, CPU, each
/// float32 or uint8 (taken as 0 .. 255). Where both are the same tensor a row is no neighbour of
/// itself, and M > k.
Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& base,
                              std::int64_t k);

/// A set whose images each stand for a ball: all that is nearer than their k-th nearest neighbour.
struct Manifold {
  torch::Tensor features;  ///< float32 [N, D]
  Neighbours neighbours;   ///< within the set
  torch::Tensor radii(std::int64_t k) const { return neighbours.distances.select(1, k - 1); }
};

inline constexpr std::int64_t kPrecisionNeighbours = 3;  ///< Kynkäänniemi et al. 2019
inline constexpr std::int64_t kDensityNeighbours = 5;    ///< Naeem et al. 2020

/// features: float32 [N, D], N > kDensityNeighbours.
Manifold make_manifold(const torch::Tensor& features);

/// Which samples and which real images lie within whose balls. The means of these are
/// - precision and recall: Kynkäänniemi, Karras, Laine, Lehtinen, Aila, "Improved precision and
///   recall metric for assessing generative models" (2019), k = 3;
/// - density and coverage: Naeem, Oh, Uh, Choi, Yoo, "Reliable fidelity and diversity metrics for
///   generative models" (2020), k = 5.
struct Overlap {
  torch::Tensor precise;   ///< float64 [N]: 1 for a sample within any real ball
  torch::Tensor recalled;  ///< float64 [M]: 1 for a real image within any sample's ball
  torch::Tensor density;   ///< float64 [N]: the number of real balls around a sample, over k
  torch::Tensor covered;   ///< float64 [M]: 1 for a real image with any sample in its ball
  /// float64 [N]: the real images that lie in no other sample's ball, and those in whose ball no
  /// other sample lies: how much recall and coverage would lose without it, times M.
  torch::Tensor recalled_alone;
  torch::Tensor covered_alone;
};

/// samples: [N, D]; real: [M, D]. On the border is outside, as in prdc, the code of Naeem et al.
Overlap overlap(const Manifold& samples, const Manifold& real);

// Are the samples copies: of training images, or of each other?
// ------------------------------------

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

/// The distance of `count` rows of a set, evenly spaced, to the nearest other among them: float64
/// [count]. Sets are compared at one count, since in a larger one the next image is nearer.
torch::Tensor nearest_among(const Manifold& set, std::int64_t count);

/// min(count, max) rows of 0 .. count-1, evenly spaced from 0 on, ascending: int64.
torch::Tensor evenly_spaced(std::int64_t count, std::int64_t max);

}  // namespace dcgan
