// norm_activation()'s loops over a block of rows.h: plain ones over the channels of each row, which
// the compiler turns into vectors. A `Number` is float or at::BFloat16; every array of numbers a
// channel is [C].
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/multiversion.h"
#include "runtime/torch.h"

namespace dcgan {

/// sum += x - pivot, square_sum += (x - pivot)^2. A pivot near the mean keeps the difference of the
/// two from cancelling.
template <typename Number>
DCGAN_MULTIVERSION void add_moments(const Number* __restrict x, const float* __restrict pivot,
                                    std::int64_t rows, std::int64_t channels, float* __restrict sum,
                                    float* __restrict square_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float d = x[c] - pivot[c];
      sum[c] += d;
      square_sum[c] += d * d;
    }
  }
}

/// y = a(x * factor + offset).
template <typename Number>
DCGAN_MULTIVERSION void apply_norm(const Number* __restrict x, const float* __restrict factor,
                                   const float* __restrict offset, float slope, std::int64_t rows,
                                   std::int64_t channels, Number* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      y[c] = t * (t > 0 ? 1.0F : slope);
    }
  }
}

/// With g = dL/dt, t = x * factor + offset: sum += g, product_sum += g * (x - mean).
template <typename Number>
DCGAN_MULTIVERSION void add_gradient_sums(const Number* __restrict x, const Number* __restrict grad,
                                          const float* __restrict factor,
                                          const float* __restrict offset,
                                          const float* __restrict mean, float slope,
                                          std::int64_t rows, std::int64_t channels,
                                          float* __restrict sum, float* __restrict product_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = x[c];
      const float t = number * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      sum[c] += g;
      product_sum[c] += g * (number - mean[c]);
    }
  }
}

/// dL/dx = factor * g - x_factor * x - level.
template <typename Number>
DCGAN_MULTIVERSION void apply_norm_gradient(
    const Number* __restrict x, const Number* __restrict grad, const float* __restrict factor,
    const float* __restrict offset, const float* __restrict x_factor, const float* __restrict level,
    float slope, std::int64_t rows, std::int64_t channels, Number* __restrict grad_x) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = x[c];
      const float t = number * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      grad_x[c] = factor[c] * g - x_factor[c] * number - level[c];
    }
    x += channels;
    grad += channels;
    grad_x += channels;
  }
}

/// The five sums of the second derivatives, with g as above and v = dL/d(dL/dx):
/// g, g * (x - mean), v, v * (x - mean) and v * g.
template <typename Number>
DCGAN_MULTIVERSION void add_second_sums(const Number* __restrict x, const Number* __restrict grad,
                                        const Number* __restrict v, const float* __restrict factor,
                                        const float* __restrict offset,
                                        const float* __restrict mean, float slope,
                                        std::int64_t rows, std::int64_t channels,
                                        float* __restrict sums) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels, v += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = x[c];
      const float direction = v[c];
      const float t = number * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      const float d = number - mean[c];
      sums[c] += g;
      sums[channels + c] += g * d;
      sums[2 * channels + c] += direction;
      sums[3 * channels + c] += direction * d;
      sums[4 * channels + c] += direction * g;
    }
  }
}

/// A channel's coefficients of `to_grad` and `to_x` in apply_norm_second(), [batches * C] each.
struct SecondLines {
  explicit SecondLines(std::size_t count) {
    for (auto* numbers : {&grad_v, &grad_x, &grad_one, &x_v, &x_g, &x_x, &x_one}) {
      numbers->resize(count);
    }
  }
  std::vector<float> grad_v, grad_x, grad_one;
  std::vector<float> x_v, x_g, x_x, x_one;
};

/// to_grad = a'(t) * (grad_v * v + grad_x * x + grad_one),
/// to_x = x_v * v + x_g * g + x_x * x + x_one; `from`: the batch's first channel in the lines.
template <typename Number>
DCGAN_MULTIVERSION void apply_norm_second(const Number* __restrict x, const Number* __restrict grad,
                                          const Number* __restrict v,
                                          const float* __restrict factor,
                                          const float* __restrict offset, const SecondLines& lines,
                                          std::int64_t from, float slope, std::int64_t rows,
                                          std::int64_t channels, Number* __restrict to_grad,
                                          Number* __restrict to_x) {
  const float* __restrict grad_v = lines.grad_v.data() + from;
  const float* __restrict grad_x = lines.grad_x.data() + from;
  const float* __restrict grad_one = lines.grad_one.data() + from;
  const float* __restrict x_v = lines.x_v.data() + from;
  const float* __restrict x_g = lines.x_g.data() + from;
  const float* __restrict x_x = lines.x_x.data() + from;
  const float* __restrict x_one = lines.x_one.data() + from;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = x[c];
      const float direction = v[c];
      const float t = number * factor[c] + offset[c];
      const float active = t > 0 ? 1.0F : slope;
      to_grad[c] = active * (grad_v[c] * direction + grad_x[c] * number + grad_one[c]);
      to_x[c] = x_v[c] * direction + x_g[c] * (grad[c] * active) + x_x[c] * number + x_one[c];
    }
    x += channels;
    grad += channels;
    v += channels;
    to_grad += channels;
    to_x += channels;
  }
}

}  // namespace dcgan
