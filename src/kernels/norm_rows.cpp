#include "norm_rows.h"

#include "dcgan/base/multiversion.h"

namespace dcgan {

DCGAN_MULTIVERSION
void add_moments(const float* __restrict x, const float* __restrict pivot, std::int64_t rows,
                 std::int64_t channels, float* __restrict sum, float* __restrict square_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float d = x[c] - pivot[c];
      sum[c] += d;
      square_sum[c] += d * d;
    }
  }
}

DCGAN_MULTIVERSION
void apply_norm(const float* __restrict x, const float* __restrict factor,
                const float* __restrict offset, float slope, std::int64_t rows,
                std::int64_t channels, float* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      y[c] = t * (t > 0 ? 1.0F : slope);
    }
  }
}

DCGAN_MULTIVERSION
void add_gradient_sums(const float* __restrict x, const float* __restrict grad,
                       const float* __restrict factor, const float* __restrict offset,
                       const float* __restrict mean, float slope, std::int64_t rows,
                       std::int64_t channels, float* __restrict sum,
                       float* __restrict product_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      sum[c] += g;
      product_sum[c] += g * (x[c] - mean[c]);
    }
  }
}

DCGAN_MULTIVERSION
void apply_norm_gradient(const float* __restrict x, const float* __restrict grad,
                         const float* __restrict factor, const float* __restrict offset,
                         const float* __restrict tilt, const float* __restrict level, float slope,
                         std::int64_t rows, std::int64_t channels, float* __restrict grad_x) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      grad_x[c] = factor[c] * g - tilt[c] * x[c] - level[c];
    }
    x += channels;
    grad += channels;
    grad_x += channels;
  }
}

DCGAN_MULTIVERSION
void add_second_sums(const float* __restrict x, const float* __restrict grad,
                     const float* __restrict v, const float* __restrict factor,
                     const float* __restrict offset, const float* __restrict mean, float slope,
                     std::int64_t rows, std::int64_t channels, float* __restrict sums) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels, v += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      const float g = grad[c] * (t > 0 ? 1.0F : slope);
      const float d = x[c] - mean[c];
      sums[c] += g;
      sums[channels + c] += g * d;
      sums[2 * channels + c] += v[c];
      sums[3 * channels + c] += v[c] * d;
      sums[4 * channels + c] += v[c] * g;
    }
  }
}

DCGAN_MULTIVERSION
void apply_norm_second(const float* __restrict x, const float* __restrict grad,
                       const float* __restrict v, const float* __restrict factor,
                       const float* __restrict offset, const SecondLines& lines, std::int64_t from,
                       float slope, std::int64_t rows, std::int64_t channels,
                       float* __restrict to_grad, float* __restrict to_x) {
  const float* __restrict grad_v = lines.grad_v.data() + from;
  const float* __restrict grad_x = lines.grad_x.data() + from;
  const float* __restrict grad_one = lines.grad_one.data() + from;
  const float* __restrict x_v = lines.x_v.data() + from;
  const float* __restrict x_g = lines.x_g.data() + from;
  const float* __restrict x_x = lines.x_x.data() + from;
  const float* __restrict x_one = lines.x_one.data() + from;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      const float active = t > 0 ? 1.0F : slope;
      to_grad[c] = active * (grad_v[c] * v[c] + grad_x[c] * x[c] + grad_one[c]);
      to_x[c] = x_v[c] * v[c] + x_g[c] * (grad[c] * active) + x_x[c] * x[c] + x_one[c];
    }
    x += channels;
    grad += channels;
    v += channels;
    to_grad += channels;
    to_x += channels;
  }
}

}  // namespace dcgan
