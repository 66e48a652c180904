// A tensor with its channels last in memory as rows of channels, in blocks that fit a core's cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/parallel.h"
#include "runtime/torch.h"

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

/// A block and where it lies.
struct Block {
  std::int64_t index;    ///< among all
  std::int64_t start;    ///< its first number, of the tensor's
  std::int64_t rows;     ///< how many it has
  std::int64_t numbers;  ///< likewise
  std::int64_t channel;  ///< its batch's first, in [batches * C]
};

inline Block block_at(const Rows& shape, std::int64_t block) {
  const std::int64_t batch = block / shape.blocks_in_batch();
  const std::int64_t first_row = block % shape.blocks_in_batch() * shape.rows_in_block();
  const std::int64_t rows = std::min(shape.rows_in_block(), shape.rows - first_row);
  return {block, (batch * shape.rows + first_row) * shape.channels, rows, rows * shape.channels,
          batch * shape.channels};
}

inline Rows rows_of(const torch::Tensor& x, std::int64_t batches) {
  return {batches, x.numel() / x.size(1) / batches, x.size(1)};
}

/// Calls `use` with the data of each tensor; all are float32, or all bfloat16.
template <typename Use, typename... Tensors>
void with_data(const Use& use, const Tensors&... tensors) {
  if ((... && (tensors.scalar_type() == at::kFloat))) {
    use(tensors.template data_ptr<float>()...);
  } else {
    use(tensors.template data_ptr<at::BFloat16>()...);
  }
}

/// `work` is called with each block and where it lies in the data of each tensor, as
/// parallel_blocks() does; all tensors are float32, or all bfloat16.
template <typename Work, typename... Tensors>
void each_block(const Rows& shape, const Work& work, const Tensors&... tensors) {
  with_data(
      [&](auto*... data) {
        parallel_blocks(shape.blocks(), [&](std::int64_t index) {
          const Block block = block_at(shape, index);
          work(block, data + block.start...);
        });
      },
      tensors...);
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

  /// float64 [kinds, batches * C].
  torch::Tensor total() {
    const std::int64_t blocks = shape_.blocks_in_batch();
    const std::int64_t columns = shape_.batches * shape_.channels;
    torch::Tensor sums = torch::zeros({kinds_, columns}, torch::kFloat64);
    auto* sum = sums.data_ptr<double>();
    for (std::int64_t kind = 0; kind < kinds_; ++kind) {
      for (std::int64_t i = 0; i < columns; ++i, ++sum) {
        const std::int64_t batch = i / shape_.channels;
        for (std::int64_t block = batch * blocks; block < (batch + 1) * blocks; ++block) {
          *sum += static_cast<double>(of(block, kind)[i % shape_.channels]);
        }
      }
    }
    return sums;
  }

 private:
  Rows shape_;
  std::int64_t kinds_;
  std::vector<float> partial_;
};

}  // namespace dcgan
