#include "dcgan/kernels/norm_activation.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "channels_last.h"
#include "dcgan/kernels/bfloat16.h"
#include "dcgan/kernels/parallel.h"
#include "multiversion.h"

namespace dcgan {
namespace {

/// Numbers in a block of rows: they fit a core's first cache twice.
constexpr std::int64_t kBlockNumbers = 8192;

/// x as rows of channels, [batches, rows, C]: the order that channels-last tensors have in memory.
struct Rows {
  std::int64_t batches;
  std::int64_t rows;  ///< in each batch
  std::int64_t channels;

  std::int64_t rows_in_block() const { return std::max<std::int64_t>(1, kBlockNumbers / channels); }
  std::int64_t blocks_in_batch() const { return (rows + rows_in_block() - 1) / rows_in_block(); }
  std::int64_t blocks() const { return batches * blocks_in_batch(); }
};

/// Where a block lies: its batch, its first number, and how many rows and numbers it has.
struct Block {
  std::int64_t batch;
  std::int64_t start;
  std::int64_t rows;
  std::int64_t numbers;
};

Block block_at(const Rows& shape, std::int64_t block) {
  const std::int64_t batch = block / shape.blocks_in_batch();
  const std::int64_t first_row = block % shape.blocks_in_batch() * shape.rows_in_block();
  const std::int64_t rows = std::min(shape.rows_in_block(), shape.rows - first_row);
  return {batch, (batch * shape.rows + first_row) * shape.channels, rows, rows * shape.channels};
}

Rows rows_of(const torch::Tensor& x, std::int64_t batches) {
  return {batches, x.numel() / x.size(1) / batches, x.size(1)};
}

/// What a block of a bfloat16 tensor is widened to: it stays in the core's cache.
struct Buffers {
  std::vector<float> x;
  std::vector<float> grad;
  std::vector<float> out;
};

Buffers& own_buffers() {
  thread_local Buffers buffers;
  return buffers;
}

// The kernels: plain loops over the channels of each row, which the compiler turns into vectors.

/// sum += x - pivot, square_sum += (x - pivot)^2. A pivot near the mean keeps the difference of the
/// two from cancelling.
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

/// y = a(x * factor + offset).
DCGAN_MULTIVERSION
void apply(const float* __restrict x, const float* __restrict factor,
           const float* __restrict offset, float slope, std::int64_t rows, std::int64_t channels,
           float* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float t = x[c] * factor[c] + offset[c];
      y[c] = t * (t > 0 ? 1.0F : slope);
    }
  }
}

/// With g = dL/dt, t = x * factor + offset: sum += g, product_sum += g * (x - mean).
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

/// dL/dx = factor * g - tilt * x - level.
DCGAN_MULTIVERSION
void apply_gradient(const float* __restrict x, const float* __restrict grad,
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

/// Two sums a channel and batch, over the blocks of that batch in their order and in double.
class BlockSums {
 public:
  explicit BlockSums(const Rows& shape)
      : shape_(shape),
        partial_(static_cast<std::size_t>(shape.blocks() * 2 * shape.channels), 0.0F) {}

  float* first(std::int64_t block) { return partial_.data() + block * 2 * shape_.channels; }
  float* second(std::int64_t block) { return first(block) + shape_.channels; }

  /// `use` is called with (batch, channel, the two sums).
  template <typename Use>
  void each(const Use& use) {
    const std::int64_t blocks = shape_.blocks_in_batch();
    for (std::int64_t batch = 0; batch < shape_.batches; ++batch) {
      for (std::int64_t c = 0; c < shape_.channels; ++c) {
        double one = 0;
        double two = 0;
        for (std::int64_t block = batch * blocks; block < (batch + 1) * blocks; ++block) {
          one += static_cast<double>(first(block)[c]);
          two += static_cast<double>(second(block)[c]);
        }
        use(batch, c, one, two);
      }
    }
  }

 private:
  Rows shape_;
  std::vector<float> partial_;
};

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
  const FloatReader data(x);
  BlockSums sums(shape);
  std::vector<std::vector<float>> widened(static_cast<std::size_t>(shape.batches));
  std::vector<const float*> pivots;  // a batch's first row
  for (std::int64_t batch = 0; batch < shape.batches; ++batch) {
    pivots.push_back(data.read(batch * shape.rows * shape.channels, shape.channels,
                               widened[static_cast<std::size_t>(batch)]));
  }
  const auto pivot = [&](std::int64_t batch) { return pivots[static_cast<std::size_t>(batch)]; };
  parallel_blocks(shape.blocks(), [&](std::int64_t number) {
    const Block block = block_at(shape, number);
    add_moments(data.read(block.start, block.numbers, own_buffers().x), pivot(block.batch),
                block.rows, shape.channels, sums.first(number), sums.second(number));
  });
  Statistics statistics{torch::empty({shape.batches, shape.channels}),
                        torch::empty({shape.batches, shape.channels}), eps};
  float* const mean = statistics.mean.data_ptr<float>();
  float* const variance = statistics.variance.data_ptr<float>();
  const auto rows = static_cast<double>(shape.rows);
  sums.each([&](std::int64_t batch, std::int64_t c, double sum, double square_sum) {
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
  const FloatReader data(x);
  const FloatWriter out(y);
  parallel_blocks(shape.blocks(), [&](std::int64_t number) {
    const Block block = block_at(shape, number);
    const std::int64_t row = block.batch * shape.channels;
    Buffers& buffers = own_buffers();
    const float* const in = data.read(block.start, block.numbers, buffers.x);
    out.write(block.start, block.numbers, buffers.out, [&](float* to) {
      apply(in, line.factor.data() + row, line.offset.data() + row, slope, block.rows,
            shape.channels, to);
    });
  });
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
  const FloatReader data(x);
  const FloatReader grad_data(grad);
  const float* const mean = statistics.mean.data_ptr<float>();
  BlockSums sums(shape);
  parallel_blocks(shape.blocks(), [&](std::int64_t number) {
    const Block block = block_at(shape, number);
    const std::int64_t row = block.batch * shape.channels;
    Buffers& buffers = own_buffers();
    add_gradient_sums(data.read(block.start, block.numbers, buffers.x),
                      grad_data.read(block.start, block.numbers, buffers.grad),
                      line.factor.data() + row, line.offset.data() + row, mean + row, slope,
                      block.rows, shape.channels, sums.first(number), sums.second(number));
  });
  Gradients result{torch::empty_like(x), torch::zeros({shape.channels}),
                   torch::zeros({shape.channels})};
  float* const grad_scale = result.scale.data_ptr<float>();
  float* const grad_shift = result.shift.data_ptr<float>();
  std::vector<float> tilt(line.factor.size());
  std::vector<float> level(line.factor.size());
  const auto rows = static_cast<double>(shape.rows);
  sums.each([&](std::int64_t batch, std::int64_t c, double sum, double product_sum) {
    const std::int64_t at = batch * shape.channels + c;
    const auto i = static_cast<std::size_t>(at);
    const double inverse = statistics.inverse_deviation(at);
    const auto factor = static_cast<double>(line.factor[i]);
    const double slant = factor * inverse * inverse * product_sum / rows;
    grad_shift[c] += static_cast<float>(sum);
    grad_scale[c] += static_cast<float>(product_sum * inverse);
    tilt[i] = static_cast<float>(slant);
    level[i] = static_cast<float>(factor * sum / rows - slant * static_cast<double>(mean[at]));
  });
  const FloatWriter out(result.x);
  parallel_blocks(shape.blocks(), [&](std::int64_t number) {
    const Block block = block_at(shape, number);
    const std::int64_t row = block.batch * shape.channels;
    Buffers& buffers = own_buffers();
    const float* const in = data.read(block.start, block.numbers, buffers.x);
    const float* const grad_in = grad_data.read(block.start, block.numbers, buffers.grad);
    out.write(block.start, block.numbers, buffers.out, [&](float* to) {
      apply_gradient(in, grad_in, line.factor.data() + row, line.offset.data() + row,
                     tilt.data() + row, level.data() + row, slope, block.rows, shape.channels, to);
    });
  });
  return result;
}

/// The same by operators that have derivatives, for a gradient of the gradient.
Gradients differentiable_gradients(const torch::Tensor& x, const torch::Tensor& grad,
                                   const torch::Tensor& scale, const torch::Tensor& shift,
                                   const Rows& shape, double slope, double eps) {
  const auto as_rows = [&](const torch::Tensor& tensor) {
    const torch::Tensor last = tensor.dim() == 4 ? tensor.permute({0, 2, 3, 1}) : tensor;
    return last.reshape({shape.batches, shape.rows, shape.channels}).to(torch::kFloat32);
  };
  const torch::Tensor rows = as_rows(x);  // [batches, rows, C]
  const torch::Tensor centred = rows - rows.mean(1, /*keepdim=*/true);
  const torch::Tensor inverse = (centred.square().mean(1, true) + eps).rsqrt();
  const torch::Tensor normal = centred * inverse;
  // The activation's slope is a constant wherever it has a derivative.
  const torch::Tensor active = (normal.detach() * scale.detach() + shift.detach()) > 0;
  const torch::Tensor g = as_rows(grad) * torch::where(active, 1.0, slope).to(torch::kFloat32);
  const torch::Tensor sum = g.sum(1, true);
  const torch::Tensor product_sum = (g * normal).sum(1, true);
  const auto count = static_cast<double>(shape.rows);
  torch::Tensor grad_x =
      (scale * inverse * (g - sum / count - normal * (product_sum / count))).to(x.scalar_type());
  if (x.dim() == 4) {
    grad_x = grad_x.reshape({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
  } else {
    grad_x = grad_x.reshape(x.sizes());
  }
  return {grad_x, product_sum.flatten(0, 1).sum(0), sum.flatten(0, 1).sum(0)};
}

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
    context->saved_data["slope"] = slope;
    context->saved_data["eps"] = norm.eps;
    context->saved_data["batches"] = batches;
    return apply_line(x, shape, line_of(statistics, scale, shift), static_cast<float>(slope));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const auto saved = context->get_saved_variables();
    const double slope = context->saved_data["slope"].toDouble();
    const double eps = context->saved_data["eps"].toDouble();
    const Rows shape = rows_of(saved[0], context->saved_data["batches"].toInt());
    const Gradients result =
        torch::GradMode::is_enabled()
            ? differentiable_gradients(saved[0], grad_outputs[0], saved[1], saved[2], shape, slope,
                                       eps)
            : gradients(saved[0], channels_last(grad_outputs[0]), saved[1], saved[2],
                        {saved[3], saved[4], eps}, shape, static_cast<float>(slope));
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
