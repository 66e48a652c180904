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
/// float32 or uint8 (taken as 0 .. 255).
Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& base,
                              std::int64_t k);

/// The k nearest other rows of the same set, N > k.
Neighbours nearest_others(const torch::Tensor& set, std::int64_t k);

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

}  // namespace dcgan
