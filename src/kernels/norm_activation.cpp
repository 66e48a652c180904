#include "kernels/norm_activation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/channels_last.h"
#include "kernels/norm_rows.h"
#include "kernels/rows.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// A normalised x, and what its gradients need.
struct Normalised {
  torch::Tensor x;         ///< channels last in memory
  torch::Tensor scale;     ///< [C]
  torch::Tensor mean;      ///< [batches, C], as all that follow
  torch::Tensor variance;  ///< the biased one
  torch::Tensor factor;    ///< t = x * factor + offset
  torch::Tensor offset;
  double slope;
  double eps;
  Reducer* reducer = nullptr;  ///< over the parts of a batch, or none

  Rows shape() const { return rows_of(x, mean.numel() / scale.numel()); }
  /// Those of a batch in all parts.
  double all_rows() const {
    return static_cast<double>(shape().rows * (reducer == nullptr ? 1 : reducer->parts()));
  }
  double inverse_deviation(std::int64_t i) const {
    return 1.0 / std::sqrt(static_cast<double>(variance.data_ptr<float>()[i]) + eps);
  }

  void save(torch::autograd::AutogradContext* context, const torch::Tensor& grad = {}) const {
    context->save_for_backward({x, scale, mean, variance, factor, offset, grad});
    context->saved_data["slope"] = slope;
    context->saved_data["eps"] = eps;
    context->saved_data["reducer"] = reinterpret_cast<std::int64_t>(reducer);
  }
  static Normalised load(torch::autograd::AutogradContext* context) {
    const auto saved = context->get_saved_variables();
    return {saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
            context->saved_data["slope"].toDouble(), context->saved_data["eps"].toDouble(),
            // An IValue holds no pointer of ours. NOLINTNEXTLINE(performance-no-int-to-ptr)
            reinterpret_cast<Reducer*>(context->saved_data["reducer"].toInt())};
  }
};

/// The block's first number of a tensor [batches, C].
float* at(const torch::Tensor& numbers, const Block& block) {
  return numbers.data_ptr<float>() + block.channel;
}

/// Sets the mean and the variance of each batch.
void measure(const Normalised& n) {
  const Rows shape = n.shape();
  BlockSums sums(shape, 2);
  const torch::Tensor pivots = torch::empty_like(n.mean);  // each batch's first row
  float* const pivot = pivots.data_ptr<float>();
  with_data(
      [&](const auto* data) {
        for (std::int64_t i = 0; i < pivots.numel(); ++i) {
          pivot[i] = data[i / shape.channels * shape.rows * shape.channels + i % shape.channels];
        }
      },
      n.x);
  each_block(
      shape,
      [&](const Block& block, const auto* data) {
        add_moments(data, at(pivots, block), block.rows, shape.channels, sums.of(block.index, 0),
                    sums.of(block.index, 1));
      },
      n.x);
  torch::Tensor moments = sums.total();
  if (n.reducer != nullptr) {  // each part has another pivot
    const torch::Tensor wide = pivots.view(-1).to(torch::kFloat64);
    const auto rows = static_cast<double>(shape.rows);
    moments = torch::stack(
        {moments[0] + rows * wide, moments[1] + 2.0 * wide * moments[0] + rows * wide.square()});
    n.reducer->sum(moments);
    pivots.zero_();
  }
  const auto found = moments.accessor<double, 2>();
  float* const mean = n.mean.data_ptr<float>();
  float* const variance = n.variance.data_ptr<float>();
  const double rows = n.all_rows();
  for (std::int64_t i = 0; i < n.mean.numel(); ++i) {
    const double distance = found[0][i] / rows;  // of the mean from the pivot
    mean[i] = static_cast<float>(static_cast<double>(pivot[i]) + distance);
    variance[i] = static_cast<float>(std::max(found[1][i] / rows - distance * distance, 0.0));
  }
}

/// Each batch updates the running statistics in its turn; the variance that they follow is the
/// unbiased one.
void update_running_statistics(const NormTensors& norm, const Normalised& n) {
  float* const running_mean = norm.running_mean.data_ptr<float>();
  float* const running_var = norm.running_var.data_ptr<float>();
  const float* const mean = n.mean.data_ptr<float>();
  const float* const variance = n.variance.data_ptr<float>();
  const Rows shape = n.shape();
  const double rows = n.all_rows();
  const double unbiased = rows / (rows - 1);
  const auto update = [&](float& running, double value) {
    running = static_cast<float>((1 - norm.momentum) * static_cast<double>(running) +
                                 norm.momentum * value);
  };
  for (std::int64_t i = 0; i < n.mean.numel(); ++i) {
    const std::int64_t c = i % shape.channels;
    update(running_mean[c], static_cast<double>(mean[i]));
    update(running_var[c], static_cast<double>(variance[i]) * unbiased);
  }
}

/// Sets the factor and the offset by the mean and the variance; returns a(t).
torch::Tensor normalise(const Normalised& n, const torch::Tensor& shift) {
  const Rows shape = n.shape();
  float* const factor = n.factor.data_ptr<float>();
  float* const offset = n.offset.data_ptr<float>();
  const float* const mean = n.mean.data_ptr<float>();
  for (std::int64_t i = 0; i < n.mean.numel(); ++i) {
    const std::int64_t c = i % shape.channels;
    factor[i] = static_cast<float>(static_cast<double>(n.scale.data_ptr<float>()[c]) *
                                   n.inverse_deviation(i));
    offset[i] = shift.data_ptr<float>()[c] - mean[i] * factor[i];
  }
  torch::Tensor y = torch::empty_like(n.x);
  each_block(
      shape,
      [&](const Block& block, const auto* from, auto* to) {
        apply_norm(from, at(n.factor, block), at(n.offset, block), static_cast<float>(n.slope),
                   block.rows, shape.channels, to);
      },
      n.x, y);
  return y;
}

struct Gradients {
  torch::Tensor x;
  torch::Tensor scale;  ///< [C]
  torch::Tensor shift;  ///< [C]
};

/// With g = dL/dt and n rows in a batch, x^ = (x - mean) * inverse_deviation:
///   dL/dshift = sum g,  dL/dscale = sum g x^,
///   dL/dx = scale * inverse_deviation * (g - sum g / n - x^ * sum(g x^) / n).
Gradients gradients(const Normalised& n, const torch::Tensor& grad) {
  const Rows shape = n.shape();
  const auto slope = static_cast<float>(n.slope);
  BlockSums sums(shape, 2);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data) {
        add_gradient_sums(data, grad_data, at(n.factor, block), at(n.offset, block),
                          at(n.mean, block), slope, block.rows, shape.channels,
                          sums.of(block.index, 0), sums.of(block.index, 1));
      },
      n.x, grad);
  Gradients result{torch::empty_like(n.x), torch::zeros({shape.channels}),
                   torch::zeros({shape.channels})};
  const torch::Tensor x_factor = torch::empty_like(n.mean);
  const torch::Tensor level = torch::empty_like(n.mean);
  const torch::Tensor own = sums.total();
  const torch::Tensor all = own.clone();
  if (n.reducer != nullptr) n.reducer->sum(all);
  const auto found = own.accessor<double, 2>();
  const auto found_in_all = all.accessor<double, 2>();
  const double rows = n.all_rows();
  for (std::int64_t i = 0; i < n.mean.numel(); ++i) {
    const std::int64_t c = i % shape.channels;
    const double inverse = n.inverse_deviation(i);
    const auto factor = static_cast<double>(n.factor.data_ptr<float>()[i]);
    const double slant = factor * inverse * inverse * found_in_all[1][i] / rows;
    const auto mean = static_cast<double>(n.mean.data_ptr<float>()[i]);
    result.shift.data_ptr<float>()[c] += static_cast<float>(found[0][i]);
    result.scale.data_ptr<float>()[c] += static_cast<float>(found[1][i] * inverse);
    x_factor.data_ptr<float>()[i] = static_cast<float>(slant);
    level.data_ptr<float>()[i] =
        static_cast<float>(factor * found_in_all[0][i] / rows - slant * mean);
  }
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, auto* to) {
        apply_norm_gradient(data, grad_data, at(n.factor, block), at(n.offset, block),
                            at(x_factor, block), at(level, block), slope, block.rows,
                            shape.channels, to);
      },
      n.x, grad, result.x);
  return result;
}

/// What a gradient of the gradient gives: to x, to the gradient that came in, and to the scale.
struct SecondGradients {
  torch::Tensor x;
  torch::Tensor grad;
  torch::Tensor scale;  ///< [C]
};

/// The coefficients of second_gradients(), and what it gives to the scale added to
/// `scale_gradient`. With the names of gradients(), i the inverse deviation, and
///   A = mean g,  B = mean(g x^),  V = mean v,  W = mean(v x^),  P = mean(v g)  over a batch:
///   to grad:  a'(t) * (scale i (v - V - W x^) + a x^ + b)
///   to x:     -scale i^2 (B v + W g - (V B + A W) + (P - V A - 3 W B) x^) + i a (g - A - B x^)
///   to scale: n i (P - V A - W B)
SecondLines second_lines(const Normalised& normalised, const torch::Tensor& sums,
                         const Gradients& direction, const torch::Tensor& scale_gradient) {
  const auto number_of = [](const torch::Tensor& tensor, std::int64_t at) {
    return tensor.defined() ? static_cast<double>(tensor.data_ptr<float>()[at]) : 0.0;
  };
  SecondLines lines(static_cast<std::size_t>(normalised.mean.numel()));
  const double n = normalised.all_rows();
  const auto own_rows = static_cast<double>(normalised.shape().rows);
  const auto found = sums.accessor<double, 2>();
  for (std::int64_t at = 0; at < normalised.mean.numel(); ++at) {
    const std::int64_t c = at % normalised.scale.numel();
    const double i = normalised.inverse_deviation(at);
    const double si = number_of(normalised.scale, c) * i;
    const double mu = number_of(normalised.mean, at);
    const double A = found[0][at] / n;
    const double B = found[1][at] * i / n;
    const double V = found[2][at] / n;
    const double W = found[3][at] * i / n;
    const double P = found[4][at] / n;
    const double a = number_of(direction.scale, c);
    const double b = number_of(direction.shift, c);
    const auto set = [at](std::vector<float>& numbers, double value) {
      numbers[static_cast<std::size_t>(at)] = static_cast<float>(value);
      return value;
    };
    set(lines.grad_v, si);
    const double grad_x = set(lines.grad_x, i * (a - si * W));
    set(lines.grad_one, b - si * V - grad_x * mu);
    set(lines.x_v, -si * i * B);
    set(lines.x_g, i * a - si * i * W);
    const double x_x = set(lines.x_x, -i * i * (si * (P - V * A - 3 * W * B) + a * B));
    set(lines.x_one, i * (si * (V * B + A * W) - a * A) - x_x * mu);
    // The parts' gradients are added up: each gives its share of it.
    scale_gradient.data_ptr<float>()[c] += static_cast<float>(own_rows * i * (P - V * A - W * B));
  }
  return lines;
}

/// The gradients of  sum v * dL/dx + sum a * dL/dscale + sum b * dL/dshift,  where v of x's shape
/// and a and b, [C] or undefined for 0, are `direction`.
SecondGradients second_gradients(const Normalised& n, const torch::Tensor& grad,
                                 const Gradients& direction) {
  const Rows shape = n.shape();
  const auto slope = static_cast<float>(n.slope);
  BlockSums sums(shape, 5);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, const auto* v) {
        add_second_sums(data, grad_data, v, at(n.factor, block), at(n.offset, block),
                        at(n.mean, block), slope, block.rows, shape.channels, sums.of(block.index));
      },
      n.x, grad, direction.x);
  SecondGradients result{torch::empty_like(n.x), torch::empty_like(grad),
                         torch::zeros({shape.channels})};
  const torch::Tensor all = sums.total();
  if (n.reducer != nullptr) {
    // They would be of this part alone, beside sums of all.
    TORCH_CHECK(!direction.scale.defined() && !direction.shift.defined(),
                "over several parts the gradients of scale and shift have no derivative");
    n.reducer->sum(all);
  }
  const SecondLines lines = second_lines(n, all, direction, result.scale);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, const auto* v, auto* to_grad,
          auto* to_x) {
        apply_norm_second(data, grad_data, v, at(n.factor, block), at(n.offset, block), lines,
                          block.channel, slope, block.rows, shape.channels, to_grad, to_x);
      },
      n.x, grad, direction.x, result.grad, result.x);
  return result;
}

/// norm_activation()'s gradients as a function that has a derivative itself. The shift has none.
class NormActivationGradient : public torch::autograd::Function<NormActivationGradient> {
 public:
  /// x and scale: those of `n`; grad: channels last in memory. Returns the gradients in x, scale
  /// and shift.
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& /*x*/,
                                                const torch::Tensor& /*scale*/,
                                                const torch::Tensor& grad, const Normalised& n) {
    context->set_materialize_grads(false);
    n.save(context, grad);
    const Gradients result = gradients(n, grad);
    return {result.x, result.scale, result.shift};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list directions) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "norm_activation() has no third derivative");
    const Normalised n = Normalised::load(context);
    const auto contiguous = [](const torch::Tensor& tensor) {
      return tensor.defined() ? tensor.contiguous() : tensor;
    };
    const torch::Tensor v =
        directions[0].defined() ? channels_last(directions[0]) : torch::zeros_like(n.x);
    const auto result = second_gradients(n, context->get_saved_variables().back(),
                                         {v, contiguous(directions[1]), contiguous(directions[2])});
    return {result.x, result.scale, result.grad, {}};
  }
};

class NormActivation : public torch::autograd::Function<NormActivation> {
 public:
  /// x: channels last in memory.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& scale, const torch::Tensor& shift,
                               const NormTensors& norm, double slope, std::int64_t batches,
                               Reducer* reducer) {
    const auto empty = [&] { return torch::empty({batches, scale.numel()}); };
    const Normalised n{x, scale, empty(), empty(), empty(), empty(), slope, norm.eps, reducer};
    measure(n);
    update_running_statistics(norm, n);
    n.save(context);
    return normalise(n, shift);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const Normalised n = Normalised::load(context);
    const torch::Tensor grad = channels_last(grad_outputs[0]);
    if (torch::GradMode::is_enabled()) {
      const auto result = NormActivationGradient::apply(n.x, n.scale, grad, n);
      return {result[0], result[1], result[2], {}, {}, {}, {}};
    }
    const Gradients result = gradients(n, grad);
    return {result.x, result.scale, result.shift, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor norm_activation(const torch::Tensor& x, const NormTensors& norm, double slope,
                              std::int64_t batches, Reducer* reducer) {
  const Rows shape = rows_of(x, batches);
  TORCH_CHECK(x.size(0) % batches == 0, "the batches must be of one size");
  TORCH_CHECK(shape.rows * (reducer == nullptr ? 1 : reducer->parts()) > 1,
              "a batch needs more than one number a channel to have a variance");
  return NormActivation::apply(channels_last(x), norm.scale, norm.shift, norm, slope, batches,
                               reducer);
}

torch::Tensor norm_activation_eval(const torch::Tensor& x, const NormTensors& norm, double slope) {
  const torch::NoGradGuard no_grad;
  const auto like = [&] { return torch::empty_like(norm.running_mean); };
  return normalise({channels_last(x), norm.scale, norm.running_mean, norm.running_var, like(),
                    like(), slope, norm.eps},
                   norm.shift);
}

}  // namespace dcgan
