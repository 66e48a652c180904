// What each fast kernel computes, by LibTorch's operators or by a plain loop: its test compares the
// kernel with this in float64, and its gradients with those of this. gelu()'s is torch::gelu().
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/multi_tensor.h"
#include "kernels/norm_activation.h"
#include "runtime/torch.h"

namespace dcgan::reference {

inline torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& weight,
                                 const Window& window) {
  return torch::conv2d(x, weight, {}, window.stride, window.padding);
}

/// conv_transpose2d() must be told what the convolution's rounding lost.
inline torch::Tensor transposed_convolution(const torch::Tensor& x, const torch::Tensor& weight,
                                            const Window& window,
                                            std::array<std::int64_t, 2> output_size) {
  std::array<std::int64_t, 2> lost{};
  for (std::size_t d = 0; d < 2; ++d) {
    lost[d] = output_size[d] - ((x.size(static_cast<std::int64_t>(d) + 2) - 1) * window.stride[d] -
                                2 * window.padding[d] + window.kernel[d]);
  }
  return torch::conv_transpose2d(x, weight, {}, window.stride, window.padding, lost);
}

/// In train mode, where running statistics may be undefined, or with these in place of the batch's.
inline torch::Tensor norm_activation(const torch::Tensor& x, const NormTensors& norm, double slope,
                                     std::int64_t batches, bool train = true) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : x.chunk(batches)) {
    parts.push_back(torch::batch_norm(part, norm.scale, norm.shift, norm.running_mean,
                                      norm.running_var, train, norm.momentum, norm.eps,
                                      /*cudnn_enabled=*/false));
  }
  return torch::leaky_relu(torch::cat(parts), slope);
}

/// Of one contiguous tensor.
inline void adam_update(const torch::Tensor& parameter, const torch::Tensor& gradient,
                        const torch::Tensor& exp_avg, const torch::Tensor& exp_avg_sq,
                        const AdamCoefficients& numbers) {
  auto* const p = parameter.data_ptr<double>();
  const auto* const g = gradient.data_ptr<double>();
  auto* const m = exp_avg.data_ptr<double>();
  auto* const v = exp_avg_sq.data_ptr<double>();
  for (std::int64_t i = 0; i < parameter.numel(); ++i) {
    m[i] = numbers.beta1 * m[i] + (1 - numbers.beta1) * g[i];
    v[i] = numbers.beta2 * v[i] + (1 - numbers.beta2) * g[i] * g[i];
    p[i] -=
        numbers.step_size * m[i] / (std::sqrt(v[i]) * numbers.inverse_correction2 + numbers.eps);
  }
}

inline torch::Tensor unfold_patches(const torch::Tensor& images, const Window& window,
                                    const std::array<std::int64_t, 2>& map) {
  const auto [height, width] = window.kernel;
  return at::im2col(images, window.kernel, {1, 1}, window.padding, window.stride)
      .view({images.size(0), images.size(1), height, width, map[0], map[1]})
      .permute({0, 4, 5, 2, 3, 1});
}

inline torch::Tensor fold_patches(const torch::Tensor& patches, const Window& window,
                                  const std::array<std::int64_t, 2>& output_size) {
  const torch::Tensor columns = patches.permute({0, 5, 3, 4, 1, 2}).flatten(1, 3).flatten(2);
  return at::col2im(columns, output_size, window.kernel, {1, 1}, window.padding, window.stride)
      .permute({0, 2, 3, 1});
}

}  // namespace dcgan::reference
