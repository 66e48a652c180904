// The kernel distance of two sets of features, known as KID where the features are Inception's.
//
// Bińkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs" (2018): the squared maximum mean
// discrepancy under k(x, y) = (x·y / D + 1)³. Unlike the Fréchet distance it is unbiased, so that
// numbers of different sample counts can be compared; it may be a little below 0.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace dcgan {

/// The unbiased estimate from all pairs: x float32 [N, D], y float32 [M, D], N and M >= 2, CPU.
double kernel_distance(const torch::Tensor& x, const torch::Tensor& y);

struct KidOptions {
  std::int64_t subsets = 100;
  std::int64_t subset_size = 1000;  ///< at most; fewer where a set has fewer
  std::int64_t seed = 1;
};

struct Kid {
  double mean = 0.0;
  double deviation = 0.0;  ///< of the subsets, divided by their number (as torch-fidelity does)
};

/// kernel_distance() of each set and the reference over subsets of both, drawn without replacement;
/// the reference's subsets are the same for every set. Dot products are in float32, all else in
/// float64: what that rounds away is far below the deviation. Memory is that of a subset's kernel a
/// thread.
std::vector<Kid> kids(const std::vector<torch::Tensor>& sets, const torch::Tensor& reference,
                      const KidOptions& options);

}  // namespace dcgan
