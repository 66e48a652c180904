// The plain way: LibTorch's operators and autograd, which the kernels are held against.
#pragma once

#include <torch/torch.h>

#include <algorithm>

#include "dcgan/data/random.h"

namespace dcgan::testing {

/// Standard normal numbers, the same for the same seed.
inline torch::Tensor noise(at::IntArrayRef sizes, std::int64_t seed) {
  return normal_rows(seed, Purpose::sample_latents, 0, 1, c10::multiply_integers(sizes))
      .view(sizes);
}

/// The largest difference over the largest of `expected`.
inline double relative_error(const torch::Tensor& actual, const torch::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) return INFINITY;
  const double scale = expected.abs().max().item<double>();
  return (actual.to(torch::kFloat64) - expected.to(torch::kFloat64)).abs().max().item<double>() /
         std::max(scale, 1e-30);
}

}  // namespace dcgan::testing
