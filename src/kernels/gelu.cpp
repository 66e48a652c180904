#include "dcgan/kernels/gelu.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "channels_last.h"
#include "dcgan/kernels/bfloat16.h"
#include "multiversion.h"
#include "rows.h"

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

DCGAN_MULTIVERSION
void gelu_block(const float* __restrict x, std::int64_t count, float* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = x[i] * normal_distribution(x[i], normal_bell(x[i]));
  }
}

/// dL/dx = dL/dy * (Phi(x) + x * phi(x)), phi the density.
DCGAN_MULTIVERSION
void gelu_gradient_block(const float* __restrict x, const float* __restrict grad,
                         std::int64_t count, float* __restrict grad_x) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float bell = normal_bell(x[i]);
    grad_x[i] = grad[i] * (normal_distribution(x[i], bell) + x[i] * bell * kInverseSqrt2Pi);
  }
}

torch::Tensor gradient(const torch::Tensor& x, const torch::Tensor& grad) {
  torch::Tensor grad_x = torch::empty_like(x);
  const FloatReader in(x);
  const FloatReader grad_in(grad);
  const FloatWriter out(grad_x);
  each_block(rows_of(x, 1), [&](const Block& block, Buffers& buffers) {
    const float* const numbers = in.read(block.start, block.numbers, buffers.x);
    const float* const gradients = grad_in.read(block.start, block.numbers, buffers.grad);
    out.write(block.start, block.numbers, buffers.out,
              [&](float* to) { gelu_gradient_block(numbers, gradients, block.numbers, to); });
  });
  return grad_x;
}

/// The same by operators that have derivatives, for a gradient of the gradient.
torch::Tensor differentiable_gradient(const torch::Tensor& x, const torch::Tensor& grad) {
  const torch::Tensor t = x.to(torch::kFloat32);
  const torch::Tensor distribution = 0.5 * (1 + torch::erf(t / std::numbers::sqrt2));
  const torch::Tensor density = torch::exp(-0.5 * t.square()) * kInverseSqrt2Pi;
  return (grad.to(torch::kFloat32) * (distribution + t * density)).to(x.scalar_type());
}

class Gelu : public torch::autograd::Function<Gelu> {
 public:
  /// x: channels last in memory.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    context->save_for_backward({x});
    torch::Tensor y = torch::empty_like(x);
    const FloatReader in(x);
    const FloatWriter out(y);
    each_block(rows_of(x, 1), [&](const Block& block, Buffers& buffers) {
      const float* const numbers = in.read(block.start, block.numbers, buffers.x);
      out.write(block.start, block.numbers, buffers.out,
                [&](float* to) { gelu_block(numbers, block.numbers, to); });
    });
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const torch::Tensor x = context->get_saved_variables()[0];
    return {torch::GradMode::is_enabled() ? differentiable_gradient(x, grad_outputs[0])
                                          : gradient(x, channels_last(grad_outputs[0]))};
  }
};

}  // namespace

torch::Tensor gelu(const torch::Tensor& x) { return Gelu::apply(channels_last(x)); }

}  // namespace dcgan
