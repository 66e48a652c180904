#include "kernels/norm_rows.h"

#include "base/multiversion.h"
#include "kernels/bfloat16.h"

namespace dcgan {

template <typename Number>
DCGAN_MULTIVERSION void add_moments(const Number* __restrict x, const float* __restrict pivot,
                                    std::int64_t rows, std::int64_t channels, float* __restrict sum,
                                    float* __restrict square_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float d = widened(x[c]) - pivot[c];
      sum[c] += d;
      square_sum[c] += d * d;
    }
  }
}

template <typename Number>
DCGAN_MULTIVERSION void apply_norm(const Number* __restrict x, const float* __restrict factor,
                                   const float* __restrict offset, float slope, std::int64_t rows,
                                   std::int64_t channels, Number* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = widened(x[c]) * factor[c] + offset[c];
      narrow_to(y[c], t * (t > 0 ? 1.0F : slope));
    }
  }
}

template <typename Number>
DCGAN_MULTIVERSION void add_gradient_sums(const Number* __restrict x, const Number* __restrict grad,
                                          const float* __restrict factor,
                                          const float* __restrict offset,
                                          const float* __restrict mean, float slope,
                                          std::int64_t rows, std::int64_t channels,
                                          float* __restrict sum, float* __restrict product_sum) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = widened(x[c]);
      const float t = number * factor[c] + offset[c];
      const float g = widened(grad[c]) * (t > 0 ? 1.0F : slope);
      sum[c] += g;
      product_sum[c] += g * (number - mean[c]);
    }
  }
}

template <typename Number>
DCGAN_MULTIVERSION void apply_norm_gradient(
    const Number* __restrict x, const Number* __restrict grad, const float* __restrict factor,
    const float* __restrict offset, const float* __restrict x_factor, const float* __restrict level,
    float slope, std::int64_t rows, std::int64_t channels, Number* __restrict grad_x) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = widened(x[c]);
      const float t = number * factor[c] + offset[c];
      const float g = widened(grad[c]) * (t > 0 ? 1.0F : slope);
      narrow_to(grad_x[c], factor[c] * g - x_factor[c] * number - level[c]);
    }
    x += channels;
    grad += channels;
    grad_x += channels;
  }
}

template <typename Number>
DCGAN_MULTIVERSION void add_second_sums(const Number* __restrict x, const Number* __restrict grad,
                                        const Number* __restrict v, const float* __restrict factor,
                                        const float* __restrict offset,
                                        const float* __restrict mean, float slope,
                                        std::int64_t rows, std::int64_t channels,
                                        float* __restrict sums) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, grad += channels, v += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float number = widened(x[c]);
      const float direction = widened(v[c]);
      const float t = number * factor[c] + offset[c];
      const float g = widened(grad[c]) * (t > 0 ? 1.0F : slope);
      const float d = number - mean[c];
      sums[c] += g;
      sums[channels + c] += g * d;
      sums[2 * channels + c] += direction;
      sums[3 * channels + c] += direction * d;
      sums[4 * channels + c] += direction * g;
    }
  }
}

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
      const float number = widened(x[c]);
      const float direction = widened(v[c]);
      const float t = number * factor[c] + offset[c];
      const float active = t > 0 ? 1.0F : slope;
      narrow_to(to_grad[c], active * (grad_v[c] * direction + grad_x[c] * number + grad_one[c]));
      narrow_to(to_x[c], x_v[c] * direction + x_g[c] * (widened(grad[c]) * active) +
                             x_x[c] * number + x_one[c]);
    }
    x += channels;
    grad += channels;
    v += channels;
    to_grad += channels;
    to_x += channels;
  }
}

#define DCGAN_INSTANTIATE(Number)                                                                  \
  template void add_moments(const Number*, const float*, std::int64_t, std::int64_t, float*,       \
                            float*);                                                               \
  template void apply_norm(const Number*, const float*, const float*, float, std::int64_t,         \
                           std::int64_t, Number*);                                                 \
  template void add_gradient_sums(const Number*, const Number*, const float*, const float*,        \
                                  const float*, float, std::int64_t, std::int64_t, float*,         \
                                  float*);                                                         \
  template void apply_norm_gradient(const Number*, const Number*, const float*, const float*,      \
                                    const float*, const float*, float, std::int64_t, std::int64_t, \
                                    Number*);                                                      \
  template void add_second_sums(const Number*, const Number*, const Number*, const float*,         \
                                const float*, const float*, float, std::int64_t, std::int64_t,     \
                                float*);                                                           \
  template void apply_norm_second(const Number*, const Number*, const Number*, const float*,       \
                                  const float*, const SecondLines&, std::int64_t, float,           \
                                  std::int64_t, std::int64_t, Number*, Number*)
DCGAN_INSTANTIATE(float);
DCGAN_INSTANTIATE(at::BFloat16);
#undef DCGAN_INSTANTIATE

}  // namespace dcgan
