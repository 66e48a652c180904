// A tensor with its channels last in memory as rows of channels, in blocks that fit a core's cache,
// and norm_activation()'s loops over such a block.
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dcgan {

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

inline Block block_at(const Rows& shape, std::int64_t block) {
  const std::int64_t batch = block / shape.blocks_in_batch();
  const std::int64_t first_row = block % shape.blocks_in_batch() * shape.rows_in_block();
  const std::int64_t rows = std::min(shape.rows_in_block(), shape.rows - first_row);
  return {batch, (batch * shape.rows + first_row) * shape.channels, rows, rows * shape.channels};
}

inline Rows rows_of(const torch::Tensor& x, std::int64_t batches) {
  return {batches, x.numel() / x.size(1) / batches, x.size(1)};
}

/// What a block of a bfloat16 tensor is widened to: it stays in the core's cache.
struct Buffers {
  std::vector<float> x;
  std::vector<float> grad;
  std::vector<float> out;
  // Of second derivatives:
  std::vector<float> direction;
  std::vector<float> second_out;
};

inline Buffers& own_buffers() {
  thread_local Buffers buffers;
  return buffers;
}

/// `kinds` sums a channel and batch, over the blocks of that batch in their order and in double.
class BlockSums {
 public:
  BlockSums(const Rows& shape, std::int64_t kinds)
      : shape_(shape),
        kinds_(kinds),
        partial_(static_cast<std::size_t>(shape.blocks() * kinds * shape.channels), 0.0F) {}

  /// A block's own sums, [kinds, C].
  float* of(std::int64_t block, std::int64_t kind = 0) {
    return partial_.data() + (block * kinds_ + kind) * shape_.channels;
  }

  /// `use` is called with (batch, channel, the sums).
  template <typename Use>
  void each(const Use& use) {
    const std::int64_t blocks = shape_.blocks_in_batch();
    std::vector<double> sums(static_cast<std::size_t>(kinds_));
    for (std::int64_t batch = 0; batch < shape_.batches; ++batch) {
      for (std::int64_t c = 0; c < shape_.channels; ++c) {
        for (std::int64_t kind = 0; kind < kinds_; ++kind) {
          double& sum = sums[static_cast<std::size_t>(kind)];
          sum = 0;
          for (std::int64_t block = batch * blocks; block < (batch + 1) * blocks; ++block) {
            sum += static_cast<double>(of(block, kind)[c]);
          }
        }
        use(batch, c, sums);
      }
    }
  }

 private:
  Rows shape_;
  std::int64_t kinds_;
  std::vector<float> partial_;
};

// The loops, plain ones over the channels of each row, which the compiler turns into vectors; every
// array of numbers a channel is [C].

/// sum += x - pivot, square_sum += (x - pivot)^2. A pivot near the mean keeps the difference of the
/// two from cancelling.
void add_moments(const float* x, const float* pivot, std::int64_t rows, std::int64_t channels,
                 float* sum, float* square_sum);

/// y = a(x * factor + offset).
void apply_norm(const float* x, const float* factor, const float* offset, float slope,
                std::int64_t rows, std::int64_t channels, float* y);

/// With g = dL/dt, t = x * factor + offset: sum += g, product_sum += g * (x - mean).
void add_gradient_sums(const float* x, const float* grad, const float* factor, const float* offset,
                       const float* mean, float slope, std::int64_t rows, std::int64_t channels,
                       float* sum, float* product_sum);

/// dL/dx = factor * g - tilt * x - level.
void apply_norm_gradient(const float* x, const float* grad, const float* factor,
                         const float* offset, const float* tilt, const float* level, float slope,
                         std::int64_t rows, std::int64_t channels, float* grad_x);

/// The five sums of the second derivatives, with g as above and v = dL/d(dL/dx):
/// g, g * (x - mean), v, v * (x - mean) and v * g.
void add_second_sums(const float* x, const float* grad, const float* v, const float* factor,
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
void apply_norm_second(const float* x, const float* grad, const float* v, const float* factor,
                       const float* offset, const SecondLines& lines, std::int64_t from,
                       float slope, std::int64_t rows, std::int64_t channels, float* to_grad,
                       float* to_x);

}  // namespace dcgan
