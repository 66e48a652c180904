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

struct KernelDistance {
  double value = 0.0;
  double error = 0.0;  ///< how much it would change with other samples: a standard deviation
};

struct KernelOptions {
  std::int64_t max_rows =
      10'000;  ///< rows of a set that count; of more so many are chosen at random
  std::int64_t seed = 1;
};

/// The unbiased estimate for each set and the reference, over all pairs of rows: float32 [N, D],
/// N >= 2, CPU. Dot products are in float32, all else in float64. The error is that of a
/// U-statistic of degree 2 (Hoeffding, "A class of statistics with asymptotically normal
/// distribution", 1948) whose reference stays.
std::vector<KernelDistance> kernel_distances(const std::vector<torch::Tensor>& sets,
                                             const torch::Tensor& reference,
                                             const KernelOptions& options = {});

}  // namespace dcgan
