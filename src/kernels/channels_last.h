// The order in memory that the kernels work in.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/torch.h"

namespace dcgan {

/// x itself where its channels are last in memory, else a copy; [N, C] or [N, C, H, W].
inline torch::Tensor channels_last(const torch::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(torch::MemoryFormat::ChannelsLast) : x.contiguous();
}

/// [A, B, h, w] as a matrix [A, h * w * B]: a view where the channels are last in memory.
inline torch::Tensor as_matrix(const torch::Tensor& x) {
  return channels_last(x).permute({0, 2, 3, 1}).reshape({x.size(0), -1});
}

/// The inverse of as_matrix().
inline torch::Tensor from_matrix(const torch::Tensor& matrix, std::int64_t channels,
                                 const std::array<std::int64_t, 2>& size) {
  return matrix.view({matrix.size(0), size[0], size[1], channels}).permute({0, 3, 1, 2});
}

}  // namespace dcgan
