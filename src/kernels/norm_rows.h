// norm_activation()'s loops over a block of rows.h: plain ones over the channels of each row, which
// the compiler turns into vectors. A `Number` is float or at::BFloat16; every array of numbers a
// channel is [C].
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dcgan {

/// sum += x - pivot, square_sum += (x - pivot)^2. A pivot near the mean keeps the difference of the
/// two from cancelling.
template <typename Number>
void add_moments(const Number* x, const float* pivot, std::int64_t rows, std::int64_t channels,
                 float* sum, float* square_sum);

/// y = a(x * factor + offset).
template <typename Number>
void apply_norm(const Number* x, const float* factor, const float* offset, float slope,
                std::int64_t rows, std::int64_t channels, Number* y);

/// With g = dL/dt, t = x * factor + offset: sum += g, product_sum += g * (x - mean).
template <typename Number>
void add_gradient_sums(const Number* x, const Number* grad, const float* factor,
                       const float* offset, const float* mean, float slope, std::int64_t rows,
                       std::int64_t channels, float* sum, float* product_sum);

/// dL/dx = factor * g - x_factor * x - level.
template <typename Number>
void apply_norm_gradient(const Number* x, const Number* grad, const float* factor,
                         const float* offset, const float* x_factor, const float* level,
                         float slope, std::int64_t rows, std::int64_t channels, Number* grad_x);

/// The five sums of the second derivatives, with g as above and v = dL/d(dL/dx):
/// g, g * (x - mean), v, v * (x - mean) and v * g.
template <typename Number>
void add_second_sums(const Number* x, const Number* grad, const Number* v, const float* factor,
                     const float* offset, const float* mean, float slope, std::int64_t rows,
                     std::int64_t channels, float* sums);

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
void apply_norm_second(const Number* x, const Number* grad, const Number* v, const float* factor,
                       const float* offset, const SecondLines& lines, std::int64_t from,
                       float slope, std::int64_t rows, std::int64_t channels, Number* to_grad,
                       Number* to_x);

}  // namespace dcgan
