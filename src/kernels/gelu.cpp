#include "kernels/gelu.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/multiversion.h"
#include "kernels/channels_last.h"
#include "kernels/rows.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr float kInverseSqrt2Pi = 0.39894228F;

/// exp(-x^2 / 2) for any x: 2^n * exp(r), n whole and |r| <= ln(2) / 2, exp(r) by its series up to
/// r^6 (relative error 2e-7). A number under 2^-126 becomes 2^-126: no subnormals.
inline float normal_bell(float x) {
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const float exponent = std::max(x * x * -0.5F, -87.0F);
  const float n = (exponent * 1.44269504F + kRounder) - kRounder;
  const float r = (exponent - n * 0.693359375F) + n * 2.12194440e-4F;
  float series = 1.0F / 720;
  series = series * r + 1.0F / 120;
  series = series * r + 1.0F / 24;
  series = series * r + 1.0F / 6;
  series = series * r + 0.5F;
  series = series * r + 1.0F;
  series = series * r + 1.0F;
  return series * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

/// Phi(x), where bell = exp(-x^2 / 2). For x < 0 half the tail's rational approximation
/// (Abramowitz, Stegun, "Handbook of mathematical functions", 1964, 7.1.26, absolute error 1.5e-7),
/// else its complement.
inline float normal_distribution(float x, float bell) {
  const float t = 1.0F / (1.0F + 0.3275911F * 0.70710678F * std::fabs(x));
  float tail = 1.061405429F;
  tail = tail * t - 1.453152027F;
  tail = tail * t + 1.421413741F;
  tail = tail * t - 0.284496736F;
  tail = tail * t + 0.254829592F;
  tail = 0.5F * tail * t * bell;
  return x < 0 ? tail : 1.0F - tail;
}

template <typename Number>
DCGAN_MULTIVERSION void gelu_block(const Number* __restrict x, std::int64_t count,
                                   Number* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float number = x[i];
    y[i] = number * normal_distribution(number, normal_bell(number));
  }
}

/// dL/dx = dL/dy * (Phi(x) + x * phi(x)), phi the density.
template <typename Number>
DCGAN_MULTIVERSION void gelu_gradient_block(const Number* __restrict x,
                                            const Number* __restrict grad, std::int64_t count,
                                            Number* __restrict grad_x) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float number = x[i];
    const float bell = normal_bell(number);
    grad_x[i] = grad[i] * (normal_distribution(number, bell) + number * bell * kInverseSqrt2Pi);
  }
}

/// The gradient's own derivatives in the direction v (which has grad_x's shape), in dL/dy and in x:
/// gelu'' = phi(x) * (2 - x^2).
template <typename Number>
DCGAN_MULTIVERSION void gelu_second_block(const Number* __restrict x, const Number* __restrict grad,
                                          const Number* __restrict v, std::int64_t count,
                                          Number* __restrict to_grad, Number* __restrict to_x) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float number = x[i];
    const float direction = v[i];
    const float bell = normal_bell(number);
    const float density = bell * kInverseSqrt2Pi;
    to_grad[i] = direction * (normal_distribution(number, bell) + number * density);
    to_x[i] = direction * grad[i] * density * (2.0F - std::min(number * number, 1e30F));
  }
}

torch::Tensor gradient(const torch::Tensor& x, const torch::Tensor& grad) {
  torch::Tensor grad_x = torch::empty_like(x);
  each_block(
      rows_of(x, 1),
      [&](const Block& block, const auto* data, const auto* grad_data, auto* to) {
        gelu_gradient_block(data, grad_data, block.numbers, to);
      },
      x, grad, grad_x);
  return grad_x;
}

/// gelu()'s gradient as a function that has a derivative itself; x, grad and directions: channels
/// last in memory.
class GeluGradient : public torch::autograd::Function<GeluGradient> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& grad) {
    context->save_for_backward({x, grad});
    return gradient(x, grad);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list directions) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "gelu() has no third derivative");
    const auto saved = context->get_saved_variables();
    const torch::Tensor v = channels_last(directions[0]);
    torch::Tensor in_x = torch::empty_like(saved[0]);
    torch::Tensor in_grad = torch::empty_like(saved[0]);
    each_block(
        rows_of(v, 1),
        [&](const Block& block, const auto* x, const auto* grad, const auto* direction,
            auto* to_grad,
            auto* to_x) { gelu_second_block(x, grad, direction, block.numbers, to_grad, to_x); },
        saved[0], saved[1], v, in_grad, in_x);
    return {in_x, in_grad};
  }
};

class Gelu : public torch::autograd::Function<Gelu> {
 public:
  /// x: channels last in memory.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    context->save_for_backward({x});
    torch::Tensor y = torch::empty_like(x);
    each_block(
        rows_of(x, 1),
        [&](const Block& block, const auto* from, auto* to) {
          gelu_block(from, block.numbers, to);
        },
        x, y);
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const torch::Tensor x = context->get_saved_variables()[0];
    const torch::Tensor grad = channels_last(grad_outputs[0]);
    return {torch::GradMode::is_enabled() ? GeluGradient::apply(x, grad) : gradient(x, grad)};
  }
};

}  // namespace

torch::Tensor gelu(const torch::Tensor& x) { return Gelu::apply(channels_last(x)); }

}  // namespace dcgan
