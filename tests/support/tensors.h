// Tensors for tests, and how far two of them are apart.
#pragma once

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan::testing {

/// Standard normal numbers, the same for the same seed.
inline torch::Tensor noise(at::IntArrayRef sizes, std::int64_t seed) {
  return normal_rows(seed, Purpose::sample_latents, 0, 1, c10::multiply_integers(sizes))
      .view(sizes);
}

/// The largest difference over the largest number of the reference. Throws where sizes differ.
inline double relative_distance(const torch::Tensor& ours, const torch::Tensor& reference) {
  TORCH_CHECK(ours.sizes() == reference.sizes(), "sizes differ: ", ours.sizes(), " and ",
              reference.sizes());
  const double scale = reference.abs().max().item<double>();
  return (ours.detach() - reference).abs().max().item<double>() / std::max(scale, 1e-30);
}

}  // namespace dcgan::testing
