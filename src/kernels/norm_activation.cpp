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

/// [batches, C] each.
struct Statistics {
  torch::Tensor mean;
  torch::Tensor variance;  ///< the biased one
  double eps;

  double inverse_deviation(std::int64_t i) const {
    return 1.0 / std::sqrt(static_cast<double>(variance.data_ptr<float>()[i]) + eps);
  }
};

/// [batches * C] each: t = x * factor + offset.
struct Line {
  std::vector<float> factor;
  std::vector<float> offset;
};

Line line_of(const Statistics& statistics, const torch::Tensor& scale, const torch::Tensor& shift) {
  const std::int64_t channels = scale.numel();
  const auto count = static_cast<std::size_t>(statistics.mean.numel());
  Line line{std::vector<float>(count), std::vector<float>(count)};
  const float* const mean = statistics.mean.data_ptr<float>();
  const float* const gamma = scale.data_ptr<float>();
  const float* const beta = shift.data_ptr<float>();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t c = i % static_cast<std::size_t>(channels);
    const double inverse = statistics.inverse_deviation(static_cast<std::int64_t>(i));
    line.factor[i] = static_cast<float>(static_cast<double>(gamma[c]) * inverse);
    line.offset[i] = beta[c] - mean[i] * line.factor[i];
  }
  return line;
}

Statistics measure(const torch::Tensor& x, const Rows& shape, double eps) {
  BlockSums sums(shape, 2);
  std::vector<float> pivots;  // each batch's first row
  const auto pivot = [&](std::int64_t batch) { return pivots.data() + batch * shape.channels; };
  with_data(
      [&](const auto* data) {
        for (std::int64_t batch = 0; batch < shape.batches; ++batch) {
          const auto* const row = data + batch * shape.rows * shape.channels;
          for (std::int64_t c = 0; c < shape.channels; ++c) pivots.push_back(row[c]);
        }
      },
      x);
  each_block(
      shape,
      [&](const Block& block, const auto* data) {
        add_moments(data, pivot(block.batch), block.rows, shape.channels, sums.of(block.index, 0),
                    sums.of(block.index, 1));
      },
      x);
  Statistics statistics{torch::empty({shape.batches, shape.channels}),
                        torch::empty({shape.batches, shape.channels}), eps};
  float* const mean = statistics.mean.data_ptr<float>();
  float* const variance = statistics.variance.data_ptr<float>();
  const auto rows = static_cast<double>(shape.rows);
  sums.each([&](std::int64_t batch, std::int64_t c, const std::vector<double>& found) {
    const auto [sum, square_sum] = std::pair(found[0], found[1]);
    const std::int64_t at = batch * shape.channels + c;
    const double distance = sum / rows;  // of the mean from the pivot
    mean[at] = static_cast<float>(static_cast<double>(pivot(batch)[c]) + distance);
    variance[at] = static_cast<float>(std::max(square_sum / rows - distance * distance, 0.0));
  });
  return statistics;
}

/// Each batch moves the running statistics in its turn; the variance that they follow is the
/// unbiased one.
void move_running_statistics(const NormTensors& norm, const Statistics& statistics,
                             const Rows& shape) {
  float* const running_mean = norm.running_mean.data_ptr<float>();
  float* const running_var = norm.running_var.data_ptr<float>();
  const float* const mean = statistics.mean.data_ptr<float>();
  const float* const variance = statistics.variance.data_ptr<float>();
  const auto rows = static_cast<double>(shape.rows);
  const double unbiased = rows / (rows - 1);
  const auto move = [&](float& running, double value) {
    running = static_cast<float>((1 - norm.momentum) * static_cast<double>(running) +
                                 norm.momentum * value);
  };
  for (std::int64_t i = 0; i < shape.batches * shape.channels; ++i) {
    const std::int64_t c = i % shape.channels;
    move(running_mean[c], static_cast<double>(mean[i]));
    move(running_var[c], static_cast<double>(variance[i]) * unbiased);
  }
}

torch::Tensor apply_line(const torch::Tensor& x, const Rows& shape, const Line& line, float slope) {
  torch::Tensor y = torch::empty_like(x);
  each_block(
      shape,
      [&](const Block& block, const auto* from, auto* to) {
        apply_norm(from, line.factor.data() + block.channel, line.offset.data() + block.channel,
                   slope, block.rows, shape.channels, to);
      },
      x, y);
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
Gradients gradients(const torch::Tensor& x, const torch::Tensor& grad, const torch::Tensor& scale,
                    const torch::Tensor& shift, const Statistics& statistics, const Rows& shape,
                    float slope) {
  const Line line = line_of(statistics, scale, shift);
  const float* const mean = statistics.mean.data_ptr<float>();
  BlockSums sums(shape, 2);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data) {
        add_gradient_sums(data, grad_data, line.factor.data() + block.channel,
                          line.offset.data() + block.channel, mean + block.channel, slope,
                          block.rows, shape.channels, sums.of(block.index, 0),
                          sums.of(block.index, 1));
      },
      x, grad);
  Gradients result{torch::empty_like(x), torch::zeros({shape.channels}),
                   torch::zeros({shape.channels})};
  float* const grad_scale = result.scale.data_ptr<float>();
  float* const grad_shift = result.shift.data_ptr<float>();
  std::vector<float> x_factor(line.factor.size());
  std::vector<float> level(line.factor.size());
  const auto rows = static_cast<double>(shape.rows);
  sums.each([&](std::int64_t batch, std::int64_t c, const std::vector<double>& found) {
    const auto [sum, product_sum] = std::pair(found[0], found[1]);
    const std::int64_t at = batch * shape.channels + c;
    const auto i = static_cast<std::size_t>(at);
    const double inverse = statistics.inverse_deviation(at);
    const auto factor = static_cast<double>(line.factor[i]);
    const double slant = factor * inverse * inverse * product_sum / rows;
    grad_shift[c] += static_cast<float>(sum);
    grad_scale[c] += static_cast<float>(product_sum * inverse);
    x_factor[i] = static_cast<float>(slant);
    level[i] = static_cast<float>(factor * sum / rows - slant * static_cast<double>(mean[at]));
  });
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, auto* to) {
        apply_norm_gradient(data, grad_data, line.factor.data() + block.channel,
                            line.offset.data() + block.channel, x_factor.data() + block.channel,
                            level.data() + block.channel, slope, block.rows, shape.channels, to);
      },
      x, grad, result.x);
  return result;
}

/// What a gradient of the gradient gives: to the gradient that came in, to x and to the scale.
struct SecondGradients {
  torch::Tensor grad;
  torch::Tensor x;
  torch::Tensor scale;  ///< [C]
};

/// The coefficients of second_gradients(), and what it gives to the scale added to
/// `scale_gradient`. With the names of gradients(), i the inverse deviation, and
///   A = mean g,  B = mean(g x^),  V = mean v,  W = mean(v x^),  P = mean(v g)  over a batch:
///   to grad:  a'(t) * (scale i (v - V - W x^) + a x^ + b)
///   to x:     -scale i^2 (B v + W g - (V B + A W) + (P - V A - 3 W B) x^) + i a (g - A - B x^)
///   to scale: n i (P - V A - W B)
SecondLines second_lines(BlockSums& sums, const torch::Tensor& scale, const Statistics& statistics,
                         const Rows& shape, const Gradients& direction,
                         const torch::Tensor& scale_gradient) {
  const auto number_of = [](const torch::Tensor& tensor, std::int64_t c) {
    return tensor.defined() ? static_cast<double>(tensor.data_ptr<float>()[c]) : 0.0;
  };
  SecondLines lines(static_cast<std::size_t>(shape.batches * shape.channels));
  const float* const mean = statistics.mean.data_ptr<float>();
  const auto n = static_cast<double>(shape.rows);
  sums.each([&](std::int64_t batch, std::int64_t c, const std::vector<double>& found) {
    const std::int64_t at = batch * shape.channels + c;
    const auto to = static_cast<std::size_t>(at);
    const double i = statistics.inverse_deviation(at);
    const double si = number_of(scale, c) * i;
    const double mu = static_cast<double>(mean[at]);
    const double A = found[0] / n;
    const double B = found[1] * i / n;
    const double V = found[2] / n;
    const double W = found[3] * i / n;
    const double P = found[4] / n;
    const double a = number_of(direction.scale, c);
    const double b = number_of(direction.shift, c);
    const auto set = [to](std::vector<float>& numbers, double value) {
      numbers[to] = static_cast<float>(value);
      return value;
    };
    set(lines.grad_v, si);
    const double grad_x = set(lines.grad_x, i * (a - si * W));
    set(lines.grad_one, b - si * V - grad_x * mu);
    set(lines.x_v, -si * i * B);
    set(lines.x_g, i * a - si * i * W);
    const double x_x = set(lines.x_x, -i * i * (si * (P - V * A - 3 * W * B) + a * B));
    set(lines.x_one, i * (si * (V * B + A * W) - a * A) - x_x * mu);
    scale_gradient.data_ptr<float>()[c] += static_cast<float>(n * i * (P - V * A - W * B));
  });
  return lines;
}

/// The gradients of  sum v * dL/dx + sum a * dL/dscale + sum b * dL/dshift,  where v of x's shape
/// and a and b, [C] or undefined for 0, are `direction`.
SecondGradients second_gradients(const torch::Tensor& x, const torch::Tensor& grad,
                                 const torch::Tensor& scale, const torch::Tensor& shift,
                                 const Statistics& statistics, const Rows& shape, float slope,
                                 const Gradients& direction) {
  const Line line = line_of(statistics, scale, shift);
  const float* const mean = statistics.mean.data_ptr<float>();
  BlockSums sums(shape, 5);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, const auto* v) {
        add_second_sums(data, grad_data, v, line.factor.data() + block.channel,
                        line.offset.data() + block.channel, mean + block.channel, slope, block.rows,
                        shape.channels, sums.of(block.index));
      },
      x, grad, direction.x);
  SecondGradients result{torch::empty_like(grad), torch::empty_like(x),
                         torch::zeros({shape.channels})};
  const SecondLines lines = second_lines(sums, scale, statistics, shape, direction, result.scale);
  each_block(
      shape,
      [&](const Block& block, const auto* data, const auto* grad_data, const auto* v, auto* to_grad,
          auto* to_x) {
        apply_norm_second(data, grad_data, v, line.factor.data() + block.channel,
                          line.offset.data() + block.channel, lines, block.channel, slope,
                          block.rows, shape.channels, to_grad, to_x);
      },
      x, grad, direction.x, result.grad, result.x);
  return result;
}

/// What both functions keep beside their tensors.
struct Kept {
  double slope;
  double eps;
  std::int64_t batches;

  void save(torch::autograd::AutogradContext* context) const {
    context->saved_data["slope"] = slope;
    context->saved_data["eps"] = eps;
    context->saved_data["batches"] = batches;
  }
  static Kept load(torch::autograd::AutogradContext* context) {
    auto& data = context->saved_data;
    return {data["slope"].toDouble(), data["eps"].toDouble(), data["batches"].toInt()};
  }
};

/// norm_activation()'s gradients as a function that has a derivative itself.
class NormActivationGradient : public torch::autograd::Function<NormActivationGradient> {
 public:
  /// x and grad: channels last in memory. Returns the gradients in x, scale and shift.
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& x, const torch::Tensor& grad,
                                                const torch::Tensor& scale,
                                                const torch::Tensor& shift,
                                                const Statistics& statistics, const Kept& kept) {
    context->save_for_backward({x, grad, scale, shift, statistics.mean, statistics.variance});
    context->set_materialize_grads(false);
    kept.save(context);
    const Gradients result = gradients(x, grad, scale, shift, statistics, rows_of(x, kept.batches),
                                       static_cast<float>(kept.slope));
    return {result.x, result.scale, result.shift};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list directions) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "norm_activation() has no third derivative");
    const auto saved = context->get_saved_variables();
    const Kept kept = Kept::load(context);
    const torch::Tensor& x = saved[0];
    const torch::Tensor v =
        directions[0].defined() ? channels_last(directions[0]) : torch::zeros_like(x);
    const auto result = second_gradients(
        x, saved[1], saved[2], saved[3], {saved[4], saved[5], kept.eps}, rows_of(x, kept.batches),
        static_cast<float>(kept.slope), {v, contiguous(directions[1]), contiguous(directions[2])});
    return {result.x, result.grad, result.scale, {}, {}, {}};
  }

 private:
  static torch::Tensor contiguous(const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.contiguous() : tensor;
  }
};

class NormActivation : public torch::autograd::Function<NormActivation> {
 public:
  /// x: channels last in memory.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& scale, const torch::Tensor& shift,
                               const NormTensors& norm, double slope, std::int64_t batches) {
    const Rows shape = rows_of(x, batches);
    const Statistics statistics = measure(x, shape, norm.eps);
    move_running_statistics(norm, statistics, shape);
    context->save_for_backward({x, scale, shift, statistics.mean, statistics.variance});
    Kept{slope, norm.eps, batches}.save(context);
    return apply_line(x, shape, line_of(statistics, scale, shift), static_cast<float>(slope));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const auto saved = context->get_saved_variables();
    const Kept kept = Kept::load(context);
    const Statistics statistics{saved[3], saved[4], kept.eps};
    const torch::Tensor grad = channels_last(grad_outputs[0]);
    if (torch::GradMode::is_enabled()) {
      const auto result =
          NormActivationGradient::apply(saved[0], grad, saved[1], saved[2], statistics, kept);
      return {result[0], result[1], result[2], {}, {}, {}};
    }
    const Gradients result =
        gradients(saved[0], grad, saved[1], saved[2], statistics, rows_of(saved[0], kept.batches),
                  static_cast<float>(kept.slope));
    return {result.x, result.scale, result.shift, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor norm_activation(const torch::Tensor& x, const NormTensors& norm, double slope,
                              std::int64_t batches) {
  const Rows shape = rows_of(x, batches);
  TORCH_CHECK(x.size(0) % batches == 0, "the batches must be of one size");
  TORCH_CHECK(shape.rows > 1, "a batch needs more than one number a channel to have a variance");
  return NormActivation::apply(channels_last(x), norm.scale, norm.shift, norm, slope, batches);
}

torch::Tensor norm_activation_eval(const torch::Tensor& x, const NormTensors& norm, double slope) {
  const torch::NoGradGuard no_grad;
  const Statistics statistics{norm.running_mean, norm.running_var, norm.eps};
  const torch::Tensor rows = channels_last(x);
  return apply_line(rows, rows_of(rows, 1), line_of(statistics, norm.scale, norm.shift),
                    static_cast<float>(slope));
}

}  // namespace dcgan
